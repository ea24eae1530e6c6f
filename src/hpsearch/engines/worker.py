"""Workers: the interface, one in this process for tests and debugging, and one in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from abc import ABC, abstractmethod
from contextlib import suppress
from multiprocessing import connection
from pathlib import Path
from typing import Any

from hpsearch.engines.job import Job, Order
from hpsearch.exceptions import HpsearchError, WorkerError


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

        Raises HpsearchError as the worker raised it, and WorkerError where the worker died.
        """

    @abstractmethod
    def close(self) -> None:
        """End the worker."""

    def do(self, order: Order) -> Any:
        """Hand over an order and wait for its result."""
        self.submit(order)
        return self.result()


def wait_for(workers: list[Worker]) -> Worker:
    """Wait until one of several busy workers has its result; the first in the list where several have."""
    for worker in workers:
        if not isinstance(worker, LocalWorker):
            return worker
    local = [worker for worker in workers if isinstance(worker, LocalWorker)]
    ready = connection.wait([worker.pipe for worker in local])
    return next(worker for worker in local if worker.pipe in ready)


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
        self._result = self._session.do(order)

    def result(self) -> Any:
        return self._result

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
        try:
            self.pipe.send(message)
            self._busy = True
        except OSError:
            raise self._death() from None

    def result(self) -> Any:
        try:
            answer = self.pipe.recv()
            self._busy = False
        except (EOFError, OSError):
            raise self._death() from None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _death(self) -> WorkerError:
        self._process.join(5)
        code = self._process.exitcode
        cause = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return WorkerError(f"the worker process died ({cause})")

    def close(self) -> None:
        with suppress(OSError):
            self.pipe.send(None)
        if not self._busy:
            self._process.join(5)
        if self._process.is_alive():
            # It is at work that nobody waits for any more.
            self._process.kill()
            self._process.join()
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
            answer = WorkerError(_told(failure))
        with suppress(BrokenPipeError):
            pipe.send(answer)
    # Leave without the libraries' farewells, which can hang on threads of their own.
    os._exit(0)


def _told(failure: Exception) -> str:
    last = traceback.extract_tb(failure.__traceback__)[-1]
    place = f"{last.name}, {Path(last.filename).name}:{last.lineno}"
    text = (str(failure).splitlines() or [""])[0]
    return f"{type(failure).__name__}: {text} (in {place})"
