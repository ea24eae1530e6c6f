"""Whether the metrics beside that of a study can be computed on its data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from hpsearch.data import Dataset, are_labels
from hpsearch.engines.policy.loss import kind_of, needs_of_targets, problem_of_kind
from hpsearch.engines.policy.metric import (
    ALIKE,
    ZERO_TARGETS,
    predicted,
    problem_of_parts,
    problem_of_scorer,
    tried,
)
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import Component, StudySpec
from hpsearch.spec.sections.further_metrics import METRICS, F1ScoreMetric, KerasMetric, metric_name
from hpsearch.spec.sections.losses import CLASSES, LABELS
from hpsearch.spec.sections.own_function import OwnFunction
from hpsearch.training.evaluation import Array

if TYPE_CHECKING:
    from hpsearch.training.further_metrics import FurtherMetrics


def check_further(spec: StudySpec, dataset: Dataset) -> None:
    """Check that the metrics are for what is predicted.

    Raises:
        UnsupportedError: One is not. The message says which are, or what to write.
    """
    for metric in spec.search.recorded:
        if isinstance(metric, KerasMetric):
            problem = _problem_of_task(metric, dataset) or _problem_of_targets(metric, dataset)
        elif isinstance(metric, OwnFunction):
            problem = None
        else:
            problem = problem_of_scorer(metric.name, dataset)
        if problem is not None:
            raise UnsupportedError(f"{_place(metric, spec)}: {problem}")


def _place(metric: Component, spec: StudySpec) -> str:
    """Name the field that asks for a metric: an objective is recorded without being listed."""
    return "search.metrics" if metric in (spec.search.metrics or ()) else "search.metric"


def _problem_of_task(metric: KerasMetric, dataset: Dataset) -> str | None:
    kind = kind_of(dataset)
    problem = problem_of_kind(metric, kind, METRICS)
    if problem is not None:
        return problem
    if isinstance(metric, F1ScoreMetric) and kind in (CLASSES, LABELS) and metric.average is None:
        return (
            f"{metric.name} without average is a number for each class or label; write "
            f"{{{metric.name}: {{average: macro}}}}, or micro or weighted"
        )
    number = getattr(metric, "class_id", None)
    units = 1 if dataset.outputs == 2 and dataset.labels else dataset.outputs
    if number is not None and number >= units:
        return f"{metric_name(metric)}: class_id is a number from 0 to {units - 1} here"
    return None


def _problem_of_targets(metric: KerasMetric, dataset: Dataset) -> str | None:
    def undefined(y: Array) -> str | None:
        needs = needs_of_targets(metric, float(y.min()))
        if needs is not None:
            return f"it {needs}"
        return ZERO_TARGETS if metric.name == "mean_absolute_percentage_error" and not y.all() else None

    return problem_of_parts(metric_name(metric), dataset, undefined)


def check_defined(further: FurtherMetrics, spec: StudySpec, dataset: Dataset) -> None:
    """Check that the metrics have a value, and can tell predictions apart, on every validation set.

    Raises:
        UnsupportedError: One has none, or the same for all predictions, as where there is one class only.
    """
    for metric in spec.search.recorded:
        if not isinstance(metric, KerasMetric | OwnFunction):
            continue

        def undefined(y: Array, metric: Component = metric) -> str | None:
            return _undefined(further, metric, y, dataset.labels)

        problem = problem_of_parts(metric_name(metric), dataset, undefined)
        if problem is not None:
            place = _place(metric, spec)
            raise UnsupportedError(f"{place}: {problem}; choose another metric, or other validation rows")


def _undefined(further: FurtherMetrics, metric: Component, y: Array, labels: tuple[str, ...]) -> str | None:
    name = metric_name(metric)
    reason = tried(lambda one: further.strict(name, y, one), y, _predictions(y, labels))
    alike = reason is not None and reason.endswith(ALIKE)
    if alike and isinstance(metric, OwnFunction):
        return None
    missing = np.setdiff1d(np.arange(len(labels)), y)
    return f"it has no row of the class {labels[int(missing[0])]!r}" if alike and missing.size else reason


def _predictions(y: Array, labels: tuple[str, ...]) -> Iterator[Array]:
    """Return predictions that differ in how good they are, right ones too, which every threshold parts."""
    yield from (one.astype(np.float32) for one in predicted(y, labels))
    if labels:
        right = np.eye(len(labels), dtype=np.float32)[y.astype(np.int64)]
        yield right[:, 1:] if len(labels) == 2 else right
    elif are_labels(y):
        yield y.astype(np.float32)
