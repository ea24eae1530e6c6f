"""Optimizers by Keras' names, with Keras' arguments and defaults; the learning rate stands beside them."""

from __future__ import annotations

from typing import Annotated

from hpsearch.spec.distributions import Searchable
from hpsearch.spec.parts import Component, NonNegative, OneOf, Positive, Rate


class Sgd(Component):
    name = "sgd"
    momentum: Searchable[Rate] = 0.0
    nesterov: Searchable[bool] = False


class Rmsprop(Component):
    name = "rmsprop"
    rho: Searchable[Rate] = 0.9
    momentum: Searchable[Rate] = 0.0
    epsilon: Searchable[Positive] = 1e-7
    centered: Searchable[bool] = False


class Nadam(Component):
    name = "nadam"
    beta_1: Searchable[Rate] = 0.9
    beta_2: Searchable[Rate] = 0.999
    epsilon: Searchable[Positive] = 1e-7


class Adam(Nadam):
    name = "adam"
    amsgrad: Searchable[bool] = False


class Adamw(Adam):
    """Adam with decoupled weight decay; as Keras does, it decays biases and gammas too."""

    name = "adamw"
    weight_decay: Searchable[NonNegative] = 0.004


class Adagrad(Component):
    name = "adagrad"
    initial_accumulator_value: Searchable[NonNegative] = 0.1
    epsilon: Searchable[Positive] = 1e-7


OPTIMIZERS: dict[str, type[Component]] = {
    kind.name: kind for kind in (Sgd, Rmsprop, Adam, Adamw, Nadam, Adagrad)
}
Optimizer = Annotated[Component, OneOf("an optimizer", OPTIMIZERS)]
