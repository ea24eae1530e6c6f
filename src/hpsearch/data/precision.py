"""Detect numbers that float32, in which networks compute, cannot distinguish."""

from __future__ import annotations

import numpy as np

from hpsearch.data.types import Array

LOST = 1e-3
"""The most that rounding to float32 may move a number, as a share of its feature's deviation."""

EPSILON = float(np.finfo(np.float64).eps)
TINY = float(np.finfo(np.float32).tiny)

CHUNK = 2**20
"""Numbers that are looked at together."""


def lossy(x: Array) -> Array:
    """Return which features lose their differences when they are rounded to float32.

    Unix times near 1.7e9 that lie seconds apart are such a feature. Numbers below the normal range of a
    float32 count as 0, to which XLA flushes them. A feature that is constant up to the rounding of a float64
    loses nothing; the bound is that of scikit-learn's StandardScaler.

    Args:
        x: (n, *features), NaN where a value is missing.

    Returns:
        (*features) bool.
    """
    marked = np.zeros(x.shape[1:], dtype=bool).reshape(-1)
    if x.dtype.kind == "b" or (x.dtype.kind in "iu" and x.dtype.itemsize <= 2) or _whole(x):
        return marked.reshape(x.shape[1:])
    flat = x.reshape(len(x), -1)
    size = max(1, CHUNK // len(x))
    for start in range(0, flat.shape[1], size):
        marked[start : start + size] = _lose(flat[:, start : start + size].astype(np.float64))
    return marked.reshape(x.shape[1:])


def _whole(x: Array) -> bool:
    """Return whether all numbers are float32 already, and none of them is flushed to 0."""
    if x.dtype != np.float32:
        return False
    size = np.abs(x)
    return not bool(((size > 0) & (size < TINY)).any())


def _lose(columns: Array) -> Array:
    known = ~np.isnan(columns)
    rows = np.maximum(known.sum(axis=0), 1)
    present = np.where(known, columns, 0.0)
    mean = present.sum(axis=0) / rows
    deviation = np.sqrt(np.where(known, np.square(present - mean), 0.0).sum(axis=0) / rows)
    narrow = present.astype(np.float32).astype(np.float64)
    narrow[np.abs(narrow) < TINY] = 0
    constant = deviation <= EPSILON * (np.sqrt(rows) * deviation + rows * np.abs(mean))
    lost: Array = (np.abs(narrow - present).max(axis=0) > LOST * deviation) & ~constant
    return lost


def narrowed(x: Array) -> Array:
    """Return features as float32, or as float64 where float32 would lose the differences within one."""
    return x.astype(np.float64 if lossy(x).any() else np.float32)


def origin_of(x: Array) -> Array:
    """Return what to subtract from features before they are rounded.

    Returns:
        (*features) float64: a whole number near the mean of all rows, or 0 where nothing is lost.
        Standardizing removes it again, so it carries no information into training.
    """
    middle = np.zeros(x.shape[1:])
    marked = lossy(x)
    middle[marked] = np.rint(np.nanmean(x[:, marked], axis=0))
    return middle
