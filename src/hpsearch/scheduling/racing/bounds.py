"""The range of each metric, to which intervals of its mean are cut."""

from __future__ import annotations

import math

from hpsearch.spec.sections.objectives import OF_TARGETS

Bounds = tuple[float, float]

UNBOUNDED: Bounds = (-math.inf, math.inf)

SHARES = (
    *("accuracy", "average_precision", "balanced_accuracy", "f1", "jaccard", "precision", "recall"),
    *("roc_auc", "top_k_accuracy"),
)
"""Scorers from 0 to 1, with whatever average."""

AT_MOST_1 = ("d2_", "explained_variance", "r2")

POSITIVE = ("loss", "mae", "positive_likelihood_ratio", "epochs_to_target", "seconds")


def bounds_of(metric: str, *, positive: bool = True) -> Bounds:
    """Return the lowest and the highest possible value of a metric or of a claim's measure.

    Args:
        metric: A name with or without `val_`, a scorer of scikit-learn, or `seconds` or `epochs_to_target`.
        positive: Whether the loss cannot be below 0.

    Returns:
        `(low, high)`, infinite where there is no bound. The total loss with penalties has none, because a
        model's own layers may add any number.
    """
    of_target = OF_TARGETS.fullmatch(metric)
    name = of_target[1] if of_target else metric.removeprefix("val_")
    if name == "loss" and not positive:
        return UNBOUNDED
    if name in POSITIVE:
        return (0.0, math.inf)
    if name.startswith("neg_"):
        return (-math.inf, 0.0)
    if name.startswith(SHARES):
        return (0.0, 1.0)
    if name == "matthews_corrcoef":
        return (-1.0, 1.0)
    return (-math.inf, 1.0) if name.startswith(AT_MOST_1) else UNBOUNDED
