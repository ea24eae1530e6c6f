"""How a program updates weights: its optimizer, whose coefficients may be traced, and clipping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import keras

from hpsearch.models.components.optimizers import OPTIMIZERS
from hpsearch.training.compiled.forward.operations import switch, total
from hpsearch.training.compiled.forward.traced import with_values

Array = Any


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
        return OPTIMIZERS[self.optimizer](**{**momentum, **dict(self.constants)})


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


def fed_with(optimizer: keras.Optimizer, coefficients: dict[str, Array]) -> keras.Optimizer:
    """Return an optimizer whose coefficients are traced: Keras reads them as plain attributes."""
    values = {n: _Momentum(value) if n == "momentum" else value for n, value in coefficients.items()}
    return with_values(optimizer, **values)


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
