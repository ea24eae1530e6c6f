"""Factors of the learning rate for groups of variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import keras

GROUPS = ("weights", "biases", "scale", "embedding", "activation")
"""What variables are part of; each has a factor of this name."""


@dataclass(eq=False)
class RateFactors:
    """What the learning rate of an optimizer is multiplied by, for each group of variables.

    Weight decay, which goes with the learning rate, is multiplied too.
    """

    weights: float = 1.0
    biases: float = 1.0
    scale: float = 1.0
    embedding: float = 1.0
    activation: float = 1.0

    def put_into(self, optimizer: keras.Optimizer, group_of: Callable[[keras.Variable], str]) -> None:
        """Let an optimizer use the factors.

        Args:
            optimizer: The optimizer, on any backend.
            group_of: The group of a variable.
        """
        step, backend = optimizer._backend_update_step, optimizer  # noqa: SLF001 - what every backend has

        def update(gradients: Iterable[Any], variables: Iterable[keras.Variable], rate: Any) -> None:
            pairs = sorted(zip(variables, gradients, strict=True), key=lambda pair: group_of(pair[0]))
            for group, given in groupby(pairs, key=lambda pair: group_of(pair[0])):
                some, theirs = zip(*given, strict=True)
                step(list(theirs), list(some), rate * getattr(self, group))

        def decay(variables: Iterable[keras.Variable]) -> None:
            if backend.weight_decay is None:
                return
            for variable in variables:
                if backend._use_weight_decay(variable):  # noqa: SLF001 - as Keras' own decay does
                    rate = backend.learning_rate * getattr(self, group_of(variable))
                    variable.assign(variable - variable * backend.weight_decay * rate)

        optimizer._backend_update_step, optimizer._apply_weight_decay = update, decay  # noqa: SLF001
        optimizer.rate_factors, optimizer.group_of = self, group_of


def told_of_factors(optimizer: keras.Optimizer, variables: Iterable[keras.Variable]) -> Any:
    """Return plain values that part what two optimizers do by their factors; None where one has none."""
    factors = getattr(optimizer, "rate_factors", None)
    if factors is None:
        return None
    return [optimizer.group_of(one) for one in variables], [getattr(factors, name) for name in GROUPS]


def group_by_names(layers: Mapping[str, str], endings: Mapping[str, str]) -> Callable[[keras.Variable], str]:
    """Return the group of a variable by its layer, else by the end of its layer's name, else by its own."""

    def group_of(variable: keras.Variable) -> str:
        layer, _, own = variable.path.rpartition("/")
        found = layers.get(layer)
        found = found or next((group for end, group in endings.items() if layer.endswith(end)), None)
        return found or ("biases" if own == "bias" else "weights")

    return group_of
