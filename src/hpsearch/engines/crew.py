"""The workers of a study, and how one that is lost is replaced."""

from __future__ import annotations

from collections.abc import Callable

from hpsearch.engines.job import Job, Opened
from hpsearch.engines.worker import Worker
from hpsearch.exceptions import WorkerDiedError


class Crew:
    """Workers that have one study open.

    They start at once, and import their libraries while the coordinator imports its own.
    """

    def __init__(self, make: Callable[[], Worker], count: int, job: Job) -> None:
        self._make, self._job = make, job
        self.workers = [make() for _ in range(count)]
        for worker in self.workers:
            worker.open(job)

    def opened(self) -> Opened:
        """Wait until all have opened the study, and give what the first found.

        Raises HpsearchError where the study cannot be opened.
        """
        found = [self._opened(worker) for worker in list(self.workers)]
        return found[0]

    def _opened(self, worker: Worker) -> Opened:
        try:
            opened: Opened = worker.result()
        except WorkerDiedError:
            # Whatever killed it need not kill the next.
            return self._replace(worker)[1]
        return opened

    def renew(self, worker: Worker) -> Worker:
        """Put a new worker in the place of one that was lost."""
        return self._replace(worker)[0]

    def _replace(self, worker: Worker) -> tuple[Worker, Opened]:
        worker.close()
        fresh = self._make()
        self.workers[self.workers.index(worker)] = fresh
        fresh.open(self._job)
        return fresh, fresh.result()

    def close(self) -> None:
        """End the workers."""
        for worker in self.workers:
            worker.close()
