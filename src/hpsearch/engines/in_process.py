"""Training in this process, for tests and debugging."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hpsearch.engines.interface import Engine, Worker
from hpsearch.engines.messages import Job, Order
from hpsearch.engines.process.failures import outcome
from hpsearch.exceptions import WorkerDiedError


class InProcessWorker(Worker):
    """Works in this process: for tests and debugging."""

    def __init__(self, job: Job) -> None:
        from hpsearch.engines.session.session import Session

        self._session: Any = Session(job, spawned=False)
        self._result: Any = self._session.opened()

    def submit(self, order: Order) -> None:
        if self._session is None:
            return
        self._result = outcome(partial(self._session.do, order))

    def result(self) -> Any:
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result

    def kill(self) -> None:
        self.close()
        self._result = WorkerDiedError("the worker was stopped")

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


class InProcessEngine(Engine):
    """Trains in this process: an order is carried out when it is submitted."""

    def start(self, job: Job) -> Worker:
        return InProcessWorker(job)

    def wait(self, workers: Sequence[Worker], seconds: float | None = None) -> Sequence[Worker]:  # noqa: ARG002
        return workers
