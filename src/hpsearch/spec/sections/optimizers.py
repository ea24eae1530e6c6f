"""Optimizers by Keras' names, with Keras' arguments and defaults; a learning rate stands beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidatorFunctionWrapHandler, WithJsonSchema, WrapValidator

from hpsearch.spec.study_file.distributions import Searchable
from hpsearch.spec.study_file.parts import (
    Component,
    Count,
    Listed,
    NonNegative,
    Number,
    OneOf,
    Positive,
    Rate,
    Share,
    written_once,
)

Steps = Annotated[int, Field(ge=0, le=10**9)]
NotPositive = Annotated[float, Field(le=0, allow_inf_nan=False)]
PositiveRate = Annotated[float, Field(gt=0, lt=1)]


def _none_or_number(raw: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    return raw if raw == "none" else handler(raw)


PositiveOrNone = Annotated[
    Positive,
    WrapValidator(_none_or_number),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"enum": ["none"]}]}),
]


_EPSILON = written_once("optimizers.epsilon")

SHARED = ("weight_decay", "use_ema", "ema_momentum", "ema_overwrite_frequency", "gradient_accumulation_steps")
"""The arguments that every optimizer has."""


class OptimizerKind(Component):
    """What every optimizer has, and the learning rate where a study gives none, in `own_rate`.

    A study may give `learning_rate` here, so that it depends on the optimizer. In a configuration it stands
    in the training section. Weight decay is decoupled and works on biases and gammas too. With `use_ema` the
    weights that a model is validated and saved with are averages, which take the place of those in training
    after each `ema_overwrite_frequency` updates. Gradients of `gradient_accumulation_steps` batches make one
    update.
    """

    own_rate: ClassVar[float] = 0.001
    unwritten: ClassVar = frozenset(SHARED)
    learning_rate: Annotated[Searchable[Positive] | None, written_once("optimizers.learning_rate")] = None
    weight_decay: Annotated[Searchable[NonNegative] | None, written_once("optimizers.weight_decay")] = None
    use_ema: Annotated[Searchable[bool], written_once("optimizers.use_ema")] = False
    ema_momentum: Annotated[Searchable[Share], written_once("optimizers.ema_momentum")] = 0.99
    ema_overwrite_frequency: Annotated[
        Searchable[Count] | None, written_once("optimizers.count_of_steps")
    ] = None
    gradient_accumulation_steps: Annotated[
        Searchable[Count] | None, written_once("optimizers.count_of_steps")
    ] = None

    def items(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the arguments, those of all optimizers last; a learning rate only if given here."""
        given = (item for item in super().items() if item != ("learning_rate", None))
        yield from sorted(given, key=lambda item: item[0] in SHARED)

    def inner_name(self) -> str:
        """Return the name alone where the learning rate is given; earlier studies keep their names."""
        return self.label if self.learning_rate is None else self.name


class Sgd(OptimizerKind):
    name = "sgd"
    own_rate = 0.01
    momentum: Searchable[Rate] = 0.0
    nesterov: Searchable[bool] = False


class Rmsprop(OptimizerKind):
    name = "rmsprop"
    rho: Searchable[Rate] = 0.9
    momentum: Searchable[Rate] = 0.0
    epsilon: Annotated[Searchable[Positive], _EPSILON] = 1e-7
    centered: Searchable[bool] = False


class Nadam(OptimizerKind):
    name = "nadam"
    beta_1: Searchable[Rate] = 0.9
    beta_2: Searchable[Rate] = 0.999
    epsilon: Annotated[Searchable[Positive], _EPSILON] = 1e-7


class Adam(Nadam):
    name = "adam"
    amsgrad: Searchable[bool] = False


class Adamw(Adam):
    """Adam with weight decay."""

    name = "adamw"
    unwritten = OptimizerKind.unwritten - {"weight_decay"}
    weight_decay: Searchable[NonNegative] = 0.004


class Adamax(Nadam):
    name = "adamax"


class Lamb(Nadam):
    name = "lamb"


class ScheduleFreeAdamw(Nadam):
    """Adam whose weights are averages of the whole run, in the place of a schedule."""

    name = "schedule_free_adamw"
    own_rate = 0.0025
    beta_1: Searchable[PositiveRate] = 0.9
    epsilon: Annotated[Searchable[Positive], _EPSILON] = 1e-8
    warmup_steps: Searchable[Steps] = 0


class Lion(OptimizerKind):
    name = "lion"
    beta_1: Searchable[PositiveRate] = 0.9
    beta_2: Searchable[Rate] = 0.99


class Adagrad(OptimizerKind):
    name = "adagrad"
    initial_accumulator_value: Searchable[NonNegative] = 0.1
    epsilon: Annotated[Searchable[Positive], _EPSILON] = 1e-7


class Adadelta(OptimizerKind):
    name = "adadelta"
    rho: Searchable[Rate] = 0.95
    epsilon: Annotated[Searchable[Positive], _EPSILON] = 1e-7


class Adafactor(OptimizerKind):
    name = "adafactor"
    beta_2_decay: Searchable[NotPositive] = -0.8
    epsilon_1: Searchable[Positive] = 1e-30
    epsilon_2: Searchable[Positive] = 1e-3
    clip_threshold: Searchable[Positive] = 1.0
    relative_step: Searchable[bool] = True


class Ftrl(OptimizerKind):
    name = "ftrl"
    learning_rate_power: Searchable[NotPositive] = -0.5
    initial_accumulator_value: Searchable[NonNegative] = 0.1
    l1_regularization_strength: Searchable[NonNegative] = 0.0
    l2_regularization_strength: Searchable[NonNegative] = 0.0
    l2_shrinkage_regularization_strength: Searchable[NonNegative] = 0.0
    beta: Searchable[NonNegative] = 0.0


class Muon(OptimizerKind):
    """Orthogonalized momentum for matrices, Adam for all other variables and for embeddings.

    With `rms_rate: none` steps are not scaled to those of Adam.
    """

    name = "muon"
    unwritten = OptimizerKind.unwritten - {"weight_decay"}
    weight_decay: Searchable[NonNegative] = 0.004
    adam_beta_1: Searchable[Rate] = 0.9
    adam_beta_2: Searchable[Rate] = 0.999
    adam_weight_decay: Searchable[NonNegative] = 0.004
    epsilon: Annotated[Searchable[Positive], _EPSILON] = 1e-7
    exclude_layers: Searchable[Listed[str]] | None = None
    exclude_embeddings: Searchable[bool] = True
    muon_a: Searchable[Number] = 3.4445
    muon_b: Searchable[Number] = -4.775
    muon_c: Searchable[Number] = 2.0315
    adam_lr_ratio: Searchable[Positive] = 1.0
    momentum: Searchable[Rate] = 0.95
    ns_steps: Searchable[Count] = 5
    nesterov: Searchable[bool] = True
    rms_rate: Searchable[PositiveOrNone] = 0.2


OPTIMIZERS: dict[str, type[OptimizerKind]] = {
    kind.name: kind
    for kind in (
        *(Sgd, Rmsprop, Adam, Adamw, Nadam, Adagrad),
        *(Adadelta, Adafactor, Adamax, Ftrl, Lamb, Lion, Muon, ScheduleFreeAdamw),
    )
}
Optimizer = Annotated[Component, OneOf("an optimizer", OPTIMIZERS)]

SWITCHES = frozenset(
    {
        *("amsgrad", "centered", "ema_overwrite_frequency", "exclude_embeddings", "exclude_layers"),
        *("gradient_accumulation_steps", "nesterov", "ns_steps", "relative_step", "rms_rate", "use_ema"),
        "warmup_steps",
    }
)
"""Arguments that decide what is computed; the others are numbers that it is computed with."""
