"""Activations by Keras' names and aliases, with Keras' arguments and defaults."""

from __future__ import annotations

from typing import Annotated

from hpsearch.spec.distributions import Searchable
from hpsearch.spec.initializers import INITIALIZERS, Initializer
from hpsearch.spec.parts import Component, NonNegative, Number, OneOf, Positive, bare


class Relu(Component):
    name = "relu"
    negative_slope: Searchable[NonNegative] = 0.0
    max_value: Searchable[Positive | None] = None
    threshold: Searchable[Number] = 0.0


class LeakyRelu(Component):
    name = "leaky_relu"
    negative_slope: Searchable[NonNegative] = 0.2


class Prelu(Component):
    """A learned slope for each unit (Keras' PReLU layer)."""

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
