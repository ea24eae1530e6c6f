"""One process at a time: a lock that the system releases when its holder dies."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hpsearch.exceptions import StoreError, StudyLockedError


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a study.

    Raises StudyLockedError, with the holder's process id and host, where another process holds it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as failure:
        raise StoreError(f"cannot write {path}: {failure.strerror}") from None
    try:
        if not _take(descriptor):
            holder = _holder(descriptor)
            who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')}"
            raise StudyLockedError(f"the study is being run by {who}; wait for it, or stop it first")
        os.ftruncate(descriptor, 0)
        note = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
        os.pwrite(descriptor, note.encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows has no flock; there the lock only tells who was last.
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _holder(descriptor: int) -> dict[str, Any]:
    with suppress(ValueError):
        holder = json.loads(os.pread(descriptor, 1_000, 0))
        return holder if isinstance(holder, dict) else {}
    return {}
