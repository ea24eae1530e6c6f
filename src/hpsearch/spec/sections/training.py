"""The training section: optimizer, learning rate, clipping, length and early stopping."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from hpsearch.spec.sections.class_weights import ClassWeight
from hpsearch.spec.sections.losses import LossOfStudy
from hpsearch.spec.sections.monitor import Monitoring
from hpsearch.spec.sections.named_targets import LossWeights, TargetLosses
from hpsearch.spec.sections.optimizers import OPTIMIZERS, Optimizer
from hpsearch.spec.sections.schedules import SCHEDULES, LearningRateSchedule, ShareSchedule
from hpsearch.spec.study_file.distributions import Searchable, alternatives, problem
from hpsearch.spec.study_file.parts import (
    Component,
    Count,
    NonNegative,
    Number,
    OneOf,
    Part,
    Positive,
    bare,
)


class Clipvalue(Component):
    """Clip each entry of the gradient to [-clipvalue, clipvalue]."""

    name = "clipvalue"
    scalar = "threshold"
    threshold: Searchable[Positive]


class Clipnorm(Component):
    """Clip the norm of the gradient of each variable."""

    name = "clipnorm"
    scalar = "threshold"
    threshold: Searchable[Positive]


class GlobalClipnorm(Component):
    """Clip the norm of the whole gradient."""

    name = "global_clipnorm"
    scalar = "threshold"
    threshold: Searchable[Positive]


CLIPPING: dict[str, type[Component]] = {
    "none": bare("none"),
    "clipvalue": Clipvalue,
    "clipnorm": Clipnorm,
    "global_clipnorm": GlobalClipnorm,
}
Clipping = Annotated[Component, OneOf("a kind of gradient clipping", CLIPPING)]

Length = Annotated[int, Field(ge=1, le=10**7)]


class EarlyStopping(Monitoring):
    """Stop when a metric has not improved by `min_delta` for `patience` epochs.

    What is better than the epochs before and not than the `baseline` does not count as an improvement. The
    first `start_from_epoch` epochs do not count at all.
    """

    unwritten: ClassVar = Monitoring.unwritten | {"start_from_epoch"}
    patience: Searchable[Count]
    min_delta: Searchable[NonNegative] = 0.0
    baseline: Searchable[Number] | None = None
    start_from_epoch: Searchable[Annotated[int, Field(ge=0, le=10**7)]] = 0


Precision = Literal["float32", "mixed_bfloat16"]


class Training(Part):
    """How a model is trained. Its length is given in `epochs` or in `steps`.

    The learning rate may stand here or among the arguments of the optimizer. Where none is given, a
    configuration has that of its optimizer. Where no loss is given, it is the cross-entropy or, for a
    regression, the mean squared error. `losses` and `loss_weights` are those of several named targets. The
    rates of dropout and the weight decay may have schedules, which move them from epoch to epoch; without
    `decay_biases` weight decay leaves biases and what normalizations learn alone. With a `precision` layers
    compute by that dtype policy of Keras; weights stay of 32 bits.
    """

    loss: Searchable[LossOfStudy] | None = None
    losses: TargetLosses | None = None
    loss_weights: LossWeights | None = None
    class_weight: Searchable[ClassWeight] | None = None
    optimizer: Searchable[Optimizer] = OPTIMIZERS["adam"]()
    learning_rate: Searchable[Positive] = None  # type: ignore[assignment] # no configuration is without one
    schedule: Searchable[LearningRateSchedule] = SCHEDULES["constant"]()
    dropout_schedule: Searchable[ShareSchedule] | None = None
    weight_decay_schedule: Searchable[ShareSchedule] | None = None
    decay_biases: Searchable[bool] | None = None
    clipping: Searchable[Clipping] = CLIPPING["none"]()
    epochs: Searchable[Length] | None = None
    steps: Searchable[Length] | None = None
    batch_size: Searchable[Annotated[int, Field(ge=1, le=10**6)]] = 32
    early_stopping: Searchable[EarlyStopping] | None = None
    precision: Searchable[Precision] | None = None
    backend: Literal["auto", "jax", "tensorflow", "torch"] = "auto"

    @model_validator(mode="after")
    def _length_is_given_once(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            found = "neither" if self.epochs is None else "both"
            raise problem("the length of a run: either 'epochs' or 'steps'", found=found)
        return self

    @model_validator(mode="after")
    def _learning_rate_is_given_once(self) -> Self:
        given: float | None = self.learning_rate
        rated = [one.name for one in alternatives(self.optimizer) if one.learning_rate is not None]
        if given is not None and rated:
            expected = "the learning rate once: here, or among the arguments of each optimizer"
            raise problem(
                expected, found=f"one here, and one of {' and '.join(rated)}", at=("learning_rate",)
            )
        return self

    @property
    def any_model_only(self) -> bool:
        """Return whether it asks for what only the programs of any Keras model have, whatever is chosen."""
        fields = (self.dropout_schedule, self.weight_decay_schedule, self.decay_biases, self.precision)
        return any(field is not None for field in fields)

    @property
    def own_rate(self) -> float | None:
        """Return the optimizer's own learning rate; None where optimizers are searched that differ in it."""
        options = alternatives(self.optimizer)
        rates = {option.own_rate for option in options if option.learning_rate is None}
        same = len(rates) == 1 and all(option.learning_rate is None for option in options)
        return rates.pop() if same else None

    def with_rate(self) -> Self:
        """Write the learning rate here, where no search decides on it."""
        given: float | None = self.learning_rate
        optimizer = self.optimizer
        if given is None and isinstance(getattr(optimizer, "learning_rate", None), float):
            return self._with_moved_rate(optimizer)
        if given is not None or self.own_rate is None:
            return self
        return self.model_copy(update={"learning_rate": self.own_rate})

    def _with_moved_rate(self, optimizer: Any) -> Self:
        rate, plain = optimizer.learning_rate, optimizer.model_copy(update={"learning_rate": None})
        return self.model_copy(update={"learning_rate": rate, "optimizer": plain})
