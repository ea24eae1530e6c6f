"""Training in the tasks of one Slurm job step."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from threading import Event
from typing import Any, ClassVar

from hpsearch.engines.interface import Worker
from hpsearch.engines.local import LocalEngine, LocalWorker, PipeWorker
from hpsearch.engines.messages import Job
from hpsearch.engines.policy.capacity import Capacity
from hpsearch.engines.slurm.meeting import meeting
from hpsearch.engines.slurm.step import Step
from hpsearch.exceptions import UnsupportedError, WorkerDiedError
from hpsearch.spec.sections.engine import WorkerCount, WorkerNeeds

COMING_SECONDS = 120
"""Tasks of a step start together; one that was lost is back as soon as its process is."""


class SlurmWorker(PipeWorker):
    """Works in another task of the step, from when that has come."""

    def __init__(self, rank: int, job: Job) -> None:
        self._rank, self._job = rank, job
        self._met, self._busy = Event(), True
        meeting().expect(rank, self._meet)

    def _meet(self, connection: Connection) -> None:
        self.pipe = connection
        self._send(self._job)
        self._met.set()

    def result(self) -> Any:
        if not self._met.wait(COMING_SECONDS):
            raise WorkerDiedError(f"task {self._rank} of the Slurm step has not come for {COMING_SECONDS} s")
        return super().result()

    def _death(self) -> WorkerDiedError:
        return WorkerDiedError(f"the worker in task {self._rank} of the Slurm step died, or its node is gone")

    def kill(self) -> None:
        # The task ends what it does, and comes again.
        if self._met.is_set():
            self.pipe.close()

    def close(self) -> None:
        if self._met.is_set() and not self._busy:
            with suppress(OSError):
                self.pipe.send(None)
        self.kill()


class SlurmEngine(LocalEngine):
    """Trains in one process for each task of a job step, where the disk is shared; the first task is here.

    Raises:
        UnsupportedError: This process is not the first task of a step.
    """

    usual_workers: ClassVar[WorkerCount] = "auto"

    def __init__(self, address: str | None = None, needs: WorkerNeeds | None = None) -> None:
        super().__init__(address, needs)
        self._step = Step.own()
        if self._step.rank:
            raise UnsupportedError(
                f"--engine slurm: task {self._step.rank} of the step works for task 0: use the command line"
            )
        meeting()

    def capacity(self) -> Capacity:
        tasks = self._step.tasks
        return Capacity(tasks, f"the Slurm step has {tasks} task{'' if tasks == 1 else 's'}")

    def start(self, job: Job) -> Worker:
        rank = job.place
        if rank >= self._step.tasks:
            raise UnsupportedError(f"--workers {job.workers}: {self.capacity().reason}")
        # The cores and accelerators that a task sees are its own.
        alone = replace(job, place=0, workers=1)
        return SlurmWorker(rank, alone) if rank else LocalWorker(alone)
