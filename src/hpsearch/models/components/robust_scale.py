"""Robust scaling with smooth clipping as layers of a network, and bounds of what it gives."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.data.curves import LIMIT
from hpsearch.data.scaling import quartiles

Floats = NDArray[np.float64]

ROBUST, LOWEST, HIGHEST = "robust_scale", "lowest", "highest"
"""The names of layers whose weights are fitted to rows and not trained."""


def robustly_scaled(rows: Any) -> Any:
    """Scale flat rows by their quartiles and clip them smoothly, as arXiv 2407.04491 does."""
    return smoothly_clipped(_constant_layer(ROBUST, rows))


def smoothly_clipped(scaled: Any) -> Any:
    """Keep rows between -3 and 3, as `SmoothClip` does."""
    return scaled / keras.ops.sqrt(1 + keras.ops.square(scaled / LIMIT))


def clamped(outputs: Any) -> Any:
    """Keep outputs between bounds that are fitted to targets."""
    above = keras.layers.Maximum(name="above_lowest")([outputs, _constant_layer(LOWEST, outputs)])
    return keras.layers.Minimum(name="below_highest")([above, _constant_layer(HIGHEST, outputs)])


def _constant_layer(name: str, tensor: Any) -> Any:
    """Multiply each unit by a number and add one, both 0 until they are fitted."""
    layer = keras.layers.EinsumDense(
        "bi,i->bi", (tensor.shape[-1],), bias_axes="i", kernel_initializer="zeros", trainable=False, name=name
    )
    return layer(tensor)


def robust_weights(rows: NDArray[Any], kept: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return the factors and offsets of robust scaling, fitted to flat rows.

    What is constant becomes 0.

    Args:
        rows: (n, features).
        kept: The positions of features that stay as they are.
    """
    median, width = quartiles(rows)
    factors = np.divide(1.0, width, out=np.zeros_like(width), where=width > 0)
    offsets = -median * factors
    factors[list(kept)], offsets[list(kept)] = 1.0, 0.0
    return factors, offsets


def fit_bounds(network: keras.Model, targets: NDArray[Any]) -> None:
    """Put the least and the largest of each target into a network that is clamped."""
    columns = targets.reshape(len(targets), -1)
    for name, bound in ((LOWEST, columns.min(axis=0)), (HIGHEST, columns.max(axis=0))):
        network.get_layer(name).set_weights([np.zeros_like(bound), bound])
