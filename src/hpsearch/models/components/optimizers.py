"""From the name of an optimizer to Keras' object."""

from __future__ import annotations

from collections.abc import Iterable
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
    "adadelta": keras.optimizers.Adadelta,
    "adafactor": keras.optimizers.Adafactor,
    "adamax": keras.optimizers.Adamax,
    "ftrl": keras.optimizers.Ftrl,
    "lamb": keras.optimizers.Lamb,
    "lion": keras.optimizers.Lion,
    "muon": keras.optimizers.Muon,
    "schedule_free_adamw": keras.optimizers.ScheduleFreeAdamW,
}


def keras_optimizer(component: Component, **arguments: Any) -> keras.optimizers.Optimizer:
    """Make Keras' optimizer; `arguments` are added to those of the study file."""
    return OPTIMIZERS[component.name](**keras_arguments(component.items()), **arguments)


def keras_arguments(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return arguments as Keras takes them: `none` is None, and one step accumulates nothing."""
    given = {name: None if value == "none" else value for name, value in items if value is not None}
    if given.get("gradient_accumulation_steps") == 1:
        del given["gradient_accumulation_steps"]
    return given


def clipping_arguments(training: Training) -> dict[str, float]:
    """Return the gradient clipping of a configuration as arguments of a Keras optimizer."""
    clipping = training.clipping
    return {} if clipping.name == "none" else {clipping.name: clipping.threshold}  # type: ignore[attr-defined]
