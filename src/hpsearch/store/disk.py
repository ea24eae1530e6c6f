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

    Raises:
        StoreError: The system does not allow it. The old file then stays as it was.
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
    """Rename a file, in the place of another one of the new name.

    Raises:
        StoreError: The system does not allow it.
    """
    try:
        os.replace(path, other)
    except OSError as failure:
        raise cannot_write(other, failure) from None


def encoded(text: str) -> bytes:
    """Encode as UTF-8; half of a surrogate pair, which UTF-8 cannot hold, becomes a question mark."""
    return text.encode("utf-8", "replace")


def duplicate(path: Path, other: Path) -> None:
    """Give a file a second name, by a hard link where the system has them, else by a copy.

    A new file that later replaces the one does not change the other.

    Raises:
        StoreError: The system does not allow it.
        FileNotFoundError: There is no such file.
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
        """Write a piece at the end.

        Args:
            piece: Whole lines.
            durable: Whether to return only when they are on the disk.

        Raises:
            StoreError: They cannot be written, or only in part.
        """
        try:
            _write_all(self._descriptor, piece)
            if durable:
                os.fsync(self._descriptor)
        except OSError as failure:
            raise cannot_write(self.path, failure) from None

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
