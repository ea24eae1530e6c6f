"""scikit-learn's scorers on predictions that are already there."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.data import are_labels


class _Predictions:
    """An estimator for scikit-learn whose rows are its own predictions."""

    def __init__(self, classes: int, labels: int) -> None:
        # scikit-learn knows an estimator of several labels by its list of classes, one item for each.
        self.classes_: Any = [np.arange(2)] * labels if labels else np.arange(classes)
        self.labels = labels
        self._estimator_type = "classifier" if classes or labels else "regressor"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        tags = Tags(self._estimator_type, TargetTags(required=False), input_tags=InputTags())
        if self._estimator_type == "classifier":
            tags.classifier_tags = ClassifierTags()
        else:
            tags.regressor_tags = RegressorTags()
        return tags

    def fit(self, _x: Any, _y: Any) -> _Predictions:
        return self

    def predict(self, rows: NDArray[Any]) -> Any:
        if self.labels:
            return (rows > 0.5).astype(np.int64)
        if len(self.classes_):
            return rows.argmax(axis=-1)
        return rows[:, 0] if rows.shape[1] == 1 else rows

    def predict_proba(self, rows: NDArray[Any]) -> Any:
        return [np.column_stack([1 - one, one]) for one in rows.T] if self.labels else rows


class UndefinedScoreError(ValueError):
    """A scorer is not defined for what it was given; says why."""


def score(metric: str, y: NDArray[Any], predictions: NDArray[Any], labels: tuple[str, ...]) -> float:
    """Score predictions by a scorer of scikit-learn.

    Args:
        metric: The name of the scorer.
        y: (rows,) classes or numbers.
        predictions: (rows, units) probabilities or numbers; one unit is the probability of the second class.
        labels: The names of the classes; empty for regression.

    Returns:
        The score; NaN if predictions are not finite, or the scorer does not accept them.
    """
    try:
        return strict_score(metric, y, predictions, labels)
    except UndefinedScoreError:
        return float("nan")


def strict_score(metric: str, y: NDArray[Any], predictions: NDArray[Any], labels: tuple[str, ...]) -> float:
    """Score predictions as `score` does.

    Raises:
        UndefinedScoreError: scikit-learn does not accept the predictions; the message is its own.
    """
    from sklearn.metrics import get_scorer

    if not np.isfinite(predictions).all():
        return float("nan")
    rows = predictions.astype(np.float64)
    if labels:
        rows = np.hstack([1 - rows, rows]) if rows.shape[1] == 1 else rows / rows.sum(axis=1, keepdims=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            several = y.shape[1] if are_labels(y) else 0
            return float(get_scorer(metric)(_Predictions(len(labels), several), rows, y))
        except ValueError as failure:
            raise UndefinedScoreError(_sentence(failure)) from None


def undefined(metric: str, y: NDArray[Any], predictions: NDArray[Any], labels: tuple[str, ...]) -> str:
    """Return why a scorer gives no finite number for finite predictions, with the arguments of `score`."""
    try:
        strict_score(metric, y, predictions, labels)
    except UndefinedScoreError as failure:
        return str(failure)
    return "it divides by zero there"


def _sentence(failure: ValueError) -> str:
    """Return the first sentence of what scikit-learn says."""
    return " ".join(str(failure).split()).partition(". ")[0].rstrip(".")
