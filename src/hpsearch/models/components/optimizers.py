"""From the name of an optimizer to Keras' object."""

from __future__ import annotations

from typing import Any

import keras

from hpsearch.spec import Component, Training

OPTIMIZERS: dict[str, type[keras.optimizers.Optimizer]] = {
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "nadam": keras.optimizers.Nadam,
    "adagrad": keras.optimizers.Adagrad,
}


def keras_optimizer(component: Component, **arguments: Any) -> keras.optimizers.Optimizer:
    """Make Keras' optimizer; `arguments` are added to those of the study file."""
    return OPTIMIZERS[component.name](**dict(component.items()), **arguments)


def clipping_arguments(training: Training) -> dict[str, float]:
    """Return the gradient clipping of a configuration as arguments of a Keras optimizer."""
    clipping = training.clipping
    return {} if clipping.name == "none" else {clipping.name: clipping.threshold}  # type: ignore[attr-defined]
