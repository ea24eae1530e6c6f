"""Keras' stock layers of an architecture: of its entrance, of each hidden layer, of its head."""

from __future__ import annotations

from typing import Any

import keras

from hpsearch.spec.sections.architecture import Architecture, Convolution, Hidden, Shape

Layer = Any
"""A layer of Keras, which has no types."""

IMAGES = {"data_format": "channels_last"}
"""What a person's own settings of Keras may have otherwise."""

POOLINGS = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}
HEADS = {"flatten": keras.layers.Flatten, "global_average": keras.layers.GlobalAveragePooling2D}


def entrance(architecture: Architecture, features: Shape) -> Layer | None:
    """Make the layer that gives images their channels, or makes rows flat; None where rows are so already."""
    shape = architecture.entering(features)
    if shape == features:
        return None
    if architecture.convolutions:
        return keras.layers.Reshape(shape, name="channels")
    return keras.layers.Flatten(name="flatten")


def kernel_layer(layer: Hidden, number: int, **arguments: Any) -> Layer:
    """Make the layer with the kernel; its weights are put in later."""
    arguments |= {"name": f"hidden_{number}", "kernel_initializer": "zeros"}
    if isinstance(layer, Convolution):
        return keras.layers.Conv2D(layer.filters, layer.size, padding=layer.padding, **IMAGES, **arguments)
    return keras.layers.Dense(layer.units, **arguments)


def pooling_layer(layer: Hidden, number: int) -> Layer | None:
    """Make the layer that pools what a hidden layer gives, if it does."""
    if not isinstance(layer, Convolution) or layer.pooling is None:
        return None
    return POOLINGS[layer.pooling.kind](layer.pooling.size, name=f"pooling_{number}", **IMAGES)


def head(architecture: Architecture, number: int) -> Layer | None:
    """Make the layer behind the last convolution that makes images flat; None behind any other layer."""
    if number != architecture.convolutions:
        return None
    return HEADS[architecture.head](name=architecture.head, **IMAGES)
