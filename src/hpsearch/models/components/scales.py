"""Learned factors of units and activations, in Keras' stock layers."""

from __future__ import annotations

from typing import Any

import keras


def scaled(tensor: Any, name: str, *, first: float = 1.0) -> Any:
    """Multiply each unit by a learned factor, which is `first` at first."""
    layer = keras.layers.EinsumDense(
        "bi,i->bi",
        output_shape=(tensor.shape[-1],),
        kernel_initializer=keras.initializers.Constant(first),
        name=name,
    )
    return layer(tensor)


def parametric(given: Any, activated: Any, name: str) -> Any:
    """Return x + a (f(x) - x) with a learned a for each unit, 1 at first (RealMLP, arXiv 2407.04491).

    Args:
        given: The symbolic tensor x.
        activated: The symbolic tensor f(x).
        name: The name of the activation.
    """
    moved = keras.layers.Subtract(name=f"{name}_moved")([activated, given])
    return keras.layers.Add(name=f"{name}_parametric")([given, scaled(moved, f"{name}_share")])
