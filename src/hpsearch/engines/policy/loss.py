"""Whether the loss and the class weights of a study suit its data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hpsearch.data import Dataset
from hpsearch.data.checks import meant
from hpsearch.data.named_targets import NamedTarget
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import Component, StudySpec
from hpsearch.spec.sections.class_weights import GivenWeights
from hpsearch.spec.sections.further_metrics import KerasMetric
from hpsearch.spec.sections.losses import CLASSES, LABELS, LOSSES, REGRESSION, TWO_CLASSES, Huber, Loss
from hpsearch.spec.sections.own_function import OwnFunction
from hpsearch.spec.study_file.distributions import alternatives
from hpsearch.spec.study_file.parts import holds_distribution

PLACE = "training.class_weight"

SEARCHED = "searched"
"""Stands for losses of a study that have no common level of chance."""


def losses_of(spec: StudySpec) -> list[Component]:
    """List the losses that a study names."""
    found = (loss for training in alternatives(spec.training) for loss in alternatives(training.loss))
    return [loss for loss in found if loss is not None]


def single_loss(spec: StudySpec) -> Component | str | None:
    """Return the loss of all configurations: None for the task's own, `SEARCHED` where no other is known."""
    named = losses_of(spec)
    if not named:
        return None
    one = len(set(named)) == 1 and all(training.loss is not None for training in alternatives(spec.training))
    known = one and isinstance(named[0], Loss) and not holds_distribution(named[0])
    return named[0] if known else SEARCHED


def check_loss(spec: StudySpec, dataset: Dataset) -> None:
    """Check that the losses are for what is predicted.

    Raises UnsupportedError, with those that are.
    """
    kind = kind_of(dataset)
    least = 0.0 if kind != REGRESSION else min(float(split.train.y.min()) for split in dataset.splits)
    for loss in losses_of(spec):
        if not isinstance(loss, Loss):
            continue
        problem = problem_of_kind(loss, kind, LOSSES)
        if problem is None and (needs := needs_of_targets(loss, least)) is not None:
            problem = f"{loss.name} {needs}"
        if problem is not None:
            raise UnsupportedError(f"training.loss: {problem}")


def kind_of(predicted: Dataset | NamedTarget) -> str:
    """Say what is predicted, in the words of losses and metrics."""
    if predicted.task == "classification":
        return TWO_CLASSES if predicted.outputs == 2 else CLASSES
    return REGRESSION if predicted.task == "regression" else LABELS


def fitting(table: Mapping[str, type[Component]], kind: str) -> str:
    """List the losses or metrics of a table that are for what is predicted."""
    return ", ".join(name for name, one in table.items() if kind in getattr(one, "tasks", ()))


def problem_of_kind(one: Loss | KerasMetric, kind: str, table: Mapping[str, type[Component]]) -> str | None:
    """Return why a loss or a metric is not for what is predicted, with those that are; None where it is."""
    if kind in one.tasks:
        return None
    return (
        f"{one.name} is for {' or '.join(one.tasks)}, and the data have {kind}; choose one of "
        f"{fitting(table, kind)}"
    )


def needs_of_targets(one: Component, least: float) -> str | None:
    """Return what a loss or a metric needs of targets whose least is lower; None where nothing is amiss."""
    if one.name not in FROM_ZERO or least >= 0:
        return None
    return f"needs targets of 0 or more, and the least is {least:g}"


FROM_ZERO = ("poisson", "mean_squared_logarithmic_error")
"""Losses and metrics that take no targets below 0."""


def notes_on_losses(spec: StudySpec, *, scaled: bool = False) -> Iterator[str]:
    """Write notes on losses that a saved model cannot be compiled with; `scaled`: targets are transformed."""
    bending = [name for loss in losses_of(spec) if (name := loss.name) in ("huber", "log_cosh")]
    if scaled and bending:
        yield f"best.keras is compiled without a loss: {bending[0]} bends at a deviation of the targets"
    elif any(isinstance(loss, Huber) and loss.delta != Huber().delta for loss in losses_of(spec)):
        yield "best.keras is compiled without a loss: Keras would load it with another delta of huber"
    for name in dict.fromkeys(loss.name for loss in losses_of(spec)):
        if name == OwnFunction.name:
            yield "best.keras is compiled without a loss: it holds only Keras' own code"
        elif name.endswith("hinge"):
            yield (
                f"best.keras is compiled without a loss: it gives probabilities, and {name} is computed from "
                "the outputs before their activation"
            )


def check_class_weights(spec: StudySpec, dataset: Dataset) -> None:
    """Check that class weights are for classes, and that these exist.

    Raises UnsupportedError, with what does.
    """
    for training in alternatives(spec.training):
        for given in alternatives(training.class_weight):
            if given is not None and getattr(given, "name", "") != "none":
                _check_weights(given, dataset)


def _check_weights(given: object, dataset: Dataset) -> None:
    if dataset.task != "classification":
        raise UnsupportedError(
            f"{PLACE}: expected a classification, whose classes have weights; the task is {dataset.task}"
        )
    if dataset.unscaled.weights is not None:
        raise UnsupportedError(
            f"{PLACE}: the rows have weights already, and Keras' fit takes either; multiply the weights of "
            "the rows by those of their classes"
        )
    if not isinstance(given, GivenWeights):
        return
    for name in dict(given.items()):
        if name not in dataset.labels:
            hint = meant(name, dict.fromkeys(dataset.labels))
            shown = ", ".join(dataset.labels[:20]) + (", ..." if len(dataset.labels) > 20 else "")
            raise UnsupportedError(f"{PLACE}: there is no class {name!r}{hint}; the classes are {shown}")
