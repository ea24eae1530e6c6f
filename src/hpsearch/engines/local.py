"""Training in processes of this machine, one for each worker."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection
from threading import Lock
from types import ModuleType
from typing import Any

from hpsearch.engines.interface import Engine, Worker
from hpsearch.engines.messages import Job, Order
from hpsearch.engines.process.failures import show_warnings, told
from hpsearch.exceptions import HpsearchError, WorkerDiedError, WorkerError


class LocalWorker(Worker):
    """Works in a process that it spawns, so that cores and backend can be set before JAX starts."""

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), name="hpsearch worker", daemon=True)
        with main_hidden():
            self._process.start()
        self._busy = False
        theirs.close()
        self._send(job)

    def submit(self, order: Order) -> None:
        self._send(order)

    def _send(self, message: Any) -> None:
        # If the worker has died, `result` reports it.
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
        hint = ": it may have run out of memory" if code == -signal.SIGKILL else ""
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
            # Its result is no longer needed.
            self.kill()
        self.pipe.close()


@contextmanager
def main_hidden() -> Iterator[None]:
    """Hide the main program from processes that are spawned meanwhile.

    Python would run its file again in the new process: a script that calls hpsearch without testing its
    `__name__` would start the study once more. A worker needs nothing of it.
    """
    with _HIDING:
        known = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = known


_HIDING = Lock()
"""Two threads that hid it at once would not find it again."""


class LocalEngine(Engine):
    """Trains in processes of this machine."""

    def start(self, job: Job) -> Worker:
        return LocalWorker(job)

    def wait(self, workers: Sequence[Worker], seconds: float | None = None) -> Worker | None:
        local = [worker for worker in workers if isinstance(worker, LocalWorker)]
        ready = connection.wait([worker.pipe for worker in local], seconds)
        return next((worker for worker in local if worker.pipe in ready), None)


def serve(pipe: Any) -> None:
    """Serve orders from a pipe until it closes; what a worker process runs."""
    # Ctrl-C reaches the whole group of processes; the coordinator decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    show_warnings()
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
                from hpsearch.engines.session.session import Session

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
