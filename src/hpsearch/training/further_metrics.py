"""Metrics beside the study's own, on predictions that are already there: the same for every trainer."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.exceptions import spoken
from hpsearch.models.components.metrics import METRICS, formed, keras_metric
from hpsearch.spec import Component
from hpsearch.spec.sections.further_metrics import metric_name
from hpsearch.spec.sections.own_function import OwnFunction
from hpsearch.training.evaluation import Measured
from hpsearch.training.scorers import UndefinedScoreError, strict_score

Array = NDArray[Any]


class FurtherMetrics:
    """The metrics of a study beside its own.

    Args:
        metrics: Those of the study file.
        outputs: The number of classes, labels or quantities.
        labels: The names of the classes; empty for other tasks.
        functions: The functions, or classes of metrics, that the file of the model has for the study.
    """

    def __init__(
        self,
        metrics: Sequence[Component],
        outputs: int,
        labels: tuple[str, ...],
        functions: dict[str, Any] | None = None,
    ) -> None:
        self.outputs, self.labels, self.functions = outputs, labels, functions or {}
        self.measures = {metric_name(metric): self._measure(metric) for metric in metrics}
        self._notes: dict[str, bool] = {}

    def of(self, y: Array, predictions: Array) -> dict[str, float]:
        """Measure predictions of rows; NaN where a metric is undefined, with a note that says so.

        Args:
            y: (n,) classes or numbers, or (n, targets).
            predictions: (n, units) probabilities or numbers.
        """
        return {name: self._told(name, y, predictions) for name in self.measures}

    def by_name(self) -> dict[str, Measured]:
        """Return each metric as a function of targets and predictions, NaN where it is undefined."""
        return {name: partial(self._told, name) for name in self.measures}

    def strict(self, name: str, y: Array, predictions: Array) -> float:
        """Measure predictions by one metric.

        Raises:
            UndefinedScoreError: It is not defined for them.
        """
        return self.measures[name](y, predictions)

    def _told(self, name: str, y: Array, predictions: Array) -> float:
        if not np.isfinite(predictions).all():
            return math.nan
        reason = "it divides by zero there"
        try:
            value = self.strict(name, y, predictions)
        except UndefinedScoreError as failure:
            value, reason = math.nan, str(failure)
        if not math.isfinite(value):
            undefined = "it is undefined for what the network predicts"
            self._notes.setdefault(f"{name} has no value in some epochs: {undefined} ({reason})", False)
        return value

    def new_notes(self) -> tuple[str, ...]:
        """Return what was undefined, each note once."""
        new = tuple(note for note, told in self._notes.items() if not told)
        self._notes.update(dict.fromkeys(new, True))
        return new

    def _measure(self, metric: Component) -> Measured:
        if isinstance(metric, OwnFunction):
            return _of_function(self.functions[metric.function], metric.function, self.labels)
        if metric.name not in METRICS:
            return lambda y, predictions: strict_score(metric.name, y, predictions, self.labels)
        made = keras_metric(metric, self.outputs, classes=bool(self.labels))
        run = _in_one_call(made)

        def measure(y: Array, predictions: Array) -> float:
            try:
                with warnings.catch_warnings():
                    # That of mean_iou casts to int64, which JAX does not have.
                    warnings.simplefilter("ignore")
                    return run(*formed(metric.name, y, predictions, self.labels))
            except Exception as failure:
                raise UndefinedScoreError(spoken(failure)) from failure

        return measure


def _in_one_call(metric: Any) -> Measured:
    """Return what a metric of Keras gives for all rows at once; on JAX compiled once for a shape."""

    def eager(y: Array, predictions: Array) -> float:
        metric.reset_state()
        metric.update_state(y, predictions)
        return _one_number(metric.name, metric.result(), rows=None)

    if keras.backend.backend() != "jax":
        return eager
    import jax

    first: list[Any] = []

    @jax.jit
    def traced(y: Any, predictions: Any) -> Any:
        return metric.stateless_result(metric.stateless_update_state(first, y, predictions))

    def compiled(y: Array, predictions: Array) -> float:
        if not first:
            # Some metrics make their variables when they first see rows.
            metric.update_state(y, predictions)
            metric.reset_state()
            first.extend(variable.value for variable in metric.variables)
        return _one_number(metric.name, traced(y, predictions), rows=None)

    return compiled


def _of_function(function: Any, name: str, labels: tuple[str, ...]) -> Measured:
    """Return what a user's function, or a class of metrics, gives for the rows."""

    def measure(y: Array, predictions: Array) -> float:
        targets = y if y.ndim == 2 or len(labels) > 2 else y.astype(np.float32).reshape(predictions.shape)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if isinstance(function, type) and issubclass(function, keras.metrics.Metric):
                    metric = function()
                    metric.update_state(targets, predictions)
                    found = metric.result()
                else:
                    found = function(targets, predictions)
            return _one_number(name, found, rows=len(y))
        except UndefinedScoreError:
            raise
        except Exception as failure:
            raise UndefinedScoreError(f"{name} failed: {spoken(failure)}") from failure

    return measure


def _one_number(name: str, found: Any, rows: int | None) -> float:
    """Return a number, or the mean of one for each row."""
    values = np.asarray(keras.ops.convert_to_numpy(found), np.float64)
    if values.size == 1 or (rows is not None and values.shape in ((rows,), (rows, 1))):
        return float(values.mean())
    expected = "one number" if rows is None else "one number, or one for each row"
    raise UndefinedScoreError(f"{name} gives an array of shape {values.shape}, and not {expected}")
