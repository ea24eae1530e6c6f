"""Whether the metric of a study can judge what its data ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from hpsearch.data import Dataset, are_labels
from hpsearch.exceptions import UnsupportedError, shortened
from hpsearch.spec import StudySpec
from hpsearch.spec.sections.constraints import PARAMETERS
from hpsearch.spec.sections.further_metrics import metric_name
from hpsearch.spec.sections.monitor import REPORTED, Monitoring
from hpsearch.spec.sections.scorer_names import SCORERS
from hpsearch.spec.study_file.distributions import alternatives
from hpsearch.training.evaluation import Array
from hpsearch.training.scorers import UndefinedScoreError, strict_score

OWN = {
    "classification": ("val_loss", "val_accuracy"),
    "multilabel": ("val_loss", "val_accuracy"),
    "regression": ("val_loss",),
}
"""Metrics that every data set of a task has."""

LONGEST = 200

ALIKE = "it is the same for all predictions"
ZERO_TARGETS = "it divides by the targets, and some targets are 0"


def check_metric(spec: StudySpec, dataset: Dataset) -> None:
    """Check that the metric is defined for the task, and for the targets that it is computed on.

    So must be the metrics that early stopping and a plateau look at.

    Raises:
        UnsupportedError: One is not. The message lists the metrics that are.
    """
    metric, task, layout = spec.search.first_metric, dataset.task, dataset.target_layout
    if layout is not None:
        known = ("val_loss", *(f"val_{name}" for name in layout.metrics))
        _check_names(spec, [f"{rows}{name}" for rows in ("", "val_") for name in ("loss", *layout.metrics)])
        if metric in known:
            return
        raise UnsupportedError(
            f"search.metric: {metric} is not defined for several targets; choose one of {', '.join(known)}"
        )
    _check_names(spec, [f"{rows}{name}" for rows in ("", "val_") for name in REPORTED[task]])
    if metric in OWN[task]:
        return
    scorers = SCORERS["regression" if task == "regression" else "classification"]
    problem = problem_of_scorer(metric, dataset)
    if problem is None:
        return
    working = [name for name in scorers if name != "accuracy" and problem_of_scorer(name, dataset) is None]
    raise UnsupportedError(f"search.metric: {problem}; choose one of {', '.join((*OWN[task], *working))}")


def _check_names(spec: StudySpec, reported: Sequence[str]) -> None:
    """Check that what objectives, monitors and constraints name is known of each epoch."""
    search = spec.search
    known = list(dict.fromkeys((*reported, search.first_metric, *map(metric_name, search.recorded))))
    _check_monitors(spec, known)
    named = {"metric": search.objectives, "constraints": [one.name for one in search.limits]}
    for place, names in named.items():
        unknown = [name for name in names if name not in (PARAMETERS, *known)]
        if unknown:
            raise UnsupportedError(
                f"search.{place}: no epoch of this study reports {unknown[0]}; choose one of "
                f"{', '.join((PARAMETERS, *known))}"
            )


def _check_monitors(spec: StudySpec, known: Sequence[str]) -> None:
    for training in alternatives(spec.training):
        stopping, schedules = alternatives(training.early_stopping), alternatives(training.schedule)
        for place, part in (("early_stopping", stopping), ("schedule.reduce_on_plateau", schedules)):
            monitors = (one.monitor for one in part if isinstance(one, Monitoring))
            unknown = [name for name in monitors if name is not None and name not in known]
            if unknown:
                raise UnsupportedError(
                    f"training.{place}.monitor: no epoch of this study reports {unknown[0]}; choose one of "
                    f"{', '.join(known)}"
                )


def problem_of_scorer(metric: str, dataset: Dataset) -> str | None:
    """Return why a scorer cannot judge predictions of the validation sets; None where it can."""
    if metric not in SCORERS["regression" if dataset.task == "regression" else "classification"]:
        return f"{metric} is not defined for {dataset.task}"
    return problem_of_parts(metric, dataset, lambda y: _undefined(metric, y, dataset.labels))


def problem_of_parts(metric: str, dataset: Dataset, undefined: Callable[[Array], str | None]) -> str | None:
    """Return on which validation set a metric cannot be computed, and why; None where it can on all.

    Args:
        metric: Its name, for the message.
        dataset: The data.
        undefined: Says why it cannot be computed for the targets of a set.
    """
    for number, split in enumerate(dataset.splits, 1):
        reason = undefined(split.validation.y)
        if reason is not None:
            part = "the validation set" + (f" of fold {number}" if len(dataset.splits) > 1 else "")
            return f"{metric} cannot be computed on {part}: {reason}"
    return None


def _undefined(metric: str, y: Array, labels: tuple[str, ...]) -> str | None:
    """Return why a scorer cannot judge predictions of some targets: the classes, or what it says itself."""
    if not labels:
        return _tried(metric, y, labels)
    every = np.tile(np.arange(len(labels)), 4)
    never = _tried(metric, every, labels)
    if never is not None:
        binary = len(labels) > 2 and _tried(metric, np.tile([0, 1], 4), labels[:2]) is None
        return f"it is defined for two classes, and the data have {len(labels)}" if binary else never
    missing = np.setdiff1d(every, y)
    reason = _tried(metric, y, labels)
    return reason and (f"it has no row of the class {labels[int(missing[0])]!r}" if missing.size else reason)


def _tried(metric: str, y: Array, labels: tuple[str, ...]) -> str | None:
    """Try a scorer on predictions that differ in how good they are; give what is wrong."""
    if metric == "neg_mean_absolute_percentage_error" and not y.all():
        return ZERO_TARGETS
    return tried(lambda one: strict_score(metric, y, one, labels), y, predicted(y, labels))


def predicted(y: Array, labels: tuple[str, ...]) -> Iterator[Array]:
    """Return predictions of targets that differ in how good they are."""
    return _of_classes(y, len(labels)) if labels else _of_labels(y) if are_labels(y) else _of_numbers(y)


def tried(measure: Callable[[Array], float], y: Array, predictions: Iterable[Array]) -> str | None:
    """Try a metric on predictions that differ in how good they are; give what is wrong.

    Args:
        measure: The metric of predictions.
        y: The targets, for the message.
        predictions: What is tried.
    """
    try:
        found = np.array([measure(one) for one in predictions])
    except UndefinedScoreError as failure:
        return shortened(str(failure), LONGEST)
    finite = found[np.isfinite(found)]
    if finite.size and np.ptp(finite) > 0:
        return None
    what = "a single row" if len(y) == 1 else "constant targets" if np.ptp(y) == 0 else "these targets"
    if finite.size:
        return f"for {what} {ALIKE}"
    return f"it is undefined for {what}"


def _of_classes(y: Array, classes: int) -> Iterator[Array]:
    """Return probabilities as a network does: nearly right, nearly all wrong, and drawn; (n, units) each."""
    generator = np.random.default_rng(0)
    truth = np.eye(classes)[y.astype(np.int64)]
    for known in (truth, np.roll(truth, 1, axis=1), np.roll(truth, -1, axis=1), None):
        drawn = generator.dirichlet(np.ones(classes), len(y))
        given = drawn if known is None else 0.9 * known + 0.1 * drawn
        yield given[:, 1:] if classes == 2 else given


def _of_labels(y: Array) -> Iterator[Array]:
    """Return probabilities of labels: nearly right, nearly all wrong, and drawn."""
    drawn = np.random.default_rng(0).uniform(size=y.shape)
    yield from (0.9 * known + 0.1 * drawn for known in (y, 1 - y, drawn))


def _of_numbers(y: Array) -> Iterator[Array]:
    """Return numbers off by little, by much, and constant; above 0 where the targets are not below."""
    exact = y.astype(np.float64)
    spread = float(np.ptp(exact)) or 1.0
    for given in (exact + 0.1 * spread, exact + spread, np.full(y.shape, exact.mean() + 0.5 * spread)):
        yield given.reshape(len(y), -1)
