"""One process at a time: a lease with a number and a heartbeat.

Each process that runs a study holds a lease of its own, and the highest number holds. So a process that was
stopped, and wakes up when another has taken the study over, sees a higher number and writes nothing more.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from hpsearch.exceptions import StudyLockedError
from hpsearch.store.disk import MODE, cannot_write
from hpsearch.store.holder import Holder

BEAT_SECONDS = 1.0
SILENT_SECONDS = 5.0
"""A holder without a heartbeat for this long, by the watcher's own clock, counts as dead."""

BYTES = 512
"""Each beat overwrites the file with as many bytes as before, so that no reader sees a part."""


class Lease:
    """The right to run a study, until a higher number takes it."""

    def __init__(self, directory: Path, number: int) -> None:
        self.directory, self.number = directory, number
        self.path = _place(directory, number)
        # Exclusively: of two processes that want one number, one has it.
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        self._identity = Holder.own()
        self._beats = 0
        self._lock, self._done = Lock(), Event()
        try:
            self._beat()
        except OSError:
            os.close(self._descriptor)
            with suppress(OSError):
                self.path.unlink()
            raise

    def check(self) -> None:
        """Check that this process may still write.

        Raises:
            StudyLockedError: Another process has taken over the study.
        """
        if not self.holds():
            raise StudyLockedError(f"{_holder(self.directory)} has taken over the study: this process stops")

    def holds(self) -> bool:
        """Return whether no other process has taken over."""
        return self.path.exists() and not _place(self.directory, self.number + 1).exists()

    def keep(self) -> None:
        """Let the heart beat in a thread of its own."""
        Thread(target=self._keep, name="hpsearch lease", daemon=True).start()

    def _keep(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            with suppress(OSError):
                self._beat()

    def _beat(self, *, released: bool = False) -> None:
        # Into the open file, not to its name: a lease that was taken away must not come back.
        with self._lock:
            # A beat that waited while the lease was released must not take it again, nor write where another
            # file may be open by now.
            if self._done.is_set() and not released:
                return
            self._beats += 1
            told = {"holder": self._identity.dump(), "beat": self._beats, "released": released}
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, json.dumps(told).encode().ljust(BYTES))

    def release(self) -> None:
        """Let the study go."""
        self._done.set()
        with suppress(OSError):
            self._beat(released=True)
        os.close(self._descriptor)


@contextmanager
def leased(directory: Path, *, takeover: bool = False) -> Iterator[Lease]:
    """Hold the lease of a study.

    A lease whose holder is dead, as far as this machine can tell, is replaced at once.

    Args:
        directory: Where the leases of the study are.
        takeover: Whether to replace any other holder that has been silent for 5 s.

    Raises:
        StudyLockedError: Another process holds it; the message names its process id and host.
        StoreError: The directory cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lease = _acquire(directory, takeover=takeover)
    except OSError as failure:
        raise cannot_write(directory, failure) from None
    lease.keep()
    try:
        yield lease
    finally:
        lease.release()


def _acquire(directory: Path, *, takeover: bool) -> Lease:
    while True:
        newest = max(_numbers(directory), default=0)
        if newest:
            _check_free(directory, newest, takeover=takeover)
        try:
            lease = Lease(directory, newest + 1)
        except FileExistsError:
            continue
        if max(_numbers(directory)) == lease.number:
            for number in _numbers(directory):
                if number < lease.number:
                    _place(directory, number).unlink(missing_ok=True)
            return lease
        # Others came and went while this process slept.
        lease.release()
        lease.path.unlink(missing_ok=True)


def _check_free(directory: Path, number: int, *, takeover: bool) -> None:
    path = _place(directory, number)
    told = _read(path)
    if told.get("released") is True:
        return
    holder = Holder.read(told.get("holder"))
    if holder is not None and holder.is_dead():
        return
    # A lease that says nothing comes from a process that died when it took it.
    if (takeover or holder is None) and _is_silent(path):
        return
    who = holder or "another process"
    hint = "it is still running" if takeover else "if it hangs or its machine is gone, use --takeover"
    raise StudyLockedError(f"the study is locked by {who}: wait for it to end, or stop it ({hint})")


def _is_silent(path: Path) -> bool:
    """Watch a lease, by this process's own clock: clocks of two machines, and of one, may differ."""
    before = _content(path)
    end = time.monotonic() + SILENT_SECONDS
    while time.monotonic() < end:
        time.sleep(BEAT_SECONDS / 4)
        if _content(path) != before:
            return False
    return True


def _holder(directory: Path) -> str:
    newest = max(_numbers(directory), default=0)
    holder = Holder.read(_read(_place(directory, newest)).get("holder"))
    return "another process" if holder is None else str(holder)


def _numbers(directory: Path) -> list[int]:
    return [int(path.stem) for path in directory.glob("*.json") if path.stem.isdecimal()]


def _place(directory: Path, number: int) -> Path:
    return directory / f"{number:06}.json"


def _content(path: Path) -> bytes:
    with suppress(OSError):
        return path.read_bytes()
    return b""


def _read(path: Path) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        told = json.loads(_content(path))
        return told if isinstance(told, dict) else {}
    return {}
