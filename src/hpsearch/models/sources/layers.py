"""Keras' stock layers of an architecture: before, at and after its hidden layers."""

from __future__ import annotations

from typing import Any

import keras

from hpsearch.spec.sections.architecture import Architecture, Convolution, Hidden, Shape

Layer = Any
"""A layer of Keras, which has no types."""

IMAGES = {"data_format": "channels_last"}
"""What the user's settings of Keras may have otherwise."""

POOLINGS = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}
HEADS = {"flatten": keras.layers.Flatten, "global_average": keras.layers.GlobalAveragePooling2D}


def entrance(architecture: Architecture, features: Shape) -> Layer | None:
    """Make the layer that adds a channel axis to images or flattens rows; None if the shape fits."""
    shape = architecture.entering(features)
    if shape == features:
        return None
    if architecture.convolutions:
        return keras.layers.Reshape(shape, name="channels")
    return keras.layers.Flatten(name="flatten")


def kernel_layer(layer: Hidden, number: int, **arguments: Any) -> Layer:
    """Make the layer with the kernel; its weights are set later."""
    arguments |= {"name": f"hidden_{number}", "kernel_initializer": "zeros"}
    if isinstance(layer, Convolution):
        return keras.layers.Conv2D(layer.filters, layer.size, padding=layer.padding, **IMAGES, **arguments)
    return keras.layers.Dense(layer.units, **arguments)


def pooling_layer(layer: Hidden, number: int) -> Layer | None:
    """Make the pooling layer of a hidden layer; None if it has none."""
    if not isinstance(layer, Convolution) or layer.pooling is None:
        return None
    return POOLINGS[layer.pooling.kind](layer.pooling.size, name=f"pooling_{number}", **IMAGES)


def head(architecture: Architecture, number: int) -> Layer | None:
    """Make the layer that flattens images after the last convolution; None after any other layer."""
    if number != architecture.convolutions:
        return None
    return HEADS[architecture.head](name=architecture.head, **IMAGES)
