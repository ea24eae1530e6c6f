"""The weight of each class in the training loss of a configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Rows
from hpsearch.spec import Training
from hpsearch.spec.sections.class_weights import GivenWeights


def weights_of_classes(training: Training, rows: Rows, labels: tuple[str, ...]) -> NDArray[np.float32] | None:
    """Return the weight of each class: (classes,), or None where a configuration gives them none.

    Balanced weights are scikit-learn's: rows / (classes * rows of the class).

    Args:
        training: The training section of a configuration.
        rows: The training rows.
        labels: The names of the classes in the order of their numbers.
    """
    given: Any = training.class_weight
    if isinstance(given, GivenWeights):
        named = dict(given.items())
        return np.array([named.get(label, 1.0) for label in labels], np.float32)
    if given is None or given.name == "none":
        return None
    counts = np.bincount(rows.y, minlength=len(labels))
    return (len(rows) / (len(labels) * counts)).astype(np.float32)


def with_class_weights(training: Training, rows: Rows, labels: tuple[str, ...]) -> Rows:
    """Return training rows with the weights of their classes, or as they are where these have none."""
    weights = weights_of_classes(training, rows, labels)
    return rows if weights is None else replace(rows, weights=weights[rows.y])
