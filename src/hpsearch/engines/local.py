"""Training in processes of this machine, one for each worker."""

from __future__ import annotations

import gc
import os
import signal
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from multiprocessing import connection
from typing import Any

from hpsearch.engines.interface import Engine, Worker
from hpsearch.engines.messages import Job, Order
from hpsearch.engines.policy.capacity import Capacity, machine_capacity
from hpsearch.engines.process.accelerators import use_accelerator
from hpsearch.engines.process.failures import outcome, show_warnings
from hpsearch.engines.process.spawn import spawned
from hpsearch.exceptions import WorkerDiedError


class PipeWorker(Worker):
    """Works in another process, at the end of a pipe."""

    pipe: Any
    _busy = False

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

    @abstractmethod
    def _death(self) -> WorkerDiedError:
        """Return why the pipe has closed."""


class LocalWorker(PipeWorker):
    """Works in a process of its own."""

    def __init__(self, job: Job) -> None:
        self._spawned = spawned()
        self.pipe, self._process = self._spawned.pipe, self._spawned.process
        self._send(job)

    def _death(self) -> WorkerDiedError:
        self._process.join(5)
        code = self._process.exitcode
        cause = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        hint = ": it may have run out of memory" if code == -signal.SIGKILL else ""
        return WorkerDiedError(f"the worker process died ({cause}){hint}")

    def kill(self) -> None:
        self._spawned.kill()

    def close(self) -> None:
        with suppress(OSError):
            self.pipe.send(None)
        if not self._busy:
            self._process.join(5)
        if self._process.is_alive():
            # Its result is no longer needed.
            self.kill()
        self.pipe.close()


class LocalEngine(Engine):
    """Trains in processes of this machine."""

    def capacity(self) -> Capacity:
        return machine_capacity()

    def start(self, job: Job) -> Worker:
        return LocalWorker(job)

    def wait(self, workers: Sequence[Worker], seconds: float | None = None) -> Sequence[Worker]:
        by_pipe: dict[Any, Worker] = {
            worker.pipe: worker for worker in workers if isinstance(worker, PipeWorker)
        }
        return [by_pipe[pipe] for pipe in connection.wait(by_pipe, seconds)]


def serve(pipe: Any) -> None:
    """Serve orders from a pipe until it closes; what a worker process runs."""
    show_warnings()
    from hpsearch.engines.session.session import Session

    session: Any = None

    def answer_to(message: Any) -> Any:
        nonlocal session
        if not isinstance(message, Job):
            return session.do(message)
        use_accelerator(message.place, message.workers)
        session = Session(message, spawned=True)
        opened = session.opened()
        gc.freeze()
        gc.enable()
        return opened

    while True:
        try:
            message = pipe.recv()
        except (EOFError, OSError):
            break
        if message is None:
            break
        answer = outcome(partial(answer_to, message))
        with suppress(BrokenPipeError):
            pipe.send(answer)
    # Leave without the libraries' farewells, which can hang on threads of their own.
    os._exit(0)
