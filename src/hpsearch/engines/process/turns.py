"""Turns at compiling: of processes that want the same program one compiles it, and the others load it."""

from __future__ import annotations

import math
import os
import threading
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

MOST_SECONDS = 60.0
"""How long a process waits for another one's program: one that was stopped keeps its turn without end."""

POLL_SECONDS = 0.01

FILE = ".turns"


class Turns:
    """The turns at the programs of one directory; without effect where files cannot be locked.

    A turn is a lock on one byte of a file, at a place that the key of the program gives, so it ends with its
    process. A thread has one turn at a time.
    """

    def __init__(self, directory: Path) -> None:
        self._mine = threading.local()
        self._file: int | None = None
        # One file for the life of the process: closing any descriptor of it would end all turns at it.
        with suppress(ImportError, OSError):
            import fcntl

            self._lock = fcntl.lockf
            self._own, self._free = fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_UN
            self._file = os.open(directory / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @property
    def seconds(self) -> float:
        """Seconds since this thread took its last turn."""
        return time.monotonic() - float(getattr(self._mine, "begun", -math.inf))

    def take(self, key: str) -> bool:
        """Take the turn at a program when no other process has it, and return whether it was to be had.

        It ends with `give` or with this thread's next turn. After `MOST_SECONDS` it is no longer waited for.
        """
        self.give()
        place = int.from_bytes(sha256(key.encode()).digest()[:7], "big")
        until = time.monotonic() + MOST_SECONDS
        while (taken := self._locked(place)) is False and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        self._mine.place = place if taken else None
        self._mine.begun = time.monotonic()
        return bool(taken)

    def give(self) -> None:
        """End the turn of this thread, if it has one."""
        place = getattr(self._mine, "place", None)
        if place is not None and self._file is not None:
            self._mine.place = None
            with suppress(OSError):
                self._lock(self._file, self._free, 1, place)

    def _locked(self, place: int) -> bool | None:
        """Lock a place; False where another process has it, None where that cannot be told."""
        if self._file is None:
            return None
        try:
            self._lock(self._file, self._own, 1, place)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:  # not every network's disk has locks
            return None
        return True
