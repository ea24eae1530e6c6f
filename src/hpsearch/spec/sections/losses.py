"""Losses by Keras' names in snake case, with Keras' arguments and defaults."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from hpsearch.spec.sections.own_function import OwnFunction
from hpsearch.spec.study_file.distributions import Searchable
from hpsearch.spec.study_file.parts import Component, NonNegative, OneOf, Positive, Rate

REGRESSION, TWO_CLASSES, CLASSES = "a regression", "two classes", "three or more classes"
LABELS = "several labels"
TASKS = (REGRESSION, TWO_CLASSES, CLASSES, LABELS)
"""What a loss can be for; two classes share one output unit, labels have one each."""

OpenShare = Annotated[float, Field(gt=0, lt=1)]


class Loss(Component):
    """What every loss has: what it is for, whether it is never below 0, and its unit.

    `unit` is the power of the unit of numbers in which the loss of a difference is told: 2 for squares. It is
    None for a loss that is no function of differences, for which the numbers themselves are needed.
    """

    tasks: ClassVar[tuple[str, ...]] = TASKS
    positive: ClassVar[bool] = True
    unit: ClassVar[int | None] = None


class MeanSquaredError(Loss):
    """The squared difference; of classes and labels, that of their probabilities to 0 and 1."""

    name = "mean_squared_error"
    unit = 2


class MeanAbsoluteError(Loss):
    name = "mean_absolute_error"
    unit = 1


class MeanAbsolutePercentageError(Loss):
    name = "mean_absolute_percentage_error"
    tasks = (REGRESSION,)


class MeanSquaredLogarithmicError(Loss):
    name = "mean_squared_logarithmic_error"
    tasks = (REGRESSION,)


class Huber(Loss):
    name = "huber"
    unit = 2
    delta: Searchable[Positive] = 1.0


class LogCosh(Loss):
    name = "log_cosh"
    unit = 2


class Poisson(Loss):
    """Poisson's, of a rate: the network gives its logarithm; a model in Python gives the rate itself."""

    name = "poisson"
    tasks = (REGRESSION,)
    positive = False


class BinaryCrossentropy(Loss):
    name = "binary_crossentropy"
    tasks = (TWO_CLASSES, LABELS)
    label_smoothing: Searchable[Rate] = 0.0


class BinaryFocalCrossentropy(Loss):
    name = "binary_focal_crossentropy"
    tasks = (TWO_CLASSES, LABELS)
    apply_class_balancing: Searchable[bool] = False
    alpha: Searchable[OpenShare] = 0.25
    gamma: Searchable[NonNegative] = 2.0
    label_smoothing: Searchable[Rate] = 0.0


class Hinge(Loss):
    """The hinge of the network's outputs before their sigmoid."""

    name = "hinge"
    tasks = (TWO_CLASSES, LABELS)


class SquaredHinge(Hinge):
    name = "squared_hinge"


class SparseCategoricalCrossentropy(Loss):
    name = "sparse_categorical_crossentropy"
    tasks = (CLASSES,)


class CategoricalCrossentropy(Loss):
    name = "categorical_crossentropy"
    tasks = (CLASSES,)
    label_smoothing: Searchable[Rate] = 0.0


class CategoricalFocalCrossentropy(Loss):
    name = "categorical_focal_crossentropy"
    tasks = (CLASSES,)
    alpha: Searchable[Positive] = 0.25
    gamma: Searchable[NonNegative] = 2.0
    label_smoothing: Searchable[Rate] = 0.0


class CategoricalGeneralizedCrossEntropy(Loss):
    name = "categorical_generalized_cross_entropy"
    tasks = (CLASSES,)
    q: Searchable[OpenShare] = 0.5


class CategoricalHinge(Loss):
    """The hinge of the network's outputs before their softmax."""

    name = "categorical_hinge"
    tasks = (CLASSES,)


class KLDivergence(Loss):
    name = "kl_divergence"
    tasks = (CLASSES,)


class CosineSimilarity(Loss):
    """The negative cosine between the probabilities and the class."""

    name = "cosine_similarity"
    tasks = (CLASSES,)
    positive = False


LOSSES: dict[str, type[Component]] = {
    kind.name: kind
    for kind in (
        *(MeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError),
        *(Huber, LogCosh, Poisson, BinaryCrossentropy, BinaryFocalCrossentropy, Hinge, SquaredHinge),
        *(SparseCategoricalCrossentropy, CategoricalCrossentropy, CategoricalFocalCrossentropy),
        *(CategoricalGeneralizedCrossEntropy, CategoricalHinge, KLDivergence, CosineSimilarity),
    )
}
SHORT: dict[str, type[Component]] = {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "logcosh": LogCosh,
}
"""Keras' other names; `logcosh` is that of Keras 2."""

UNAVAILABLE_LOSSES = {
    "ctc": "is for sequences of labels",
    "circle": "trains embeddings, which predict nothing",
    "dice": "is one number for a batch, and none for a row",
    "tversky": "is one number for a batch, and none for a row",
}
"""Keras' losses that have no place here, and why."""

LossOfStudy = Annotated[
    Component, OneOf("a loss", {**LOSSES, **SHORT, OwnFunction.name: OwnFunction}, UNAVAILABLE_LOSSES)
]
