"""The scaling of features, fitted to training rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from hpsearch.data.curves import SmoothClip, fit_normal_scores
from hpsearch.data.rows import Scaling
from hpsearch.data.types import Array

CHUNK = 2**22
"""Numbers that are held as float64 at one time while deviations are computed."""

RANGE = (1e-6, 1e18)
"""Deviations that Keras' Normalization holds: it clips those below 1e-7, and squares of 1.8e19 overflow."""


def fit_scaling(x: Array, kind: str, factor: float, indicators: Array | None = None) -> Scaling:
    """Fit a scaling on the training part.

    Args:
        x: (n, *features) raw.
        kind: The study's `data.scaling`.
        factor: The study's `data.rescale`.
        indicators: (*features) bool, which features stand for categories. Those stay 0 and 1: standardized, a
            rare category would be a huge number, and a row of an unknown category, all zeros, would have
            negative values that no training row had.
    """
    if kind == "quantile":
        return _quantiles(x, indicators)
    if kind == "none":
        return _rescaling(factor, indicators)
    centre, divisor = _centre_and_width(x) if kind == "robust" else _mean_and_deviation(x)
    centre, divisor = centre * factor, np.where(x.min(axis=0) == x.max(axis=0), 1.0, divisor * factor)
    if indicators is not None:
        centre = np.where(indicators, 0.0, centre)
        divisor = np.where(indicators, factor, divisor)
    scaling = _bounded(factor, centre, divisor)
    return _clipped(scaling, x, indicators) if kind == "robust" else scaling


def quartiles(rows: Array) -> tuple[Array, Array]:
    """Return the centre and the width of each feature by robust scaling (arXiv 2407.04491, section 3).

    The centre is the median, and the width the distance of the quartiles; where they are equal half the
    range, which is 0 for what is constant.

    Args:
        rows: (n, features).
    """
    low, first, median, third, high = np.quantile(rows.astype(np.float64), [0, 0.25, 0.5, 0.75, 1], axis=0)
    spread, half = third - first, (high - low) / 2
    return median, np.where(spread > 0, spread, half)


def _centre_and_width(x: Array) -> tuple[Array, Array]:
    centre, width = quartiles(x.reshape(len(x), -1))
    return centre.reshape(x.shape[1:]), width.reshape(x.shape[1:])


def _mean_and_deviation(x: Array) -> tuple[Array, Array]:
    """Return the mean and the deviation (of the population, as in scikit-learn's StandardScaler)."""
    mean = x.mean(axis=0, dtype=np.float64)
    return mean, np.sqrt(_squares(x, mean) / len(x))


def _numbers(x: Array, indicators: Array | None) -> Array:
    """Return the positions of the features that are no indicators, in a flat row."""
    flat = np.arange(x[0].size)
    return flat if indicators is None else flat[~indicators.reshape(-1)]


def _clipped(scaling: Scaling, x: Array, indicators: Array | None) -> Scaling:
    curved = _numbers(x, indicators)
    return replace(scaling, curve=SmoothClip(), curved=curved) if len(curved) else scaling


def _quantiles(x: Array, indicators: Array | None) -> Scaling:
    """Fit quantiles of the features that vary; those that are constant become 0.

    A factor before quantiles would change nothing.
    """
    flat = x.reshape(len(x), -1)
    numbers = _numbers(x, indicators)
    low, high = flat[:, numbers].min(axis=0), flat[:, numbers].max(axis=0)
    curved = numbers[low < high]
    scaling = Scaling()
    if (low == high).any():
        mean = np.zeros(flat.shape[1], np.float32)
        mean[numbers] = np.where(low == high, low, 0)
        scaling = Scaling(1.0, mean.reshape(x.shape[1:]), np.ones(x.shape[1:], np.float32))
    if not len(curved):
        return scaling
    return replace(scaling, curve=fit_normal_scores(flat[:, curved]), curved=curved)


def _rescaling(factor: float, indicators: Array | None) -> Scaling:
    if factor == 1.0 or indicators is None or not indicators.any():
        return Scaling(factor)
    divisor = np.where(indicators, factor, 1.0)
    return _bounded(factor, np.zeros_like(divisor), divisor)


def _bounded(factor: float, centre: Array, divisor: Array) -> Scaling:
    """Return the scaling with divisors in the range that Keras' Normalization divides by.

    Multiplying by powers of two changes no digit, so training and export scale alike.
    """
    outside = (divisor < RANGE[0]) | (divisor > RANGE[1])
    size = np.where(outside, divisor, np.where(np.abs(centre) > RANGE[1], np.abs(centre), 1.0))
    powers = np.exp2(-np.rint(np.log2(size)))
    centre = (centre * powers).astype(np.float32)
    if (powers == 1).all():
        return Scaling(factor, centre, divisor.astype(np.float32))
    # What is constant is divided by 1, whatever its size.
    divisor = np.where(outside | (divisor != 1), divisor * powers, divisor)
    return Scaling(factor * powers, centre, divisor.astype(np.float32))


def _squares(x: Array, mean: Array) -> Array:
    total = np.zeros_like(mean)
    for chunk in _chunks(x):
        total += np.square(chunk - mean).sum(axis=0)
    return total


def _chunks(x: Array) -> Iterator[Array]:
    step = max(1, CHUNK // max(1, x[0].size))
    for start in range(0, len(x), step):
        yield x[start : start + step].astype(np.float64)
