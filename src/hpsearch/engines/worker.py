"""Workers: the interface, one in this process for tests and debugging, and one in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
from abc import ABC, abstractmethod
from contextlib import suppress
from multiprocessing import connection
from typing import Any

from hpsearch.engines.failures import told
from hpsearch.engines.job import Job, Order
from hpsearch.exceptions import HpsearchError, WorkerDiedError, WorkerError


class Worker(ABC):
    """Carries out orders, one at a time: `submit`, then `result`."""

    @abstractmethod
    def open(self, job: Job) -> None:
        """Begin to open a study; `result` gives what was found."""

    @abstractmethod
    def submit(self, order: Order) -> None:
        """Hand over an order."""

    @abstractmethod
    def result(self) -> Any:
        """Wait for the result of the last order.

        Raises HpsearchError as the worker raised it, WorkerError where it raised something else, and
        WorkerDiedError where the worker died.
        """

    @abstractmethod
    def kill(self) -> None:
        """End the worker at once, whatever it is at."""

    @abstractmethod
    def close(self) -> None:
        """End the worker."""

    def do(self, order: Order) -> Any:
        """Hand over an order and wait for its result."""
        self.submit(order)
        return self.result()


def wait_for(workers: list[Worker], seconds: float | None = None) -> Worker | None:
    """Wait until one of several busy workers has its result; the first in the list where several have.

    Gives None after so many `seconds` without a result.
    """
    for worker in workers:
        if not isinstance(worker, LocalWorker):
            return worker
    local = [worker for worker in workers if isinstance(worker, LocalWorker)]
    ready = connection.wait([worker.pipe for worker in local], seconds)
    return next((worker for worker in local if worker.pipe in ready), None)


class InProcessWorker(Worker):
    """Works in this process: for tests and debugging."""

    def __init__(self) -> None:
        self._session: Any = None
        self._result: Any = None

    def open(self, job: Job) -> None:
        from hpsearch.engines.session import Session

        self._session = Session(job, spawned=False)
        self._result = self._session.opened()

    def submit(self, order: Order) -> None:
        try:
            self._result = self._session.do(order)
        except HpsearchError as failure:
            self._result = failure
        except Exception as failure:  # noqa: BLE001 - as in a process of its own
            self._result = WorkerError(told(failure))

    def result(self) -> Any:
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result

    def kill(self) -> None:
        self.close()

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


class LocalWorker(Worker):
    """Works in a process that it spawns, so that cores and backend can be set before JAX starts."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), name="hpsearch worker", daemon=True)
        self._process.start()
        self._busy = False
        theirs.close()

    def open(self, job: Job) -> None:
        self._send(job)

    def submit(self, order: Order) -> None:
        self._send(order)

    def _send(self, message: Any) -> None:
        # Where nobody is there any more, the answer will say so.
        with suppress(OSError):
            self.pipe.send(message)
        self._busy = True

    def result(self) -> Any:
        try:
            answer = self.pipe.recv()
            self._busy = False
        except (EOFError, OSError):
            raise self._death() from None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _death(self) -> WorkerDiedError:
        self._process.join(5)
        code = self._process.exitcode
        cause = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        hint = ": was the memory used up?" if code == -signal.SIGKILL else ""
        return WorkerDiedError(f"the worker process died ({cause}){hint}")

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        with suppress(OSError):
            self.pipe.send(None)
        if not self._busy:
            self._process.join(5)
        if self._process.is_alive():
            # It is at work that nobody waits for any more.
            self.kill()
        self.pipe.close()


def serve(pipe: Any) -> None:
    """Serve orders from a pipe until it closes; what a worker process runs."""
    # Ctrl-C reaches the whole group of processes; the coordinator decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    session: Any = None
    while True:
        try:
            message = pipe.recv()
        except (EOFError, OSError):
            break
        if message is None:
            break
        try:
            if isinstance(message, Job):
                from hpsearch.engines.session import Session

                session = Session(message, spawned=True)
                answer: Any = session.opened()
            else:
                answer = session.do(message)
        except HpsearchError as failure:
            answer = failure
        except Exception as failure:  # noqa: BLE001 - whatever a model raises is the coordinator's to record
            answer = WorkerError(told(failure))
        with suppress(BrokenPipeError):
            pipe.send(answer)
    # Leave without the libraries' farewells, which can hang on threads of their own.
    os._exit(0)
