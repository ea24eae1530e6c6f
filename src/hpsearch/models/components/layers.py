"""From the name of a layer, a regularizer or a constraint to Keras' object."""

from __future__ import annotations

import inspect
from typing import Any

import keras

from hpsearch.models.components.activations import apply_activation
from hpsearch.models.components.initializers import keras_initializer
from hpsearch.models.components.scales import parametric, scaled
from hpsearch.seeds import derive
from hpsearch.spec import Component
from hpsearch.spec.sections.embeddings import LearnedScale, ParametricActivation
from hpsearch.spec.sections.layer_kinds import TABLE, Layer

IMAGES = "channels_last"
"""The user's own settings of Keras may differ."""


def apply_layer(component: Component, name: str, seed: int, inputs: Any, *, training: bool) -> Any:
    """Apply a layer of the study file to a symbolic tensor.

    Args:
        component: The layer, or an activation, of a configuration.
        name: The layer's name.
        seed: The seed of what the layer draws, at first and in training.
        inputs: The symbolic tensor.
        training: Whether the model is trained. If not, activity regularizers and other penalties are left
            out, and all layers are Keras' own.
    """
    if isinstance(component, LearnedScale):
        return scaled(inputs, name)
    if isinstance(component, ParametricActivation):
        outputs = apply_activation(component.activation, f"{name}_plain", seed, inputs, training=training)
        return parametric(inputs, outputs, name)
    if not isinstance(component, Layer):
        return apply_activation(component, name, seed, inputs, training=training)
    activation = getattr(component, "activation", None)
    apart = activation is not None and is_apart(activation)
    layer = keras_layer(component, name, seed, training=training, activated=not apart)
    pair = component.told.get("pair")
    twice = (inputs, inputs) if pair == "arguments" else ([inputs, inputs],)
    outputs = layer(*(twice if pair else (inputs,)))
    if activation is None or not apart:
        return outputs
    return apply_activation(activation, f"{name}_activation", seed, outputs, training=training)


def is_apart(activation: Component) -> bool:
    """Return whether an activation is a layer of its own: its arguments are not Keras' defaults."""
    return activation.name in ("prelu", "rrelu") or activation != type(activation)()


def keras_layer(
    component: Layer, name: str, seed: int, *, training: bool, activated: bool = True
) -> keras.layers.Layer:
    """Make Keras' layer of a component.

    Args:
        component: The layer of a configuration.
        name: The layer's name.
        seed: The seed of what the layer draws.
        training: Whether penalties are part of the layer.
        activated: Whether the activation is part of the layer.
    """
    kind = getattr(keras.layers, component.told["class"])
    taken = inspect.signature(kind.__init__).parameters
    arguments: dict[str, Any] = {"name": name}
    if "seed" in taken:
        arguments["seed"] = derive(seed, name) % 2**31
    if "data_format" in taken:
        arguments["data_format"] = IMAGES
    for argument, value in component.items():
        if value is None or (argument == "activation" and not activated):
            continue
        given = keras_argument(argument, value, derive(seed, name, argument), training=training)
        if given is not None:
            arguments[argument] = given
    return kind(**arguments)


def keras_argument(argument: str, value: Any, seed: int, *, training: bool) -> Any:
    """Return an argument of a layer as Keras takes it; None if it is left out.

    Args:
        argument: Its name.
        value: The value of a configuration.
        seed: The seed of what is drawn from it.
        training: Whether penalties are kept.
    """
    if isinstance(value, Layer):
        return keras_layer(value, value.name, seed, training=training)
    if not isinstance(value, Component):
        return value
    if argument.endswith("initializer"):
        return keras_initializer(value, seed)
    if argument.endswith("activation"):
        return value.name
    section = "regularizers" if argument.endswith("regularizer") else "constraints"
    left_out = value.name == "none" or (section == "regularizers" and not training)
    return None if left_out else made(section, value)


def made(section: str, component: Component) -> Any:
    """Make Keras' regularizer or constraint."""
    module = {"regularizers": keras.regularizers, "constraints": keras.constraints}[section]
    arguments = {name: value for name, value in component.items() if value is not None}
    return getattr(module, TABLE[section][component.name]["class"])(**arguments)
