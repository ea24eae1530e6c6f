"""Measure archives before they are unpacked, because the sizes that a zip file declares need not be true."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

MAX_BYTES = 2**33
"""Size above which data and archives are refused, rather than the machine brought down."""

MAX_MEMBERS = 10_000

FREE_BYTES, MAX_GROWTH = 2**28, 20
"""Beyond so many bytes an archive of weights may unpack to so many times its size: deflate reaches 1,000."""

PIECE = 2**20

_LOCAL = struct.Struct("<4s22xHH")
"""A member's own header: its signature, and the lengths of its name and of what follows."""


class ArchiveError(ValueError):
    """An archive is larger than it declares, or than may be unpacked."""


def bounded(path: Path, limit: int) -> bytes:
    """Read a file of limited size.

    Args:
        path: The file.
        limit: The most bytes it may have.

    Raises:
        OSError: It cannot be read.
        ArchiveError: It is larger.
    """
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > limit:
            raise ArchiveError(f"it has {size:,} bytes; the limit is {limit:,}")
        # A log may grow meanwhile; what is no file, and has no size, must not be read without end.
        return stream.read(size + PIECE)


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive of weights of unknown origin, after measuring it.

    Raises:
        ArchiveError: It unpacks to too much.
        Exception: Whatever `zipfile` raises.
    """
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        with zipfile.ZipFile(stream) as archive:
            measure(archive, stream, min(MAX_BYTES, FREE_BYTES + MAX_GROWTH * size))
            yield archive


def measure(archive: zipfile.ZipFile, stream: IO[bytes], limit: int) -> None:
    """Unpack every member piece by piece, without keeping anything, and count the bytes.

    Args:
        archive: The archive.
        stream: The file that it is read from.
        limit: The most bytes of all members together.

    Raises:
        ArchiveError: A member holds more than it declares, or all together more than the limit.
    """
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise ArchiveError(f"it has {len(members):,} members, of at most {MAX_MEMBERS:,}")
    declared = sum(member.file_size for member in members)
    if declared > limit:
        raise ArchiveError(f"it unpacks to {declared:,} bytes; the limit is {limit:,}")
    for member in members:
        _measure(member, stream)


def _measure(member: zipfile.ZipInfo, stream: IO[bytes]) -> None:
    if member.compress_type == zipfile.ZIP_STORED:
        if member.compress_size != member.file_size:
            raise ArchiveError(f"{member.filename} does not have its declared size")
        return
    if member.compress_type != zipfile.ZIP_DEFLATED:
        # Those of zipfile's other methods unpack at once whatever there is.
        raise ArchiveError(f"{member.filename} is not compressed with deflate")
    if _held(member, stream) > member.file_size:
        raise ArchiveError(
            f"{member.filename} holds more than the {member.file_size:,} bytes that it declares"
        )


def _held(member: zipfile.ZipInfo, stream: IO[bytes]) -> int:
    """Return how many bytes a deflated member holds, stopping once they exceed what it declares."""
    _seek(member, stream)
    engine, left, held = zlib.decompressobj(-zlib.MAX_WBITS), member.compress_size, 0
    while not engine.eof and held <= member.file_size:
        packed = engine.unconsumed_tail
        if not packed:
            packed = stream.read(min(PIECE, left))
            left -= len(packed)
        piece = engine.decompress(packed, PIECE)
        held += len(piece)
        if not piece and not packed:
            break
    return held


def _seek(member: zipfile.ZipInfo, stream: IO[bytes]) -> None:
    """Move the stream to the first byte of a member."""
    stream.seek(member.header_offset)
    head = stream.read(_LOCAL.size)
    if len(head) < _LOCAL.size:
        raise ArchiveError(f"{member.filename} begins after the end of the file")
    signature, name, extra = _LOCAL.unpack(head)
    if signature != b"PK\x03\x04":
        raise ArchiveError(f"{member.filename} has no header")
    stream.seek(name + extra, os.SEEK_CUR)
