"""What a constant prediction gives, by any metric: the level that a model has to be better than."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Dataset, Rows, are_labels, chance_accuracy, chance_loss
from hpsearch.spec.sections.objectives import direction_of
from hpsearch.training.scorers import score

if TYPE_CHECKING:
    from hpsearch.models.components.objectives import Objective

Array = NDArray[Any]

MOST_NUMBERS = 10**7
"""Numbers of training predictions that a constant is chosen by; of more rows an even sample does."""


@dataclass(frozen=True)
class Chance:
    """What a constant prediction gives by a metric, and which one it is; None where it is not finite."""

    value: float | None
    constant: str


@dataclass(frozen=True, eq=False)
class _Constant:
    """One prediction for all rows: (units,) probabilities or a number."""

    name: str
    given: Array

    def score(self, metric: str, y: Array, labels: tuple[str, ...]) -> float:
        return score(metric, y, np.broadcast_to(self.given, (len(y), len(self.given))), labels)


def chance_of(
    metric: str, train: Rows, rows: Rows, labels: tuple[str, ...], objective: Objective | None = None
) -> Chance:
    """Return what the best constant prediction of the training rows scores on other rows.

    For the loss and accuracy it is the constant that is optimal on the training rows: the class frequencies
    or the mean, and the most frequent class. For mae it is the median. For a scorer of scikit-learn it is the
    one with the best score on the training rows of these: always the most frequent class, the class
    frequencies, of two classes always the rarer one; for regression the mean or the median. So it is for the
    loss of an objective that is not the task's own.

    Args:
        metric: `loss`, `val_loss`, `accuracy`, `val_accuracy`, `mae` or a scorer of scikit-learn.
        train: The rows from which the constant is taken.
        rows: The rows that are scored.
        labels: The names of the classes; empty for regression.
        objective: The loss; by default the task's own.
    """
    classes, several = len(labels), are_labels(train.y)
    if metric in ("val_loss", "loss") and objective is not None and objective.loss is not None:
        return _by_own_loss(objective, train, rows, labels)
    if metric in ("val_loss", "loss"):
        of = "classes" if classes else "labels"
        name = f"the shares of the {of}" if classes or several else "the mean"
        return Chance(_finite(chance_loss(train, rows, classes)), name)
    if metric in ("val_accuracy", "accuracy"):
        found = chance_accuracy(train, rows, classes)
        if several:
            return Chance(found, "what is more frequent of each label")
        return Chance(found, f"always {labels[_most_frequent(train.y, classes)]}")
    if metric == "mae":
        middle = np.asarray(np.median(train.y, axis=0), np.float64)
        return Chance(_finite(np.abs(rows.y.astype(np.float64) - middle).mean()), "the median")
    constant = _best(metric, train.y, labels)
    return Chance(_finite(constant.score(metric, rows.y, labels)), constant.name)


def chance_in(dataset: Dataset, metric: str, objective: Objective | None = None) -> Chance:
    """Return what a constant prediction gives on the validation set, the mean over folds."""
    splits, labels = dataset.splits, dataset.labels
    scaled = [None if objective is None else objective.of(split.target_scaling) for split in splits]
    found = [
        chance_of(metric, split.train, split.validation, labels, one)
        for split, one in zip(splits, scaled, strict=True)
    ]
    values = [one.value for one in found if one.value is not None]
    value = float(np.mean(values)) if len(values) == len(found) else None
    return Chance(value, found[0].constant)


def _by_own_loss(objective: Objective, train: Rows, rows: Rows, labels: tuple[str, ...]) -> Chance:
    """Return what the constant with the least training loss gives on other rows."""

    def loss(constant: _Constant, of: Rows) -> float:
        units = constant.given[-objective.units :].astype(np.float32)
        given = np.broadcast_to(units, (len(of), objective.units))
        losses = np.asarray(objective.losses_of_predictions(of.y, given), np.float64)
        return float((losses if of.weights is None else losses * of.weights).mean())

    best = min(_constants(train.y, labels), key=lambda constant: loss(constant, train))
    return Chance(_finite(loss(best, rows)), best.name)


def _constants(y: Array, labels: tuple[str, ...]) -> list[_Constant]:
    """List the constants of which the best one is the level of chance."""
    quantities = _of_labels(y) if are_labels(y) else _of_quantities(y)
    return list(_of_classes(y, labels) if labels else quantities)


def _best(metric: str, y: Array, labels: tuple[str, ...]) -> _Constant:
    """Choose the constant with the best score on training targets; of equal ones the first."""
    constants = _constants(y, labels)
    if len(y) * max(len(labels), 1) > MOST_NUMBERS:
        y = y[:: math.ceil(len(y) * max(len(labels), 1) / MOST_NUMBERS)]
    sign = 1 if direction_of(metric) == "maximize" else -1
    scores = [sign * constant.score(metric, y, labels) for constant in constants]
    known = [number if math.isfinite(number) else -math.inf for number in scores]
    return constants[known.index(max(known))]


def _of_classes(y: Array, labels: tuple[str, ...]) -> Iterator[_Constant]:
    counts = np.bincount(y, minlength=len(labels))
    most = int(counts.argmax())
    each = np.eye(len(labels))
    yield _Constant(f"always {labels[most]}", each[most])
    yield _Constant("the shares of the classes", counts / len(y))
    if len(labels) == 2:
        yield _Constant(f"always {labels[1 - most]}", each[1 - most])


def _of_labels(y: Array) -> Iterator[_Constant]:
    shares = y.mean(dtype=np.float64, axis=0)
    yield _Constant("the shares of the labels", shares)
    yield _Constant("every label", np.ones(len(shares)))


def _of_quantities(y: Array) -> Iterator[_Constant]:
    yield _Constant("the mean", np.atleast_1d(y.mean(dtype=np.float64, axis=0)))
    yield _Constant("the median", np.atleast_1d(np.median(y.astype(np.float64), axis=0)))


def _most_frequent(y: Array, classes: int) -> int:
    return int(np.bincount(y, minlength=classes).argmax())


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
