"""Rows with their targets, and how they are scaled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from hpsearch.data.target_scaling import TargetScaling
from hpsearch.data.types import Array

CHUNK = 2**22
"""Numbers that are held as float64 at one time while deviations are computed."""

RANGE = (1e-6, 1e18)
"""Deviations that Keras' Normalization holds: it clips those below 1e-7, and squares of 1.8e19 overflow."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Features and targets of the same rows.

    Attributes:
        x: (n, *features) float32, or whole numbers, which trainers cast: uint8 for bags of words, int32 for
            sequences of tokens.
        y: (n,) int32 for classes, float32 for a regression; for several targets (n, targets), int32 where
            they are labels.
        weights: (n,) float32, by which the loss of each row is multiplied; None where all count alike.
    """

    x: Array
    y: Array
    weights: Array | None = None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def arrays(self) -> tuple[Array, ...]:
        """Return the features and the targets, and the weights where rows have them."""
        return (self.x, self.y) if self.weights is None else (self.x, self.y, self.weights)


@dataclass(frozen=True, eq=False)
class Scaling:
    """The scaling of features: `(raw * factor - mean) / deviation`.

    Attributes:
        factor: A number; or (*features) float64 where some deviation lies outside `RANGE`, with a further
            power of two by which the mean and the deviation are multiplied, too.
        mean: (*features) float32, 0 for indicators of categories; None where nothing is standardized.
        deviation: (*features) float32, 1 for a feature that is constant in the training part, `factor` for
            indicators of categories; None where nothing is standardized.
    """

    factor: float | Array = 1.0
    mean: Array | None = None
    deviation: Array | None = None

    @property
    def identity(self) -> bool:
        """Return whether scaled rows equal raw ones."""
        return isinstance(self.factor, float) and self.factor == 1.0 and self.mean is None

    def aimed(self, rows: Rows, *, itself: bool) -> Rows:
        """Return raw rows with their targets, which are the scaled rows where each row is its own target."""
        if not itself:
            return rows
        scaled = rows.x if self.identity else self.apply(rows.x)
        return replace(rows, y=scaled.reshape(len(rows), -1).astype(np.float32, copy=False))

    def repeated(self, features: tuple[int, ...]) -> Scaling:
        """Return the scaling of windows, whose every step is scaled as a row is.

        Args:
            features: The shape of a window: its length, and the shape of a row.
        """

        def spread(part: Array | None) -> Array | None:
            return None if part is None else np.broadcast_to(part, features).copy()

        factor = self.factor if isinstance(self.factor, float) else np.broadcast_to(self.factor, features)
        return Scaling(factor, spread(self.mean), spread(self.deviation))

    def apply(self, x: Array) -> Array:
        """Scale features.

        Args:
            x: (n, *features), any numbers.

        Returns:
            float32 of the same shape, computed in float32; infinite on overflow.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            scaled: Array = np.multiply(x, np.asarray(self.factor, np.float32), dtype=np.float32)
            if self.mean is not None and self.deviation is not None:
                scaled -= self.mean
                scaled /= self.deviation
        return scaled


@dataclass(frozen=True, eq=False)
class Split:
    """A training and a validation part, both scaled as fitted on the training part.

    Attributes:
        train: The scaled training rows.
        validation: The scaled validation rows.
        scaling: How they were scaled.
        train_index: Positions of the training rows in the training part of the data as loaded, from 0, before
            `classes`, `test` and `subset` removed rows.
        validation_index: The same of the validation rows. Where the source's own test part is the validation
            part, its positions continue after the other rows.
        target_scaling: How the targets of a regression are transformed for a network; None where they are
            not. Those of `train` and `validation` are in their own units.
    """

    train: Rows
    validation: Rows
    scaling: Scaling
    train_index: Array
    validation_index: Array
    target_scaling: TargetScaling | None = None

    @cached_property
    def trained(self) -> Split:
        """The split with the targets that a network is trained on."""
        if self.target_scaling is None:
            return self
        return replace(self, train=self.aimed(self.train), validation=self.aimed(self.validation))

    def aimed(self, rows: Rows) -> Rows:
        """Return rows with the targets that a network is trained on."""
        return rows if self.target_scaling is None else replace(rows, y=self.target_scaling.apply(rows.y))


def fit_scaling(x: Array, factor: float, *, standardize: bool, indicators: Array | None = None) -> Scaling:
    """Fit a scaling on the training part.

    Args:
        x: (n, *features) raw.
        factor: The study's `data.rescale`.
        standardize: Whether to subtract the mean and divide by the deviation (of the population, as in
            scikit-learn's StandardScaler).
        indicators: (*features) bool, which features stand for categories. Those stay 0 and 1: standardized, a
            rare category would be a huge number, and a row of an unknown category, all zeros, would have
            negative values that no training row had.
    """
    if not standardize:
        return _rescaling(factor, indicators)
    mean = x.mean(axis=0, dtype=np.float64)
    deviation, centre = np.sqrt(_squares(x, mean) / len(x)) * factor, mean * factor
    divisor = np.where(x.min(axis=0) == x.max(axis=0), 1.0, deviation)
    if indicators is not None:
        centre = np.where(indicators, 0.0, centre)
        divisor = np.where(indicators, factor, divisor)
    return _bounded(factor, centre, divisor)


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
