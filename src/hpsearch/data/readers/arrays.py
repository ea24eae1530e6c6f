"""Arrays given in memory, kept as .npy files in a folder and memory-mapped from there, without pickles."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.data.array_names import named_array
from hpsearch.data.checks import features, targets, weights
from hpsearch.data.loaded import fingerprint, from_arrays
from hpsearch.data.named_inputs import with_validation_of_inputs
from hpsearch.data.readers.batches import is_batches, read_batches
from hpsearch.data.readers.frames import columns_of, is_frame, target_expected
from hpsearch.data.readers.kept_rows import folder_of, written
from hpsearch.data.readers.npz import BROKEN, KNOWN, keys_of
from hpsearch.data.types import Array
from hpsearch.exceptions import DataError

NAMES = (*KNOWN, "x_val", "y_val", "sample_weight_val")
"""Names of arrays in a mapping: those of an npz file, and those of a validation part."""

WHERE = "data"
"""Opens each message about what was given in memory."""

FORMS = (
    "(x, y), ((x, y), (x_val, y_val)), where x and y may map names to arrays, a mapping of arrays with the "
    "names of an npz file, a table with the name of its target, or a tf.data.Dataset, PyDataset or loader "
    "of torch, or two of them"
)


@dataclass(frozen=True, eq=False)
class Given:
    """Checked arrays from memory, under the names of an npz file.

    Attributes:
        arrays: The arrays.
        fingerprint: The SHA-256 that an npz file with these arrays has.
        validation: How many of the last training rows are the validation part; None if none was given.
    """

    arrays: Mapping[str, Array]
    fingerprint: str
    validation: int | None = None


def given_arrays(data: Any, target: str | None = None) -> Given:
    """Check data given in memory.

    Args:
        data: Any of the forms in `FORMS`.
        target: The name of the target column, for a table.

    Raises:
        DataError: They have another form, or would be refused in an npz file.
    """
    named = {name: plain_array(array) for name, array in _named(data, target).items()}
    validation = None
    if any(map(named_array, named)):
        named, validation = with_validation_of_inputs(WHERE, named)
        if validation is not None:
            rows = len(next(array for name, array in named.items() if name.startswith("y_train")))
            named |= _joined_weights(named, rows - validation, validation)
    elif "x_val" in named:
        named, validation = _with_validation(named)
    return Given(named, from_arrays(WHERE, named).fingerprint, validation)


def _named(data: Any, target: str | None) -> dict[str, Any]:
    """Return arrays under the names of an npz file and of a validation part."""
    if is_frame(data):
        return _of_table(data, target)
    if target is not None:
        raise DataError(f"{WHERE}: target= is the name of a column, and no table was given.")
    if isinstance(data, Mapping):
        return _of_mapping(data)
    if is_batches(data):
        return _of_batches("train", data)
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise DataError(f"{WHERE}: expected {FORMS}; found {_kind(data)}.")
    if all(map(is_batches, data)):
        return _of_batches("train", data[0]) | _of_batches("val", data[1])
    if not all(isinstance(part, tuple) for part in data):
        return _of_part("train", *data)
    if any(len(part) != 2 for part in data):
        raise DataError(f"{WHERE}: expected ((x, y), (x_val, y_val)); found {_kind(data)}.")
    return _of_part("train", *data[0]) | _of_part("val", *data[1])


def _of_batches(part: str, data: Any) -> dict[str, Any]:
    """Return the arrays of a part that is given batch by batch."""
    x, y, weighted = read_batches(WHERE, data)
    name = "sample_weight" if part == "train" else "sample_weight_val"
    return _of_part(part, x, y) | ({} if weighted is None else {name: weighted})


def _of_part(part: str, x: Any, y: Any) -> dict[str, Any]:
    """Return the arrays of a part by name, where `x` and `y` may be mappings from names to arrays."""
    arrays: dict[str, Any] = {}
    for kind, given in (("x", x), ("y", y)):
        named = (
            {f"_{name}": array for name, array in given.items()}
            if isinstance(given, Mapping)
            else {"": given}
        )
        arrays |= {f"{kind}_{part}{name}": array for name, array in named.items()}
    return arrays


def _kind(data: Any) -> str:
    if isinstance(data, tuple | list):
        return f"a {type(data).__name__} of {len(data)} items: {', '.join(map(_kind, data[:3]))}"[:200]
    return f"an object of the type {type(data).__name__}"


def _of_mapping(data: Mapping[str, Any]) -> dict[str, Any]:
    found = {str(name) for name in data}
    if any(map(named_array, found)):
        validated = found & {"x_val", "y_val", "sample_weight_val"}
        validated |= {name for name in found if (parts := named_array(name)) and parts[1] == "val"}
        chosen = keys_of(WHERE, found - validated) | {name: name for name in validated}
        return {name: data[key] for name, key in chosen.items()}
    chosen = keys_of(WHERE, found, NAMES)
    if "sample_weight_val" in found:
        chosen["sample_weight_val"] = "sample_weight_val"
    for name in ("x_val", "y_val"):
        if name in found:
            chosen[name] = name
        elif {"x_val", "y_val", "sample_weight_val"} & found:
            raise DataError(f"{WHERE}: lacks {name}; it holds {', '.join(sorted(found))}.")
    return {name: data[key] for name, key in chosen.items()}


def _of_table(table: Any, target: str | None) -> dict[str, Any]:
    """Return the columns of a table as two arrays; all but the target are numbers."""
    given = dict(columns_of(table))
    if target is None or target not in given:
        raise DataError(f"{WHERE}: {target_expected(given, target)}")
    columns = [np.asarray(column) for name, column in given.items() if name != target]
    if not columns:
        raise DataError(f"{WHERE}: the table has no column but {target!r}.")
    return {"x_train": np.column_stack(columns), "y_train": given[target]}


def plain_array(array: Any) -> Array:
    """Return an array of numbers or text; an object array is converted if all its items are text.

    Raises:
        DataError: The rows have different lengths.
    """
    try:
        found = np.asarray(array)
    except ValueError as failure:
        raise DataError(f"{WHERE}: expected arrays; {failure}.") from None
    if found.dtype.kind == "O" and found.size and all(isinstance(item, str) for item in found.flat):
        return found.astype(str)
    return found


def _with_validation(named: dict[str, Array]) -> tuple[dict[str, Array], int]:
    """Append the validation part to the training part."""
    x, x_val = (features(WHERE, key, named.pop(key)) for key in ("x_train", "x_val"))
    y, y_val = (targets(WHERE, key, named.pop(key)) for key in ("y_train", "y_val"))
    for rows, labels, part in ((x, y, "train"), (x_val, y_val, "val")):
        if len(rows) != len(labels):
            raise DataError(f"{WHERE}: x_{part} has {len(rows)} rows, but y_{part} has {len(labels)}.")
    if x.shape[1:] != x_val.shape[1:]:
        raise DataError(
            f"{WHERE}: a row of x_train has shape {x.shape[1:]}, but one of x_val {x_val.shape[1:]}."
        )
    if y.shape[1:] != y_val.shape[1:]:
        raise DataError(
            f"{WHERE}: a row of y_train has shape {y.shape[1:]}, but one of y_val {y_val.shape[1:]}."
        )
    if (y.dtype.kind == "U") != (y_val.dtype.kind == "U"):
        raise DataError(f"{WHERE}: y_train and y_val must both hold numbers or both hold text.")
    joined = {"x_train": np.concatenate([x, x_val]), "y_train": np.concatenate([y, y_val])}
    return {**joined, **named, **_joined_weights(named, len(x), len(x_val))}, len(x_val)


def _joined_weights(named: dict[str, Array], rows: int, validated: int) -> dict[str, Array]:
    """Take the weights of the training and the validation part, and join them; a part without has ones."""
    given = [(named.pop("sample_weight", None), rows), (named.pop("sample_weight_val", None), validated)]
    if all(part is None for part, _ in given):
        return {}
    parts = [
        np.ones(count, np.float32) if part is None else weights(WHERE, "sample_weight", part)
        for part, count in given
    ]
    for part, (_, count) in zip(parts, given, strict=True):
        if len(part) != count:
            raise DataError(f"{WHERE}: sample_weight has {len(part)} numbers for {count} rows.")
    return {"sample_weight": np.concatenate(parts)}


def write_arrays(folder: Path, given: Given) -> None:
    """Write arrays into a folder atomically, unless it exists and is complete."""
    if is_complete(folder):
        return
    with written(folder) as new:
        for name, array in given.arrays.items():
            np.save(new / f"{name}.npy", array, allow_pickle=False)


def is_complete(folder: Path) -> bool:
    """Return whether a folder holds the arrays that it is named after."""
    with suppress(DataError):
        return folder_of(folder.parent, fingerprint(read_arrays(folder))) == folder
    return False


def read_arrays(folder: Path) -> dict[str, Array]:
    """Read the arrays that an npz file would hold; all memory-mapped.

    Raises:
        DataError: One is missing, or is no array.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder of arrays.")
    keys = keys_of(folder, {path.stem for path in folder.glob("*.npy")})
    return {key: _read(folder / f"{name}.npy") for key, name in keys.items()}


def _read(path: Path) -> Array:
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except BROKEN as failure:
        if "Python objects" in str(failure) or "allow_pickle" in str(failure):
            raise DataError(f"{path}: holds Python objects (a pickle), which are refused.") from None
        raise DataError(f"{path}: cannot be read as an array ({failure}).") from None
