"""Checks of arrays: numbers, finite, of a valid shape, and small enough for memory."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np

from hpsearch.data.archives import MAX_BYTES
from hpsearch.data.types import Array
from hpsearch.exceptions import DataError

NUMBERS = "biuf"
WIDEST = float(np.finfo(np.float32).max)


def features(where: str, key: str, x: Array) -> Array:
    """Check features.

    Args:
        where: The source, with which each message begins.
        key: The array's name, for the message.
        x: (n, *features), of any type.

    Returns:
        `x`, unchanged.

    Raises:
        DataError: It is empty, or holds anything but finite numbers in rows.
    """
    if x.dtype.kind not in NUMBERS:
        raise DataError(f"{where}: {key} must hold numbers, but holds {x.dtype}.")
    if x.ndim < 2:
        raise DataError(f"{where}: {key} must have rows and features, but its shape is {x.shape}.")
    if x.size == 0:
        raise DataError(f"{where}: {key} is empty: its shape is {x.shape}.")
    finite(where, key, x)
    return x


def targets(where: str, key: str, y: Array) -> Array:
    """Check targets.

    Args:
        where: The source, with which each message begins.
        key: The array's name, for the message.
        y: (n,), (n, 1) or (n, targets), of any type.

    Returns:
        (n,) numbers or text, or (n, targets) numbers.

    Raises:
        DataError: It is empty, or does not hold finite numbers or one text for each row.
    """
    if y.dtype.kind not in NUMBERS + "U":
        raise DataError(f"{where}: {key} must hold numbers or text, but holds {y.dtype}.")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim not in (1, 2) or (y.ndim == 2 and y.dtype.kind == "U"):
        what = "one text" if y.dtype.kind == "U" else "one number, or a list of numbers,"
        raise DataError(f"{where}: {key} must have {what} for each row, but its shape is {y.shape}.")
    if y.size == 0:
        raise DataError(f"{where}: {key} is empty.")
    if y.dtype.kind != "U":
        finite(where, key, y)
    return y


def weights(where: str, key: str, array: Array) -> Array:
    """Check the weights of rows.

    Args:
        where: The source, with which each message begins.
        key: The array's name, for the message.
        array: (n,) or (n, 1), of any type.

    Returns:
        (n,) float32.

    Raises:
        DataError: It does not hold one finite number, 0 or more, for each row.
    """
    if array.dtype.kind not in NUMBERS:
        raise DataError(f"{where}: {key} must hold numbers, but holds {array.dtype}.")
    checked = targets(where, key, array)
    if (checked < 0).any():
        row = int((checked < 0).argmax())
        raise DataError(f"{where}: {key}[{row}] is {checked[row]}; a weight must be 0 or more.")
    return checked.astype(np.float32)


def finite(where: str, key: str, array: Array) -> None:
    """Check that every number is finite as a float32.

    Raises:
        DataError: One is not; the message names the first.
    """
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
    """Check that an array is smaller than `MAX_BYTES`.

    Args:
        where: The source, with which the message begins.
        rows: The number of rows.
        columns: The number of columns.
        size: Bytes of an item.
        remedy: What the message recommends.

    Raises:
        DataError: It is larger.
    """
    if rows * columns * size > MAX_BYTES:
        gigabytes = rows * columns * size / 2**30
        raise DataError(f"{where}: {rows} rows by {columns} columns would take {gigabytes:.0f} GB; {remedy}.")


def meant(word: str, names: Mapping[str, Any]) -> str:
    """Return a hint at the valid name that a mistyped word most likely stands for; empty if none is close."""
    folded = {name.casefold(): name for name in names}
    close = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f" (did you mean {folded[close[0]]!r}?)" if close else ""
