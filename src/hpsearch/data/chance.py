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
        classes: The number of classes, 0 for a regression.

    Returns:
        The cross-entropy of the classes' shares, or the mean squared error of the mean.
    """
    if not classes:
        return float(np.square(validation.y.astype(np.float64) - train.y.mean(dtype=np.float64)).mean())
    shares = np.maximum(_shares(train.y, classes), RAREST)
    return float(-np.log(shares[validation.y]).mean())


def chance_accuracy(train: Rows, validation: Rows, classes: int) -> float | None:
    """Return the validation accuracy of always predicting the training part's most frequent class.

    Args:
        train: The training part.
        validation: The validation part.
        classes: The number of classes; 0 for a regression, which has no accuracy: None.
    """
    if not classes:
        return None
    return float((validation.y == _shares(train.y, classes).argmax()).mean())


def _shares(y: Array, classes: int) -> Array:
    return np.bincount(y, minlength=classes) / len(y)
