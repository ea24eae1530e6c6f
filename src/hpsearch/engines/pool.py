"""The workers of a study, and how one that is lost is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from hpsearch.engines.interface import Engine, Worker
from hpsearch.engines.messages import Job, OpenedStudy
from hpsearch.exceptions import WorkerDiedError

ATTEMPTS = 3
"""Workers that may die one after another while they open the study."""


class WorkerPool:
    """Workers that have one study open.

    They start at once, and import their libraries while the coordinator imports its own.
    """

    def __init__(self, engine: Engine, count: int, job: Job) -> None:
        self._engine, self._job = engine, replace(job, workers=count)
        try:
            self.workers = [self._begun(place) for place in range(count)]
        except BaseException:
            engine.close()
            raise

    def _begun(self, place: int) -> Worker:
        return self._engine.start(replace(self._job, place=place))

    def opened(self) -> OpenedStudy:
        """Wait until all workers have opened the study, and return what the first one found.

        Raises:
            HpsearchError: The study cannot be opened.
        """
        found = [self._opened(place) for place in range(len(self.workers))]
        if found[0].model is not None:
            # One that takes the place of a lost worker need not look for it again.
            self._job = replace(self._job, spec={**self._job.spec, "model": found[0].model})
        return found[0]

    def _opened(self, place: int) -> OpenedStudy:
        """Hear what a worker found; what kills one while it opens the study need not kill the next."""
        for _ in range(ATTEMPTS - 1):
            with suppress(WorkerDiedError):
                opened: OpenedStudy = self.workers[place].result()
                return opened
            self._replace(place)
        last: OpenedStudy = self.workers[place].result()
        return last

    def _replace(self, place: int) -> None:
        self.workers[place].close()
        self.workers[place] = self._begun(place)

    def renew(self, worker: Worker) -> Worker:
        """Put a new worker in the place of one that was lost."""
        place = self.workers.index(worker)
        self._replace(place)
        self._opened(place)
        return self.workers[place]

    def wait(self, busy: Sequence[Worker], seconds: float | None) -> Sequence[Worker]:
        """Wait until busy workers have their results, and return these; none after so many `seconds`."""
        return self._engine.wait(busy, seconds)

    def close(self) -> None:
        """End the workers, and release the engine."""
        for worker in self.workers:
            worker.close()
        self._engine.close()
