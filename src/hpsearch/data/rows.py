"""Rows with their targets, and how they are scaled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

import numpy as np

from hpsearch.data.curves import Curve
from hpsearch.data.target_scaling import TargetScaling
from hpsearch.data.types import Array


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
    """The scaling of features: `(raw * factor - mean) / deviation`, and a curve that some go through.

    Attributes:
        factor: A number; or (*features) float64 where some deviation lies outside the range that Keras
            divides by, with a further power of two by which the mean and the deviation are multiplied, too.
        mean: (*features) float32, 0 for indicators of categories; the median for robust scaling; None where
            nothing is subtracted.
        deviation: (*features) float32, 1 for a feature that is constant in the training part, `factor` for
            indicators of categories; None where nothing is divided.
        curve: What comes last, for the features of `curved`; None for nothing.
        curved: The positions of these features in a flat row.
    """

    factor: float | Array = 1.0
    mean: Array | None = None
    deviation: Array | None = None
    curve: Curve | None = None
    curved: Array | None = None

    @property
    def identity(self) -> bool:
        """Return whether scaled rows equal raw ones."""
        plain = isinstance(self.factor, float) and self.factor == 1.0
        return plain and self.mean is None and self.curve is None

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
        if self.curve is None or self.curved is None:
            return Scaling(factor, spread(self.mean), spread(self.deviation))
        width, times = prod(features[1:]), features[0]
        curved = np.concatenate([self.curved + step * width for step in range(times)])
        return Scaling(factor, spread(self.mean), spread(self.deviation), self.curve.repeated(times), curved)

    def apply(self, x: Array) -> Array:
        """Scale features.

        Args:
            x: (n, *features), any numbers.

        Returns:
            float32 of the same shape, computed in float32 but for quantiles; infinite on overflow.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            scaled: Array = np.multiply(x, np.asarray(self.factor, np.float32), dtype=np.float32)
            if self.mean is not None and self.deviation is not None:
                scaled -= self.mean
                scaled /= self.deviation
            if self.curve is not None:
                flat = scaled.reshape(len(x), prod(x.shape[1:]))
                flat[:, self.curved] = self.curve.apply(flat[:, self.curved])
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
