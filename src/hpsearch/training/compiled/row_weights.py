"""By what the losses of training rows are multiplied: their own weights, or those of their classes."""

from __future__ import annotations

from hpsearch.training.compiled.forward.interface import Arguments, Array

CLASS_WEIGHTS = "class_weights"
"""The argument with the weight of each class, where a study gives classes weights: (classes,)."""


def weights_of_rows(arguments: Arguments, y: Array, weights: Array | None = None) -> Array | None:
    """Return what the losses of training rows are multiplied by: (n,), or None where it is nothing.

    Args:
        arguments: The hyperparameters, perhaps with the weight of each class.
        y: (n,) targets.
        weights: (n,) the rows' own weights; no study has both.
    """
    of_classes = arguments.get(CLASS_WEIGHTS)
    return weights if of_classes is None else of_classes[y]
