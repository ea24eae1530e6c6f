"""The training section: optimizer, learning rate, clipping, length and early stopping."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hpsearch.spec.sections.optimizers import OPTIMIZERS, Optimizer
from hpsearch.spec.sections.schedules import SCHEDULES, LearningRateSchedule
from hpsearch.spec.study_file.distributions import Searchable, alternatives, problem
from hpsearch.spec.study_file.parts import Component, Count, NonNegative, OneOf, Part, Positive, bare


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


class EarlyStopping(Part):
    """Stop when the metric has not improved by `min_delta` for `patience` epochs."""

    patience: Searchable[Count]
    min_delta: Searchable[NonNegative] = 0.0


class Training(Part):
    """How a model is trained. Its length is given in `epochs` or in `steps`.

    Where no learning rate is given, a configuration has that of its optimizer.
    """

    optimizer: Searchable[Optimizer] = OPTIMIZERS["adam"]()
    learning_rate: Searchable[Positive] = None  # type: ignore[assignment] # no configuration is without one
    schedule: Searchable[LearningRateSchedule] = SCHEDULES["constant"]()
    clipping: Searchable[Clipping] = CLIPPING["none"]()
    epochs: Searchable[Length] | None = None
    steps: Searchable[Length] | None = None
    batch_size: Searchable[Annotated[int, Field(ge=1, le=10**6)]] = 32
    early_stopping: Searchable[EarlyStopping] | None = None
    backend: Literal["auto", "jax", "tensorflow", "torch"] = "auto"

    @model_validator(mode="after")
    def _length_is_given_once(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            found = "neither" if self.epochs is None else "both"
            raise problem("the length of a run: either 'epochs' or 'steps'", found=found)
        return self

    @property
    def own_rate(self) -> float | None:
        """Return the optimizer's own learning rate; None where optimizers are searched that differ in it."""
        rates = {option.own_rate for option in alternatives(self.optimizer)}
        return rates.pop() if len(rates) == 1 else None

    def with_rate(self) -> Self:
        """Write out the learning rate, where it is not given and no search decides on it."""
        given: float | None = self.learning_rate
        if given is not None or self.own_rate is None:
            return self
        return self.model_copy(update={"learning_rate": self.own_rate})
