"""The metric of a study as plain code: a mean over rows, or a scorer of scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hpsearch.models.components.losses import OF_NUMBERS
from hpsearch.models.components.objectives import Objective
from hpsearch.spec.sections.losses import LOSSES

MEANS = ("val_loss", "val_accuracy")
"""Metrics that are means of what each row has."""

PREDICTED = "predict"
"""The method of an estimator that a scorer asks for where it takes no probabilities."""


def is_written(metric: str, objective: Objective) -> bool:
    """Tell whether a metric can be written: a mean, or a function of scikit-learn of a single target."""
    if metric in MEANS or objective.several:
        return metric in MEANS
    import sklearn.metrics

    function = _scorer(metric)._score_func  # noqa: SLF001 - scikit-learn shows it nowhere else
    return getattr(sklearn.metrics, function.__name__, None) is function


def imports_of_metric(metric: str) -> Iterator[str]:
    """Write what a metric is imported by."""
    if metric not in MEANS:
        yield f"from sklearn.metrics import {_scorer(metric)._score_func.__name__}"  # noqa: SLF001 - as above


def metric_lines(metric: str, objective: Objective) -> Iterator[str]:
    """Write the metric of the validation rows from their `logits`, as the body of a function."""
    if metric in MEANS:
        yield f"return float(np.mean({_of_rows(metric, objective)}, dtype=np.float64))"
        return
    scorer = _scorer(metric)
    yield f"given = np.asarray({_predictions(objective)}, np.float64)"
    given, y = "given", "y_validation"
    if objective.task == "regression":
        given, y = "given[:, 0]", "y[validation]"
    else:
        yield _probabilities(objective)
        if scorer._response_method == PREDICTED:  # noqa: SLF001 - as above
            given = "given.argmax(axis=-1)"
        elif objective.units == 1:
            given = "given[:, 1]"
    arguments = "".join(f", {name}={value!r}" for name, value in scorer._kwargs.items())  # noqa: SLF001 - as above
    sign = "-" if scorer._sign < 0 else ""  # noqa: SLF001 - as above
    yield f"return {sign}float({scorer._score_func.__name__}({y}, {given}{arguments}))"  # noqa: SLF001 - as above


def takes_one_hot(objective: Objective) -> bool:
    """Tell whether the loss takes classes one-hot, and not by their numbers."""
    return objective.units > 1 and not objective.several and objective.loss_name not in OF_NUMBERS


def _scorer(metric: str) -> Any:
    from sklearn.metrics import get_scorer

    return get_scorer(metric)


def _predictions(objective: Objective) -> str:
    """Write what the exported model predicts."""
    if objective.scaling is not None:
        return "keras.ops.convert_to_tensor(logits) * unit + centre"
    return "logits" if objective.activation == "linear" else f"keras.ops.{objective.activation}(logits)"


def _probabilities(objective: Objective) -> str:
    """Write what makes probabilities of all classes of predictions."""
    if objective.units == 1:
        return "given = np.hstack([1 - given, given])"
    return "given /= given.sum(axis=1, keepdims=True)"


def _of_rows(metric: str, objective: Objective) -> str:
    """Write what a metric is the mean of."""
    scaled = objective.scaling is not None
    if metric == "val_loss":
        power = LOSSES[objective.loss_name].unit if scaled else 0  # type: ignore[attr-defined]
        unit = f" * np.float32(unit) ** {power}" if scaled else ""
        return f"np.asarray(loss.call({_targets(objective)}, logits)){unit}"
    if objective.units == 1 or objective.several:
        return "(np.asarray(keras.ops.sigmoid(logits)) > 0.5) == np.reshape(y_validation, logits.shape)"
    return "logits.argmax(axis=-1) == y_validation"


def _targets(objective: Objective) -> str:
    """Write the targets of the validation rows as the loss takes them."""
    if takes_one_hot(objective):
        return f"np.eye({objective.outputs}, dtype=np.float32)[y_validation]"
    if objective.units == 1 or objective.several:
        return "np.reshape(y_validation, logits.shape).astype(np.float32)"
    return "y_validation"
