"""Named arrays in one file with a checksum: weights and checkpoints. Nothing in it can run code."""

from __future__ import annotations

import io
import json
import tokenize
import zipfile
import zlib
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.archives import ArchiveError, bounded
from hpsearch.store.disk import write_atomically

MAGIC = b"hpsearch-arrays-1\n"
DIGEST_BYTES = 32

MAX_FILE = 2**35
"""Bytes of a file of arrays: a checkpoint of 3 billion numbers with the optimizer's."""

DAMAGED = (
    *(ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, RuntimeError, MemoryError),
    *(SyntaxError, OverflowError, zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)
"""What numpy, zipfile and json raise for what somebody else wrote."""


def write_arrays(path: Path, arrays: dict[str, NDArray[Any]], progress: dict[str, Any]) -> None:
    """Write arrays and plain numbers: a magic line, the SHA-256 of what follows, then a plain .npz."""
    stream = io.BytesIO()
    note = np.frombuffer(json.dumps(progress).encode(), np.uint8)
    names = np.frombuffer(json.dumps(list(arrays)).encode(), np.uint8)
    numbered: dict[str, Any] = {f"a{index}": value for index, value in enumerate(arrays.values())}
    np.savez(stream, progress=note, names=names, **numbered)
    body = stream.getvalue()
    write_atomically(path, MAGIC + sha256(body).digest() + body)


def read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """Read what `write_arrays` wrote; None where there is no such file, or it is not what was written."""
    try:
        content = bounded(path, MAX_FILE)
    except (OSError, ArchiveError):
        return None
    start = len(MAGIC) + DIGEST_BYTES
    body = content[start:]
    if not content.startswith(MAGIC) or sha256(body).digest() != content[len(MAGIC) : start]:
        return None
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            _refuse_packed(archive.zip, len(body))
            names = json.loads(archive["names"].tobytes())
            arrays = {str(name): archive[f"a{index}"] for index, name in enumerate(names)}
            progress = json.loads(archive["progress"].tobytes())
    except DAMAGED:
        return None
    whole = isinstance(progress, dict) and all(isinstance(array, np.ndarray) for array in arrays.values())
    return (arrays, progress) if whole else None


def _refuse_packed(archive: zipfile.ZipFile | None, held: int) -> None:
    """Refuse what would take more memory than the file has bytes: ours are not packed."""
    members = [] if archive is None else archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ArchiveError("its arrays are packed")
    if sum(member.file_size for member in members) > held:
        raise ArchiveError("its arrays are larger than the file")
