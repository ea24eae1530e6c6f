"""Arrays as a source gives them, checked: finite numbers, one target for each row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hpsearch.data.archives import MAX_BYTES
from hpsearch.data.precision import narrowed
from hpsearch.exceptions import DataError

if TYPE_CHECKING:
    from hpsearch.data.preprocessing import Task
    from hpsearch.data.readers.csv import Table
    from hpsearch.data.rows import Array

NUMBERS = "biuf"
WIDEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Loaded:
    """What a source gives, before anything is chosen, split or scaled.

    `where` opens each error message. `x`: (n, *features), or the table of a csv file; `y`: (n,) numbers or
    text. `task` is set where the source is known, `names` where the classes have names of their own.
    """

    where: str
    x: Array | Table
    y: Array
    fingerprint: str
    x_test: Array | None = None
    y_test: Array | None = None
    task: Task | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    bags: bool = False


def from_arrays(where: str, arrays: Mapping[str, Array], task: Task | None = None) -> Loaded:
    """Check the arrays of a source and bring them into shape.

    `arrays` has `x_train` and `y_train` and, where there is a test part, `x_test` and `y_test`; `x` is kept
    as uint8 or made float32, or float64 where that would lose something. Raises `DataError`.
    """
    checked = {key: _checked(where, key, array) for key, array in arrays.items()}
    _lengths_agree(where, checked, "x_train", "y_train")
    if "x_test" in checked:
        _lengths_agree(where, checked, "x_test", "y_test")
        _shapes_agree(where, checked["x_train"], checked["x_test"])
    x, x_test = checked["x_train"], checked.get("x_test")
    if x.dtype != np.uint8:
        x = narrowed(x)
    if x_test is not None and x_test.dtype != np.uint8:
        x_test = x_test.astype(x.dtype if x.dtype.kind == "f" else np.float32)
    return Loaded(
        where,
        x,
        checked["y_train"],
        fingerprint(arrays),
        x_test,
        checked.get("y_test"),
        task,
    )


def fingerprint(arrays: Mapping[str, Array]) -> str:
    """Give the SHA-256 over arrays with their names, shapes and dtypes, as hexadecimal digits."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {arrays[name].shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _checked(where: str, key: str, array: Array) -> Array:
    return features(where, key, array) if key.startswith("x") else targets(where, key, array)


def features(where: str, key: str, x: Array) -> Array:
    """Check features; gives (n, *features) uint8 or numbers as they are. Raises `DataError`."""
    if x.dtype.kind not in NUMBERS:
        raise DataError(f"{where}: {key} must hold numbers, but holds {x.dtype}.")
    if x.ndim < 2:
        raise DataError(f"{where}: {key} must have rows and features, but its shape is {x.shape}.")
    if x.size == 0:
        raise DataError(f"{where}: {key} is empty: its shape is {x.shape}.")
    finite(where, key, x)
    return x


def targets(where: str, key: str, y: Array) -> Array:
    """Check targets; gives (n,) numbers or text. Raises `DataError`."""
    if y.dtype.kind not in NUMBERS + "U":
        raise DataError(f"{where}: {key} must hold numbers or text, but holds {y.dtype}.")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise DataError(f"{where}: {key} must have one number for each row, but its shape is {y.shape}.")
    if y.size == 0:
        raise DataError(f"{where}: {key} is empty.")
    if y.dtype.kind != "U":
        finite(where, key, y)
    return y


def finite(where: str, key: str, array: Array) -> None:
    """Raise a `DataError` that names the first number that is not finite as a float32."""
    if array.dtype.kind != "f":
        return
    bad = ~np.isfinite(array)
    if array.itemsize > np.dtype(np.float32).itemsize:
        bad |= np.abs(array) > WIDEST
    if bad.any():
        place = np.unravel_index(int(bad.argmax()), array.shape)
        shown = ", ".join(str(int(axis)) for axis in place)
        raise DataError(
            f"{where}: {key}[{shown}] is {array[place]}; every number must be finite and fit a float32."
        )


def fits_in_memory(where: str, rows: int, columns: int, size: int, remedy: str) -> None:
    """Raise a `DataError` where an array of `rows` by `columns` items of `size` bytes is too large."""
    if rows * columns * size > MAX_BYTES:
        gigabytes = rows * columns * size / 2**30
        raise DataError(f"{where}: {rows} rows by {columns} columns would take {gigabytes:.0f} GB; {remedy}.")


def _lengths_agree(where: str, arrays: Mapping[str, Array], x: str, y: str) -> None:
    if len(arrays[x]) != len(arrays[y]):
        raise DataError(f"{where}: {x} has {len(arrays[x])} rows, but {y} has {len(arrays[y])}.")


def _shapes_agree(where: str, train: Array, test: Array) -> None:
    if train.shape[1:] != test.shape[1:]:
        raise DataError(
            f"{where}: a row of x_train has shape {train.shape[1:]}, but one of x_test {test.shape[1:]}."
        )
