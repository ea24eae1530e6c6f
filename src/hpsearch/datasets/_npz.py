"""Arrays from an npz file; pickles are refused."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from hpsearch.datasets._rows import Array
from hpsearch.exceptions import DataError

BROKEN = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    TypeError,
    SyntaxError,
    RuntimeError,
    MemoryError,
    OverflowError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy and zipfile raise for a file that is damaged or made to harm."""


def read_npz(path: Path) -> dict[str, Array]:
    """Read `x_train`, `y_train` and, where present, the same for the test part; or plain `x` and `y`.

    Raises `DataError` for a file that cannot be read, lacks a key or holds Python objects.
    """
    try:
        if not path.is_file():
            raise DataError(f"{path}: there is no such file.")
        if not zipfile.is_zipfile(path):
            raise DataError(f"{path}: this is not an npz file.")
        # numpy does not close a file that it opened itself and found damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            keys = _keys(path, set(archive.files))
            return {key: _array(path, archive, name) for key, name in keys.items()}
    except BROKEN as failure:
        raise DataError(f"{path}: cannot be read as an npz file ({failure}).") from None


def _keys(path: Path, found: set[str]) -> dict[str, str]:
    if "x_train" not in found and {"x", "y"} <= found:
        return {"x_train": "x", "y_train": "y"}
    keys = ["x_train", "y_train"]
    if found & {"x_test", "y_test"}:
        keys += ["x_test", "y_test"]
    missing = [key for key in keys if key not in found]
    if missing:
        shown = ", ".join(sorted(found)) or "nothing"
        raise DataError(f"{path}: lacks {' and '.join(missing)}; it holds {shown}.")
    return {key: key for key in keys}


def _array(path: Path, archive: np.lib.npyio.NpzFile, name: str) -> Array:
    try:
        array = archive[name]
    except BROKEN as failure:
        if "allow_pickle" in str(failure):
            raise DataError(f"{path}: {name} holds Python objects (a pickle), which are refused.") from None
        raise DataError(f"{path}: {name} cannot be read ({failure}).") from None
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: {name} is not an array.")
    return array
