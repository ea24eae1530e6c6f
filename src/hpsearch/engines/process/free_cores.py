"""A core of its own for each worker on a machine, whatever study it is of."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_path

try:
    import fcntl
except ImportError:  # where there is none, workers of several studies do not know of each other
    fcntl = None  # type: ignore[assignment]

ROUNDS = 64
"""So many workers can share a core before they are not counted any more."""

_held: list[int] = []
"""Descriptors of the locks that this process holds; they are freed with it, however it ends."""


def lock_directory() -> Path:
    """Return the directory in which the workers of this user lock their cores."""
    return user_cache_path("hpsearch") / "cores"


def take_core(cores: Sequence[int], directory: Path | None = None) -> int:
    """Take the first of some cores that has the fewest workers, and hold it to the end of the process.

    Where nothing can be locked it is the first.
    """
    place = lock_directory() if directory is None else directory
    if fcntl is not None:
        with suppress(OSError):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            for round_ in range(ROUNDS):
                for core in cores:
                    if _locked(_lock(place, core, round_)):
                        return core
    return cores[0]


def held_cores(cores: Sequence[int], directory: Path | None = None) -> tuple[int, ...]:
    """Return those of some cores that a worker holds."""
    place = lock_directory() if directory is None else directory
    return () if fcntl is None else tuple(core for core in cores if _is_held(_lock(place, core, 0)))


def _lock(directory: Path, core: int, round_: int) -> Path:
    # The directory may be shared by machines: each has cores of its own.
    machine = re.sub(r"[^\w.-]", "_", platform.node())
    return directory / f"{machine}-{core}-{round_}.lock"


def _is_held(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        try:
            # Shared, and only for a moment: those who count do not see each other.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _locked(path: Path) -> bool:
    """Lock a file for as long as this process lives; tell whether no other has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    except OSError:
        os.close(descriptor)
        raise
    _held.append(descriptor)
    return True
