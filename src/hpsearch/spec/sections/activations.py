"""Activations by Keras' names and aliases, with Keras' arguments and defaults; and rrelu, which it lacks."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator

from hpsearch.spec.sections.initializers import INITIALIZERS, Initializer
from hpsearch.spec.study_file.distributions import Searchable, bounds, problem
from hpsearch.spec.study_file.parts import Component, NonNegative, Number, OneOf, Positive, bare


class Relu(Component):
    name = "relu"
    negative_slope: Searchable[NonNegative] = 0.0
    max_value: Searchable[Positive | None] = None
    threshold: Searchable[NonNegative] = 0.0


class LeakyRelu(Component):
    name = "leaky_relu"
    negative_slope: Searchable[NonNegative] = 0.2


class Rrelu(Component):
    """A slope for negative inputs that training draws anew for each of them (Xu et al. 2015).

    It is uniform between `lower` and `upper`; validation and the exported model have the mean of the two.
    """

    name = "rrelu"
    lower: Searchable[NonNegative] = 1 / 8
    upper: Searchable[NonNegative] = 1 / 3

    @model_validator(mode="after")
    def _lower_is_never_above_upper(self) -> Self:
        largest, smallest = bounds(self.lower)[1], bounds(self.upper)[0]
        if largest > smallest:
            raise problem("a 'lower' that is never above 'upper'", found=f"{largest:g} and {smallest:g}")
        return self

    @property
    def mean(self) -> float:
        """Return the slope that is used where nothing is drawn."""
        return (self.lower + self.upper) / 2


class Prelu(Component):
    """A learned slope for each unit, or for each channel of images (Keras' PReLU layer)."""

    name = "prelu"
    alpha_initializer: Searchable[Initializer] = INITIALIZERS["zeros"]()


class Elu(Component):
    name = "elu"
    alpha: Searchable[Number] = 1.0


class Celu(Elu):
    name = "celu"


class Gelu(Component):
    name = "gelu"
    approximate: Searchable[bool] = False


class HardShrink(Component):
    name = "hard_shrink"
    threshold: Searchable[NonNegative] = 0.5


class SoftShrink(HardShrink):
    name = "soft_shrink"


class Squareplus(Component):
    name = "squareplus"
    b: Searchable[NonNegative] = 4.0


class Threshold(Component):
    name = "threshold"
    threshold: Searchable[Number]
    default_value: Searchable[Number]


ACTIVATIONS: dict[str, type[Component]] = {
    **{
        name: bare(name)
        for name in (
            "linear",
            "sigmoid",
            "tanh",
            "selu",
            "relu6",
            "silu",
            "mish",
            "softplus",
            "softsign",
            "softmax",
            "log_softmax",
            "log_sigmoid",
            "exponential",
            "hard_sigmoid",
            "hard_silu",
            "hard_tanh",
            "tanh_shrink",
            "sparse_plus",
            "sparse_sigmoid",
            "sparsemax",
        )
    },
    "relu": Relu,
    "leaky_relu": LeakyRelu,
    "rrelu": Rrelu,
    "prelu": Prelu,
    "elu": Elu,
    "celu": Celu,
    "gelu": Gelu,
    "hard_shrink": HardShrink,
    "soft_shrink": SoftShrink,
    "squareplus": Squareplus,
    "threshold": Threshold,
}
ACTIVATIONS |= {"swish": ACTIVATIONS["silu"], "hard_swish": ACTIVATIONS["hard_silu"]}

UNAVAILABLE = {"glu": "halves the width of its layer"}

Activation = Annotated[Component, OneOf("an activation", ACTIVATIONS, UNAVAILABLE)]
