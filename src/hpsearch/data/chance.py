"""The chance level: the result of a constant prediction that knows only the training targets."""

from __future__ import annotations

import numpy as np

from hpsearch.data.rows import Rows
from hpsearch.data.types import Array

RAREST = 1e-7
"""The smallest probability, as Keras cuts them off: a class may be missing in the training part."""


def chance_loss(train: Rows, validation: Rows, classes: int) -> float:
    """Return the validation loss of the best constant prediction of the training part.

    Args:
        train: The training part.
        validation: The validation part.
        classes: The number of classes, 0 for other tasks.

    Returns:
        The cross-entropy of the shares of the classes or labels, or the mean squared error of the mean.
    """
    if are_labels(train.y):
        shares = np.clip(_middle(train), RAREST, 1 - RAREST)
        return _weighted_mean(-np.log(np.where(validation.y, shares, 1 - shares)), validation)
    if not classes:
        return _weighted_mean(np.square(validation.y.astype(np.float64) - _middle(train)), validation)
    shares = np.maximum(_shares(train.y, classes, train.weights), RAREST)
    return _weighted_mean(-np.log(shares[validation.y]), validation)


def _middle(rows: Rows) -> Array:
    """Return the mean of each target."""
    if rows.weights is None:
        return np.asarray(rows.y.mean(axis=0, dtype=np.float64))
    mean: Array = np.average(rows.y, axis=0, weights=rows.weights.astype(np.float64))
    return mean


def _weighted_mean(losses: Array, rows: Rows) -> float:
    """Return the loss of rows as Keras has it: the sum of weighted losses by the number of rows."""
    if rows.weights is None:
        return float(losses.mean())
    return float((losses.reshape(len(rows), -1).mean(axis=1) * rows.weights).mean())


def chance_accuracy(train: Rows, validation: Rows, classes: int) -> float | None:
    """Return the validation accuracy of always predicting what is most frequent in the training part.

    Args:
        train: The training part.
        validation: The validation part.
        classes: The number of classes; 0 for other tasks.

    Returns:
        The share of the rows, or of their labels; None for a regression, which has no accuracy.
    """
    if are_labels(train.y):
        return float((validation.y == (train.y.mean(axis=0) > 0.5)).mean())
    if not classes:
        return None
    return float((validation.y == _shares(train.y, classes).argmax()).mean())


def are_labels(y: Array) -> bool:
    """Return whether targets are several labels, each 0 or 1, and not quantities."""
    return y.ndim == 2 and y.dtype.kind == "i"


def _shares(y: Array, classes: int, weights: Array | None = None) -> Array:
    counts = np.bincount(y, weights, minlength=classes)
    shares: Array = counts / counts.sum()
    return shares
