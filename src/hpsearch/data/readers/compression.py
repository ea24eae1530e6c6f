"""The content of a file, also of a compressed one, up to a limit."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from hpsearch.exceptions import DataError

MAX_FILE = 2 * 10**9
"""Bytes of a file of text, unpacked."""

MAX_LINE = 64 * 2**20
"""Bytes of a line of it."""

PIECE = 2**22

PACKED: Mapping[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
"""How a compressed file is opened, by its first bytes."""

ZIP = b"PK\x03\x04"


def content(path: Path) -> bytes:
    """Read a file of text, unpacked where it is compressed by gzip, bzip2, xz or, as the only member, zip.

    Raises:
        DataError: There is no such file, it cannot be read or unpacked, or it is too large.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file.")
    size = path.stat().st_size
    if size > MAX_FILE:
        raise DataError(f"{path}: the file has {size / 1e9:.1f} GB; the limit for csv files is 2 GB.")
    try:
        with path.open("rb") as file:
            start = file.read(max(map(len, PACKED)))
            file.seek(0)
            if start.startswith(ZIP):
                return _member(path, file)
            unpack = next((opened for magic, opened in PACKED.items() if start.startswith(magic)), None)
            if unpack is None:
                return _plain(path, file, size)
            with unpack(file) as unpacked:
                return b"".join(_pieces(path, unpacked))
    except (OSError, EOFError, lzma.LZMAError, zipfile.BadZipFile, ValueError) as failure:
        raise DataError(f"{path}: the file cannot be read ({failure}).") from None
    except (RuntimeError, NotImplementedError) as failure:
        raise DataError(f"{path}: the archive cannot be unpacked ({failure}).") from None


def _plain(path: Path, file: IO[bytes], size: int) -> bytes:
    """Read a file that is not compressed at once: pieces would be held twice while they are joined."""
    if size > MAX_LINE:
        for _ in _pieces(path, file):
            pass
        file.seek(0)
    return file.read()


def is_archive_of_text(path: Path) -> bool:
    """Return whether a file is a zip archive with one file, which is none of a workbook's parts."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except (OSError, zipfile.BadZipFile, ValueError):
        return False
    return len(members) == 1 and not members[0].filename.endswith((".npy", ".xml"))


def _member(path: Path, file: IO[bytes]) -> bytes:
    with zipfile.ZipFile(file) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            raise DataError(f"{path}: the archive holds {len(members)} files; expected one, the table.")
        with archive.open(members[0]) as unpacked:
            return b"".join(_pieces(path, unpacked))


def _pieces(path: Path, stream: IO[bytes]) -> Iterator[bytes]:
    """Iterate over the content of a file piece by piece, as far as it is small enough to be held.

    Raises:
        DataError: It, or one of its lines, is longer than the limit.
    """
    size = line = length = 0
    while piece := stream.read(PIECE):
        size += len(piece)
        if size > MAX_FILE:
            raise DataError(f"{path}: the file unpacks to more than 2 GB, which is the limit for csv files.")
        end = max(piece.rfind(b"\n"), piece.rfind(b"\r"))
        length = length + len(piece) if end < 0 else len(piece) - end - 1
        if length > MAX_LINE:
            raise DataError(f"{path}:{line + 1}: this line has more than {MAX_LINE:,} characters.")
        line += piece.count(b"\n")
        yield piece
