"""How a program updates weights: its optimizer, whose coefficients may be traced, and clipping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.models.components.optimizers import OPTIMIZERS, keras_arguments
from hpsearch.training.compiled.forward.operations import switch, total
from hpsearch.training.compiled.forward.traced import with_values

Array = Any
Clip = Callable[[list[Array]], list[Array]]


@dataclass(frozen=True)
class Optimization:
    """The optimizer of a program, as far as it is compiled in.

    Attributes:
        optimizer: Its name in the study file.
        constants: Its arguments that are compiled in.
        fed: The names of those that are inputs of the program.
        clipping: The kinds of gradient clipping that members can ask for.
    """

    optimizer: str
    constants: tuple[tuple[str, Any], ...]
    fed: frozenset[str]
    clipping: tuple[str, ...]

    def make(self) -> keras.Optimizer:
        """Make the optimizer; a momentum that is fed in needs its variables whatever it will be."""
        momentum = {"momentum": 0.5} if "momentum" in self.fed else {}
        return OPTIMIZERS[self.optimizer](**momentum, **keras_arguments(self.constants))


class _Momentum:
    """A traced momentum that says yes where Keras asks in Python whether there is any; zero works too."""

    def __init__(self, value: Array) -> None:
        self.value = value

    def __jax_array__(self) -> Array:
        return self.value

    def __ne__(self, other: object) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return False

    def __gt__(self, other: float) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def fed_with(optimizer: keras.Optimizer, coefficients: dict[str, Array], clip: Clip) -> keras.Optimizer:
    """Return an optimizer whose coefficients are traced: Keras reads them as plain attributes.

    It clips by `clip`: accumulated gradients are clipped as a whole.
    """
    asks = isinstance(optimizer, keras.optimizers.SGD | keras.optimizers.RMSprop)
    values = {n: _Momentum(v) if asks and n == "momentum" else v for n, v in coefficients.items()}
    return with_values(optimizer, **values, _clip_gradients=clip)


def first_values(
    optimizer: keras.Optimizer, weights: list[NDArray[Any]], accumulator: float | None
) -> list[NDArray[Any]]:
    """Return the values of an optimizer's variables before its first step.

    Args:
        optimizer: The optimizer.
        weights: The first weights of the network, in the order of its variables.
        accumulator: With what the accumulators of squared gradients begin, where there are any.
    """
    copies: dict[int, NDArray[Any]] = {}
    if isinstance(optimizer, keras.optimizers.ScheduleFreeAdamW):
        copies = {id(v): w for v, w in zip(optimizer._momentums, weights, strict=True)}  # noqa: SLF001 - as below
    values = []
    for variable in optimizer.variables:
        value = copies[id(variable)] if id(variable) in copies else np.array(variable.value)
        if accumulator is not None and variable.name.endswith("_accumulator"):
            begins = 0.0 if variable.name.endswith("_gradient_accumulator") else accumulator
            value = np.full_like(value, begins)
        values.append(value)
    return values


def places_of_averages(optimizer: keras.Optimizer) -> list[int]:
    """List the places of averages of weights among an optimizer's variables; empty without averages."""
    if not optimizer.use_ema:
        return []
    places = {id(variable): place for place, variable in enumerate(optimizer.variables)}
    averages = optimizer._model_variables_moving_average  # noqa: SLF001 - Keras shows them nowhere else
    return [places[id(variable)] for variable in averages]


def _by_norm(gradient: Array, threshold: Array) -> Array:
    # As Keras' clipnorm; the inner select keeps the gradient of zero defined.
    squares = total(jnp.square(gradient))
    norm = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1.0)), squares)
    return (gradient * threshold) / jnp.maximum(norm, threshold)


def _by_global_norm(gradients: list[Array], threshold: Array) -> list[Array]:
    # As Keras' global_clipnorm: an infinite norm becomes NaN rather than silence.
    norm = jnp.sqrt(sum(total(jnp.square(gradient)) for gradient in gradients))
    scale = threshold * jnp.minimum(1.0 / norm, 1.0 / threshold)
    scale = scale + (norm - norm)
    return [gradient * scale for gradient in gradients]


CLIPPING: dict[str, Callable[[list[Array], Array], list[Array]]] = {
    "none": lambda gradients, threshold: gradients,
    "clipvalue": lambda gradients, threshold: [jnp.clip(g, -threshold, threshold) for g in gradients],
    "clipnorm": lambda gradients, threshold: [_by_norm(g, threshold) for g in gradients],
    "global_clipnorm": _by_global_norm,
}


def clip(kind: Array, kinds: tuple[str, ...], gradients: list[Array], threshold: Array) -> list[Array]:
    """Clip the gradients of a member.

    Args:
        kind: The index of the member's kind of clipping in `kinds`.
        kinds: The kinds that members of the program can have, by their names in `CLIPPING`.
        gradients: One gradient for each variable.
        threshold: The limit; its meaning depends on the kind.
    """
    clipped: list[Array] = switch(kind, [CLIPPING[name] for name in kinds], gradients, threshold)
    return clipped
