"""Maximum pooling whose gradient is quick on a CPU.

XLA scatters the gradient of a pooled window element by element there, which takes as long as the convolution
before it. Where windows do not overlap, each element of a window is a slice of the whole image, and gradients
go where the slice is the maximum: of equal elements to the first, as XLA's do. The numbers are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import product
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import keras

Array = Any
POOLINGS = (keras.layers.MaxPooling1D, keras.layers.MaxPooling2D, keras.layers.MaxPooling3D)
MOST_ELEMENTS = 27
"""Elements of a window: of more, so many slices would take longer than the scattering."""


def _elements(x: Array, size: tuple[int, ...]) -> list[Array]:
    """Return what stands at each place of the windows, (n, windows..., channels) each, row by row."""
    ends = [extent // side * side for extent, side in zip(x.shape[1:], size, strict=False)]
    places = product(*(range(side) for side in size))
    return [
        x[:, *(slice(at, end, side) for at, end, side in zip(place, ends, size, strict=True))]
        for place in places
    ]


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def max_pool(x: Array, size: tuple[int, ...]) -> Array:
    """Return the maximum of each window, (n, windows..., channels).

    Args:
        x: (n, extents..., channels). What no whole window covers at the ends is left out.
        size: The extents of a window, which are its strides too.
    """
    return reduce(jnp.maximum, _elements(x, size))


def _forward(x: Array, size: tuple[int, ...]) -> tuple[Array, tuple[Array, Array]]:
    pooled = max_pool(x, size)
    return pooled, (x, pooled)


def _backward(size: tuple[int, ...], kept: tuple[Array, Array], slopes: Array) -> tuple[Array]:
    x, pooled = kept
    parts, taken = [], jnp.zeros(pooled.shape, bool)
    for element in _elements(x, size):
        hit = (element == pooled) & ~taken
        taken = taken | hit
        parts.append(jnp.where(hit, slopes, jnp.zeros((), slopes.dtype)))
    spread = _interleaved(parts, size, 1)
    left_out = [(0, extent - found) for extent, found in zip(x.shape, spread.shape, strict=True)]
    return (jnp.pad(spread, left_out),)


def _interleaved(parts: Sequence[Array], size: tuple[int, ...], axis: int) -> Array:
    """Put what stands at each place of the windows back into the whole image."""
    if not size:
        return parts[0]
    count = len(parts) // size[0]
    inner = [
        _interleaved(parts[first : first + count], size[1:], axis + 1)
        for first in range(0, len(parts), count)
    ]
    whole = jnp.stack(inner, axis=axis + 1)
    shape = whole.shape
    return whole.reshape(*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :])


max_pool.defvjp(_forward, _backward)


@dataclass(frozen=True)
class QuickPooling:
    """Stands for the `call` of a layer; what it computes is what the layer's configuration says."""

    size: tuple[int, ...]

    def __call__(self, inputs: Array) -> Array:
        """Pool inputs."""
        return max_pool(inputs, self.size)


def quick_pooling(layer: Any) -> Any:
    """Let a stock layer of maximum pooling do it by `max_pool` where it can; any other stays as it is."""
    if type(layer) not in POOLINGS or jax.default_backend() != "cpu":
        return layer
    size = tuple(layer.pool_size)
    plain = layer.padding == "valid" and layer.data_format == "channels_last"
    if plain and tuple(layer.strides) == size and prod(size) <= MOST_ELEMENTS:
        layer.call = QuickPooling(size)
    return layer
