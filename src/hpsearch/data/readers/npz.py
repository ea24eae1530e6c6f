"""Arrays from an npz file, without pickles."""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.data.archives import MAX_BYTES
from hpsearch.data.array_names import named_keys
from hpsearch.data.checks import features, meant
from hpsearch.data.named_inputs import InputLayout
from hpsearch.data.readers.foreign_files import kind_of_file
from hpsearch.data.types import Array
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

MAGIC = b"\x93NUMPY"
HEADERS: dict[tuple[int, int], Callable[..., Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
"""Version 3 only adds names of fields, which no array of numbers has."""


def read_npz(path: Path, *, targets: bool = True) -> dict[str, Array]:
    """Read `x_train`, `y_train` and, where present, the test part, or plain `x` and `y`, with their weights.

    Args:
        path: The file.
        targets: Whether there must be targets; where they are left out, each row is its own.

    Raises:
        DataError: The file cannot be read, lacks a key or has an unknown one, or holds Python objects.
    """
    if targets:
        return _arrays(path, keys_of)
    arrays = _arrays(path, _keys_of_rows)
    rows = {key: array for key, array in arrays.items() if key.startswith("x")}
    return arrays | {key.replace("x", "y", 1): np.zeros(len(array)) for key, array in rows.items()}


def _keys_of_rows(path: Path | str, found: set[str]) -> dict[str, str]:
    """Choose the rows of a training part and, where there is one, of a test part, with their weights."""
    if named_keys(path, found) is not None:
        raise DataError(f"{path}: 'target: x' needs a single array of rows, and these have names: join them.")
    chosen = keys_of(path, found | {key.replace("x", "y", 1) for key in found if key.startswith("x")})
    return {key: name for key, name in chosen.items() if not key.startswith("y")}


def read_features(path: Path) -> Array:
    """Read `x` of a file that may lack targets.

    Raises:
        DataError: The file cannot be read, lacks `x`, or holds Python objects.
    """
    return features(str(path), "x", _arrays(path, _only_features)["x"])


def read_inputs(path: Path, inputs: InputLayout) -> Array:
    """Read the named inputs of a file that may lack targets, as flat rows.

    Raises:
        DataError: The file cannot be read, or does not hold these inputs.
    """
    arrays = _arrays(path, lambda where, found: named_keys(where, found) or {})
    given = {key.removeprefix("x_train_"): array for key, array in arrays.items() if key.startswith("x")}
    return inputs.joined(str(path), given)


def _only_features(path: Path, found: set[str]) -> dict[str, str]:
    if "x" not in found:
        raise DataError(
            f"{path}: the array x (the rows) is missing; it holds {', '.join(sorted(found)) or 'nothing'}."
        )
    return {"x": "x"}


def _arrays(path: Path, choose: Callable[[Path, set[str]], dict[str, str]]) -> dict[str, Array]:
    """Read the arrays of a file that `choose` selects from its keys, under the names that it returns."""
    try:
        if not path.is_file():
            raise DataError(f"{path}: there is no such file.")
        if not zipfile.is_zipfile(path):
            kind = kind_of_file(path)
            known = f" but {kind}: numpy.savez writes one" if kind else ""
            raise DataError(f"{path}: this is not an npz file{known}.")
        # numpy does not close a file that it opened itself and found damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            keys = choose(path, set(archive.files))
            _refuse_too_much(path, archive, set(keys.values()))
            return {key: _array(path, archive, name) for key, name in keys.items()}
    except BROKEN as failure:
        raise DataError(f"{path}: cannot be read as an npz file ({failure}).") from None


WEIGHTS = ("sample_weight", "sample_weight_test")
"""Names of the arrays with the weights of the rows, of the training part and of the test part."""

KNOWN = ("x", "y", "x_train", "y_train", "x_test", "y_test", *WEIGHTS)
"""Names of the arrays that an npz file may hold."""


def keys_of(path: Path | str, found: set[str], known: Collection[str] = KNOWN) -> dict[str, str]:
    """Choose the arrays of a training part and, where there is one, of a test part.

    Args:
        path: The source, for the message.
        found: The names of the arrays in it.
        known: The names that they may have; those that are not in `KNOWN` are left out here.

    Returns:
        The name in the source of `x_train`, `y_train` and so on; of `x_train_NAME` where they are named.

    Raises:
        DataError: One is missing, or would not be used.
    """
    named = named_keys(path, found)
    if named is not None:
        return named | _keys_beside(path, found, named)
    short = {"x", "y"} <= found and "x_train" not in found
    keys = {"x_train": "x", "y_train": "y"} if short else {"x_train": "x_train", "y_train": "y_train"}
    if found & {"x_test", "y_test", "sample_weight_test"}:
        keys |= {"x_test": "x_test", "y_test": "y_test"}
    keys |= {name: name for name in WEIGHTS if name in found}
    missing = [name for name in keys.values() if name not in found]
    if missing:
        shown = ", ".join(sorted(found)) or "nothing"
        raise DataError(f"{path}: lacks {' and '.join(missing)}; it holds {shown}.")
    _refuse_unknown(path, found, known)
    unused = sorted((found & set(KNOWN)).difference(keys.values()))
    if unused:
        raise DataError(
            f"{path}: holds {unused[0]!r} beside {keys[unused[0][:1] + '_train']!r}: keep one of the two."
        )
    return keys


def _refuse_unknown(path: Path | str, found: set[str], known: Collection[str]) -> None:
    unknown = sorted(found.difference(known))
    if unknown:
        hint = meant(unknown[0], dict.fromkeys(known))
        raise DataError(
            f"{path}: expected arrays called {', '.join(known)}; found {unknown[0]!r}, which would not be "
            f"used{hint}."
        )


def _keys_beside(path: Path | str, found: set[str], named: dict[str, str]) -> dict[str, str]:
    """Choose what has no name beside named inputs or targets, and check that each part has all of them."""
    tested = bool(found & {"x_test", "y_test", "sample_weight_test"})
    tested = tested or any(key[1:].startswith("_test_") for key in named)
    chosen = {name: name for name in WEIGHTS if name in found}
    for kind in "xy":
        if not any(key.startswith(f"{kind}_") for key in named):
            chosen[f"{kind}_train"] = kind if kind in found and not tested else f"{kind}_train"
            chosen |= {f"{kind}_test": f"{kind}_test"} if tested else {}
    missing = [name for name in chosen.values() if name not in found] + (_unmatched(named) if tested else [])
    if missing:
        raise DataError(f"{path}: lacks {' and '.join(missing)}; it holds {', '.join(sorted(found))}.")
    unused = sorted(found.difference(named.values(), chosen.values()))
    if unused:
        listed = ", ".join((*named.values(), *chosen.values()))
        raise DataError(f"{path}: expected {listed}; found {unused[0]!r}, which would not be used.")
    return chosen


def _unmatched(named: dict[str, str]) -> list[str]:
    """List the inputs and targets that only one of the training and the test part lacks."""
    pairs = (("_train_", "_test_"), ("_test_", "_train_"))
    return [
        key.replace(part, other, 1)
        for part, other in pairs
        for key in named
        if key[1:].startswith(part) and key.replace(part, other, 1) not in named
    ]


def _array(path: Path, archive: np.lib.npyio.NpzFile, name: str) -> Array:
    try:
        _refuse_bomb(path, archive, name)
        array = archive[name]
    except BROKEN as failure:
        if "allow_pickle" in str(failure):
            raise DataError(f"{path}: {name} holds Python objects (a pickle), which are refused.") from None
        raise DataError(f"{path}: {name} cannot be read ({failure}).") from None
    return np.asarray(array)


def _refuse_too_much(path: Path, archive: np.lib.npyio.NpzFile, names: set[str]) -> None:
    """Refuse arrays that are too large together."""
    if archive.zip is None:  # numpy's word for an archive that was closed
        return
    wanted = {name for key in names for name in (key, f"{key}.npy")}
    sizes = [one.file_size for one in archive.zip.infolist() if one.filename in wanted]
    if len(sizes) > 1 and max(sizes) <= MAX_BYTES < sum(sizes):
        raise DataError(
            f"{path}: {', '.join(sorted(names))} take {sum(sizes) / 2**30:.0f} GB together; the limit"
            f" is {MAX_BYTES / 2**30:.0f} GB."
        )


def _refuse_bomb(path: Path, archive: np.lib.npyio.NpzFile, name: str) -> None:
    """Refuse what is no array, is too large, or claims more than the file holds, before allocating memory."""
    packed = archive.zip
    if packed is None:  # numpy's word for an archive that was closed
        return
    for member in packed.infolist():
        if member.filename not in (name, f"{name}.npy"):
            continue
        if member.file_size > MAX_BYTES:
            raise DataError(
                f"{path}: {name} takes {member.file_size / 2**30:.0f} GB; the limit for one"
                f" array is {MAX_BYTES / 2**30:.0f} GB."
            )
        shape, dtype = _header(path, packed, member)
        size = math.prod(shape) * dtype.itemsize
        if not dtype.hasobject and size > member.file_size:
            raise DataError(
                f"{path}: {name} claims the shape {shape}, which takes {size:,} bytes, but holds only"
                f" {member.file_size:,}."
            )


def _header(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[tuple[int, ...], Any]:
    with archive.open(member) as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            raise DataError(f"{path}: {member.filename} is not an array.")
        stream.seek(0)
        version = np.lib.format.read_magic(stream)
        if version not in HEADERS:
            raise ValueError(f"version {version} of the npy format")
        shape, _, dtype = HEADERS[version](stream)
    return shape, dtype
