"""Optimizers by Keras' names, with Keras' arguments and defaults; a learning rate stands beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from hpsearch.spec.study_file.distributions import Searchable
from hpsearch.spec.study_file.parts import Component, NonNegative, OneOf, Positive, Rate


class OptimizerKind(Component):
    """What every optimizer has: the learning rate where a study gives none, in `own_rate`.

    A study may give `learning_rate` here, so that it depends on the optimizer. In a configuration it stands
    in the training section.
    """

    own_rate: ClassVar[float] = 0.001
    learning_rate: Searchable[Positive] | None = None

    def items(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the arguments; the learning rate is one where it is given here."""
        yield from ((key, value) for key, value in super().items() if (key, value) != ("learning_rate", None))

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
    epsilon: Searchable[Positive] = 1e-7
    centered: Searchable[bool] = False


class Nadam(OptimizerKind):
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


class Adagrad(OptimizerKind):
    name = "adagrad"
    initial_accumulator_value: Searchable[NonNegative] = 0.1
    epsilon: Searchable[Positive] = 1e-7


OPTIMIZERS: dict[str, type[OptimizerKind]] = {
    kind.name: kind for kind in (Sgd, Rmsprop, Adam, Adamw, Nadam, Adagrad)
}
Optimizer = Annotated[Component, OneOf("an optimizer", OPTIMIZERS)]
