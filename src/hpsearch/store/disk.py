"""The one place that writes bytes of ours: whole files at once, and lines at the end of a log.

Whatever fails or dies in between, a reader finds the old content or the new one.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from hpsearch.exceptions import StoreError

MODE = 0o666


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, flush it to the disk, and rename it.

    Raises StoreError where the system does not let us write; then the old file stays as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_new(temporary, content)
        os.replace(temporary, path)
        _flush_directory(path.parent)
    except OSError as failure:
        with suppress(OSError):
            os.unlink(temporary)
        raise cannot_write(path, failure) from None


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), MODE)
    try:
        _write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _flush_directory(directory: Path) -> None:
    """Bring a rename to the disk, where the system can open a directory."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename(path: Path, other: Path) -> None:
    """Give a file another name, in the place of what had it.

    Raises StoreError where the system does not let us.
    """
    try:
        os.replace(path, other)
    except OSError as failure:
        raise cannot_write(other, failure) from None


def encoded(text: str) -> bytes:
    """Encode as UTF-8; half of a surrogate pair, which UTF-8 cannot hold, becomes a question mark."""
    return text.encode("utf-8", "replace")


def duplicate(path: Path, other: Path) -> None:
    """Give the content of a file another name beside its own, where the system can without a copy.

    What replaces the file later does not reach the other name. Raises StoreError where the system does not
    let us write, FileNotFoundError where there is no such file.
    """
    if other.exists() and os.path.samefile(path, other):
        return
    temporary = other.with_name(f".{other.name}.{os.getpid()}.tmp")
    try:
        other.parent.mkdir(parents=True, exist_ok=True)
        _link(path, temporary)
        os.replace(temporary, other)
    except FileNotFoundError:
        raise
    except OSError as failure:
        with suppress(OSError):
            os.unlink(temporary)
        raise cannot_write(other, failure) from None


def _link(path: Path, other: Path) -> None:
    with suppress(FileNotFoundError):
        os.unlink(other)
    try:
        os.link(path, other)
    except OSError:
        shutil.copyfile(path, other)


def cannot_write(path: Path, failure: OSError) -> StoreError:
    """Return what could not be written, and why."""
    return StoreError(f"cannot write {path}: {failure.strerror}")


class Appender:
    """A file that only grows; what a failure cut short at its end has no newline."""

    def __init__(self, path: Path) -> None:
        self.path = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        # In a store from a stranger a link may lead to any file.
        flags |= getattr(os, "O_NOFOLLOW", 0)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, flags, MODE)
        except OSError as failure:
            raise cannot_write(path, failure) from None

    def append(self, piece: bytes, *, durable: bool = False) -> None:
        """Write a piece at the end; when `durable`, return only when it is on the disk."""
        try:
            _write_all(self._descriptor, piece)
            if durable:
                os.fsync(self._descriptor)
        except OSError as failure:
            raise cannot_write(self.path, failure) from None

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
