"""Named arrays in one file with a checksum: weights and checkpoints. Nothing in it can run code."""

from __future__ import annotations

import io
import json
import tokenize
import warnings
import zipfile
import zlib
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.data.archives import ArchiveError, bounded
from hpsearch.store.disk import write_atomically
from hpsearch.store.identity import UNKNOWN, DamagedError, Stamp, StudyIdentity

MAGIC = b"hpsearch-arrays-1\n"
DIGEST_BYTES = 32

STAMP = "identity"
"""The key of the identity of the file among the plain numbers."""

MAX_FILE = 2**35
"""Bytes of a file of arrays: a checkpoint of 3 billion numbers with the optimizer's."""

DAMAGED = (
    *(ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, RuntimeError, MemoryError),
    *(SyntaxError, OverflowError, zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)
"""What numpy, zipfile and json raise for foreign content."""


def write_arrays(
    path: Path, arrays: dict[str, NDArray[Any]], progress: dict[str, Any], stamp: Stamp | None = None
) -> None:
    """Write arrays and plain numbers: a magic line, the SHA-256 of what follows, then a plain .npz.

    Args:
        path: The file; its directory is created.
        arrays: The arrays by name.
        progress: Plain data that JSON can hold.
        stamp: What the file belongs to, as `StudyIdentity.stamp` returns it.

    Raises:
        StoreError: The file cannot be written.
    """
    stream = io.BytesIO()
    note = np.frombuffer(json.dumps({**progress, STAMP: stamp} if stamp else progress).encode(), np.uint8)
    names = np.frombuffer(json.dumps(list(arrays)).encode(), np.uint8)
    numbered: dict[str, Any] = {f"a{index}": value for index, value in enumerate(arrays.values())}
    np.savez(stream, progress=note, names=names, **numbered)
    body = stream.getvalue()
    write_atomically(path, MAGIC + sha256(body).digest() + body)


def read_arrays(
    path: Path, identity: StudyIdentity = UNKNOWN, **expected: Any
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """Read what `write_arrays` wrote; None where there is no such file, or with a warning another one."""
    try:
        return load_arrays(path, identity, **expected)
    except FileNotFoundError:
        return None
    except DamagedError as failure:
        warnings.warn(f"{path} is not used: {failure}", RuntimeWarning, stacklevel=2)
        return None


def load_arrays(
    path: Path, identity: StudyIdentity = UNKNOWN, **expected: Any
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what `write_arrays` wrote.

    Args:
        path: The file.
        identity: The study that it must belong to; by default any.
        **expected: The entries that its stamp must have, such as `trial`.

    Returns:
        The arrays by name, and the plain data.

    Raises:
        FileNotFoundError: There is no such file.
        DamagedError: It is not what was written, or belongs elsewhere.
    """
    try:
        content = bounded(path, MAX_FILE)
    except FileNotFoundError:
        raise
    except (OSError, ArchiveError) as failure:
        raise DamagedError(f"damaged ({failure})") from None
    start = len(MAGIC) + DIGEST_BYTES
    body = content[start:]
    if not content.startswith(MAGIC) or sha256(body).digest() != content[len(MAGIC) : start]:
        raise DamagedError("damaged")
    try:
        arrays, progress = _unpacked(body)
    except DAMAGED:
        raise DamagedError("damaged") from None
    if not isinstance(progress, dict) or not all(isinstance(one, np.ndarray) for one in arrays.values()):
        raise DamagedError("damaged")
    identity.verify(progress.pop(STAMP, None), **expected)
    return arrays, progress


def _unpacked(body: bytes) -> tuple[dict[str, NDArray[Any]], Any]:
    with np.load(io.BytesIO(body), allow_pickle=False) as archive:
        _refuse_packed(archive.zip, len(body))
        names = json.loads(archive["names"].tobytes())
        arrays = {str(name): archive[f"a{index}"] for index, name in enumerate(names)}
        return arrays, json.loads(archive["progress"].tobytes())


def _refuse_packed(archive: zipfile.ZipFile | None, held: int) -> None:
    """Refuse what would take more memory than the file has bytes: ours are not packed."""
    members = [] if archive is None else archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ArchiveError("its arrays are packed")
    if sum(member.file_size for member in members) > held:
        raise ArchiveError("its arrays are larger than the file")
