"""A process for training, which can be started before it is known what it trains."""

from __future__ import annotations

import gc
import multiprocessing
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from threading import Lock
from types import ModuleType
from typing import Any


class SpawnedProcess:
    """A process that serves a worker through a pipe.

    It is spawned, so that cores and backend can be set before JAX starts.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), name="hpsearch worker", daemon=True)
        with main_hidden(), _interrupts_held():
            self.process.start()
        theirs.close()

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.process.join()


_ahead: list[SpawnedProcess] = []


@contextmanager
def process_ahead() -> Iterator[None]:
    """Start a process for the first worker that is started inside; one that is not taken is killed.

    It imports its libraries while this process imports its own and reads the study.
    """
    # Where the system has no more processes, the worker says so.
    with suppress(OSError):
        _ahead.append(SpawnedProcess())
    try:
        yield
    finally:
        while _ahead:
            _ahead.pop().kill()


def spawned() -> SpawnedProcess:
    """Return the process that was started ahead, or start one."""
    return _ahead.pop() if _ahead else SpawnedProcess()


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


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold back Ctrl-C until the end, and from a process that is started meanwhile, for good.

    Else one that comes before `_serve` would print a traceback.
    """
    # Its start would let them through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_HIDING = Lock()
"""Two threads that hid it at once would not find it again."""


def _serve(pipe: Any) -> None:
    # Ctrl-C reaches the whole group of processes; the coordinator decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What is imported stays: to look through it again and again takes a tenth of the start.
    gc.disable()
    from hpsearch.engines.local import serve

    serve(pipe)
