"""The folder that rows from memory are kept in, named after their content."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DIGITS = 16
"""Hexadecimal digits of the fingerprint that name the folder."""


def folder_of(parent: Path, fingerprint: str) -> Path:
    """Return the folder of rows with a fingerprint."""
    return parent / fingerprint[:DIGITS]


@contextmanager
def written(folder: Path) -> Iterator[Path]:
    """Give a new folder to write rows into, which takes its place as a whole in the end."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
    try:
        yield new
        new.chmod(0o755)
        with suppress(FileExistsError):
            new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
