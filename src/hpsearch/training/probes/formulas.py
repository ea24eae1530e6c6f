"""What is measured of a layer, written once for the arrays of NumPy and of JAX: `xp` is the namespace.

NumPy has float64 here. JAX has float32, where a square may overflow although its root would not: there
`scale` is the largest absolute value, by which the values are divided first.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

Array = Any
"""An array of either namespace."""

RANGES = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "sparse_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
}
"""Activations that flatten out towards both ends of a range, where their gradient vanishes."""

SATURATED = 0.01
"""Share of the range that counts as its end."""


def ends_of(activation: str) -> tuple[float, float]:
    """Return the values beyond which an activation is saturated; infinite where it has no range."""
    if activation not in RANGES:
        return -math.inf, math.inf
    low, high = RANGES[activation]
    margin = SATURATED * (high - low)
    return low + margin, high - margin


def saturated(xp: ModuleType, values: Array, ends: Any) -> Array:
    """Return the share of activations that are saturated.

    Args:
        xp: numpy or jax.numpy.
        values: Activations of any shape.
        ends: The pair that `ends_of` returns.
    """
    return xp.mean((values <= ends[0]) | (values >= ends[1]))


def dead(xp: ModuleType, values: Array) -> Array:
    """Return the share of units, of a convolution channels, that are 0 for every row and at every place."""
    return xp.mean(xp.all(values == 0, axis=tuple(range(values.ndim - 1))))


def deviation(xp: ModuleType, values: Array, scale: Any = 1.0) -> Array:
    """Return the standard deviation over all values.

    Args:
        xp: numpy or jax.numpy.
        values: Numbers of any shape.
        scale: The numbers are divided by it before they are squared, against overflow.
    """
    return scale * xp.std(values / scale)


def norm(xp: ModuleType, values: Array, scale: Any = 1.0) -> Array:
    """Return the Euclidean norm of all values.

    Args:
        xp: numpy or jax.numpy.
        values: Numbers of any shape.
        scale: The numbers are divided by it before they are squared, against overflow.
    """
    return scale * xp.linalg.norm(values / scale)
