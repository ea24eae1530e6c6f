"""What Keras Tuner calls an objective, in the names of `search.metric`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hpsearch.exceptions import UnsupportedError
from hpsearch.spec.sections.objectives import METRICS

NAMES = {
    "val_acc": "val_accuracy",
    "val_sparse_categorical_accuracy": "val_accuracy",
    "val_categorical_accuracy": "val_accuracy",
    "val_binary_accuracy": "val_accuracy",
    "val_auc": "roc_auc",
    "val_f1_score": "f1_macro",
    "val_mae": "neg_mean_absolute_error",
    "val_mean_absolute_error": "neg_mean_absolute_error",
    "val_mse": "neg_mean_squared_error",
    "val_mean_squared_error": "neg_mean_squared_error",
    "val_root_mean_squared_error": "neg_root_mean_squared_error",
    "val_r2_score": "r2",
}
"""Names of Keras' metrics, by which Keras Tuner names an objective."""


@dataclass(frozen=True)
class Objective:
    """A metric and whether it is to become smaller (`min`) or larger (`max`)."""

    name: str
    direction: str


def metric_of(objective: Any) -> str:
    """Return the metric of a study for an objective: its name, or an object with one; None is `val_loss`.

    Raises:
        UnsupportedError: There is no such metric.
    """
    name = "val_loss" if objective is None else getattr(objective, "name", objective)
    found = NAMES.get(str(name), str(name))
    if found not in METRICS:
        raise UnsupportedError(
            f"objective: expected one metric of the validation rows, {', '.join((*METRICS[:2], *NAMES))}, "
            f"or a scorer of scikit-learn; found {name!r}"
        )
    return found
