"""Whether the loss and the class weights of a study suit its data."""

from __future__ import annotations

from collections.abc import Iterator

from hpsearch.data import Dataset
from hpsearch.data.checks import meant
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import Component, StudySpec
from hpsearch.spec.sections.class_weights import GivenWeights
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
        if kind not in loss.tasks:
            fitting = [name for name, one in LOSSES.items() if issubclass(one, Loss) and kind in one.tasks]
            raise UnsupportedError(
                f"training.loss: {loss.name} is for {' or '.join(loss.tasks)}, and the data have {kind}; "
                f"choose one of {', '.join(fitting)}"
            )
        if loss.name in LEAST and least < LEAST[loss.name]:
            raise UnsupportedError(
                f"training.loss: {loss.name} needs targets of {LEAST[loss.name]:g} or more, and the least is "
                f"{least:g}"
            )


def kind_of(dataset: Dataset) -> str:
    """Say what the data have, in the words of losses and metrics."""
    if dataset.task == "classification":
        return TWO_CLASSES if dataset.outputs == 2 else CLASSES
    return REGRESSION if dataset.task == "regression" else LABELS


LEAST = {"poisson": 0.0, "mean_squared_logarithmic_error": 0.0}
"""Losses that take no targets below a number."""


def notes_on_losses(spec: StudySpec) -> Iterator[str]:
    """Write notes on losses that a saved model cannot be compiled with."""
    if any(isinstance(loss, Huber) and loss.delta != Huber().delta for loss in losses_of(spec)):
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
