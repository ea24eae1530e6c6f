"""From the name of an activation to Keras layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from hpsearch.models.components.initializers import keras_initializer
from hpsearch.models.components.rrelu import RReLU
from hpsearch.seeds import derive
from hpsearch.spec import Component
from hpsearch.spec.sections.activations import Rrelu

LAYERS: dict[str, Callable[..., keras.layers.Layer]] = {
    "relu": keras.layers.ReLU,
    "leaky_relu": keras.layers.LeakyReLU,
    "elu": keras.layers.ELU,
}
"""Activations whose arguments a stock layer takes."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "celu": keras.ops.celu,
    "gelu": keras.ops.gelu,
    "hard_shrink": keras.ops.hard_shrink,
    "soft_shrink": keras.ops.soft_shrink,
    "squareplus": keras.ops.squareplus,
    "threshold": keras.ops.threshold,
}
"""Activations with arguments that no stock layer takes; a functional model records Keras' own operation."""


def prelu_layer(name: str, axes: int, **arguments: Any) -> keras.layers.PReLU:
    """Make the layer of prelu.

    Args:
        name: The layer's name.
        axes: The number of axes of a row; images (3 axes) share one slope for each channel.
        arguments: Further arguments of Keras' layer.
    """
    return keras.layers.PReLU(name=name, shared_axes=[*range(1, axes)] or None, **arguments)


def apply_activation(component: Component, name: str, seed: int, inputs: Any, *, training: bool) -> Any:
    """Apply an activation to a symbolic tensor, as a layer called `name` wherever Keras has one.

    Args:
        component: The activation of the study file.
        name: The layer's name.
        seed: The seed of what the layer draws.
        inputs: The symbolic tensor.
        training: Whether the model is trained. If not, every layer is one of Keras' own, and rrelu has its
            mean slope.
    """
    arguments = dict(component.items())
    if isinstance(component, Rrelu):
        if not training:
            return keras.layers.LeakyReLU(component.mean, name=name)(inputs)
        return RReLU(**arguments, seed=derive(seed, "rrelu", name) % 2**31, name=name)(inputs)
    if component.name == "prelu":
        initializer = keras_initializer(component.alpha_initializer, derive(seed, "alpha", name))  # type: ignore[attr-defined]
        return prelu_layer(name, len(inputs.shape) - 1, alpha_initializer=initializer)(inputs)
    if component.name in LAYERS:
        return LAYERS[component.name](**arguments, name=name)(inputs)
    if component.name in FUNCTIONS:
        return FUNCTIONS[component.name](inputs, **arguments)
    return keras.layers.Activation(component.name, name=name)(inputs)
