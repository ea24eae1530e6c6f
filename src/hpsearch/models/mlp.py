"""The multilayer perceptron as a stock Keras model, and its first weights."""

from __future__ import annotations

from math import prod
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.components.activations import apply_activation
from hpsearch.components.initializers import draw
from hpsearch.components.objectives import Objective
from hpsearch.randomness import derive
from hpsearch.spec import Mlp

DROPOUTS = {"dropout": keras.layers.Dropout, "alpha_dropout": keras.layers.AlphaDropout}
"""What may stand behind a hidden layer, in this order."""


def connect(mlp: Mlp, inputs: Any, objective: Objective, seed: int, *, training: bool) -> Any:
    """Connect the layers of the perceptron to a symbolic tensor and give its logits.

    Without `training` penalties are left out, so that the model's loss is the loss alone, and all layers are
    Keras' own.
    """
    tensor = keras.layers.Flatten(name="flatten")(inputs) if len(inputs.shape) > 2 else inputs
    tensor = _prepared(mlp, tensor, seed)
    for index, units in enumerate(mlp.sizes):
        tensor = _hidden(mlp, index, units, tensor, seed, training=training)
    return keras.layers.Dense(objective.units, name="output", kernel_initializer="zeros")(tensor)


def _prepared(mlp: Mlp, tensor: Any, seed: int) -> Any:
    """Normalize and drop inputs."""
    if mlp.input_batch_norm.name != "none":
        tensor = _batch_norm(mlp.input_batch_norm, "input_batch_norm")(tensor)
    layer_seed = derive(seed, "input_dropout")
    return _dropped(keras.layers.Dropout, mlp.input_dropout, "input_dropout", layer_seed, tensor)


def _hidden(mlp: Mlp, index: int, units: int, tensor: Any, seed: int, *, training: bool) -> Any:
    number, position = index + 1, mlp.of_layer("batch_norm", index)
    tensor = _dense_layer(mlp, index, units, training=training)(tensor)
    if position.name == "before_activation":
        tensor = _batch_norm(position, f"batch_norm_{number}")(tensor)
    tensor = _activated(mlp, index, tensor, seed, training=training)
    if position.name == "after_activation":
        tensor = _batch_norm(position, f"batch_norm_{number}")(tensor)
    for name, kind in DROPOUTS.items():
        rate = mlp.of_layer(name, index)
        tensor = _dropped(kind, rate, f"{name}_{number}", derive(seed, name, number), tensor)
    return tensor


def hidden_activations(model: keras.Model, mlp: Mlp) -> list[Any]:
    """List the symbolic outputs of the activations of a model that `connect` made, in front of dropout.

    An activation that is an operation of Keras and no layer has no name of its own, but a place in the chain.
    """
    operations = model.operations
    names = [operation.name for operation in operations]
    return [
        operations[names.index(f"hidden_{index + 1}") + _steps_to_activation(mlp, index)].output
        for index in range(len(mlp.sizes))
    ]


def _steps_to_activation(mlp: Mlp, index: int) -> int:
    return 2 if mlp.of_layer("batch_norm", index).name == "before_activation" else 1


def _dense_layer(mlp: Mlp, index: int, units: int, *, training: bool) -> keras.layers.Layer:
    l1, l2 = mlp.of_layer("l1", index), mlp.of_layer("l2", index)
    penalty = keras.regularizers.L1L2(l1, l2) if training and (l1 or l2) else None
    return keras.layers.Dense(
        units, name=f"hidden_{index + 1}", kernel_initializer="zeros", kernel_regularizer=penalty
    )


def _activated(mlp: Mlp, index: int, tensor: Any, seed: int, *, training: bool) -> Any:
    number, activation = index + 1, mlp.of_layer("activation", index)
    tensor = apply_activation(activation, f"activation_{number}", seed, tensor, training=training)
    l1, l2 = mlp.of_layer("activity_l1", index), mlp.of_layer("activity_l2", index)
    if training and (l1 or l2):
        return keras.layers.ActivityRegularization(l1, l2, name=f"activity_{number}")(tensor)
    return tensor


def _batch_norm(kind: Any, name: str) -> keras.layers.Layer:
    return keras.layers.BatchNormalization(momentum=kind.momentum, epsilon=kind.epsilon, name=name)


def _dropped(kind: type[keras.layers.Layer], rate: float, name: str, seed: int, tensor: Any) -> Any:
    return kind(rate, seed=seed % 2**31, name=name)(tensor) if rate else tensor


def first_weights(
    mlp: Mlp, features: tuple[int, ...], objective: Objective, seed: int
) -> dict[str, NDArray[np.float32]]:
    """Draw the initial weights of every layer, each from a seed of its own.

    Batch normalization and prelu have theirs whether or not the configuration uses them.
    """
    width = prod(features)
    weights = _neutral_batch_norm("input_batch_norm", width)
    for index, units in enumerate(mlp.sizes):
        number = index + 1
        initializer = mlp.of_layer("initializer", index)
        weights |= _dense(f"hidden_{number}", initializer, (width, units), seed)
        weights |= _neutral_batch_norm(f"batch_norm_{number}", units)
        activation = mlp.of_layer("activation", index)
        if activation.name == "prelu":
            name = f"activation_{number}"
            alpha_seed = derive(seed, "alpha", name)
            weights[f"{name}/alpha"] = draw(activation.alpha_initializer, (units,), alpha_seed)
        width = units
    return weights | _dense("output", mlp.output_initializer, (width, objective.units), seed)


def _dense(name: str, initializer: Any, shape: tuple[int, int], seed: int) -> dict[str, NDArray[np.float32]]:
    kernel = draw(initializer, shape, derive(seed, "kernel", name))
    return {f"{name}/kernel": kernel, f"{name}/bias": np.zeros(shape[1], np.float32)}


def _neutral_batch_norm(name: str, units: int) -> dict[str, NDArray[np.float32]]:
    zeros, ones = np.zeros(units, np.float32), np.ones(units, np.float32)
    values = {"gamma": ones, "beta": zeros, "moving_mean": zeros, "moving_variance": ones}
    return {f"{name}/{variable}": value for variable, value in values.items()}
