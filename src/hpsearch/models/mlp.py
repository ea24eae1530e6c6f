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


def connect(mlp: Mlp, inputs: Any, objective: Objective, seed: int, *, training: bool) -> Any:
    """Connect the layers of the perceptron to a symbolic tensor and give its logits.

    Without `training` the layers that only matter for training, penalties among them, are left out, so that
    the model's loss is the loss alone.
    """
    tensor = keras.layers.Flatten(name="flatten")(inputs) if len(inputs.shape) > 2 else inputs
    for index, units in enumerate(mlp.sizes):
        tensor = _hidden(mlp, index, units, tensor, seed, training=training)
    return keras.layers.Dense(objective.units, name="output", kernel_initializer="zeros")(tensor)


def _hidden(mlp: Mlp, index: int, units: int, tensor: Any, seed: int, *, training: bool) -> Any:
    number = index + 1
    l1, l2 = mlp.of_layer("l1", index), mlp.of_layer("l2", index)
    penalty = keras.regularizers.L1L2(l1, l2) if training and (l1 or l2) else None
    dense = keras.layers.Dense(
        units, name=f"hidden_{number}", kernel_initializer="zeros", kernel_regularizer=penalty
    )
    position = mlp.of_layer("batch_norm", index)
    tensor = dense(tensor)
    if position.name == "before_activation":
        tensor = _batch_norm(position, number)(tensor)
    activation = mlp.of_layer("activation", index)
    tensor = apply_activation(activation, f"activation_{number}", seed, tensor)
    if position.name == "after_activation":
        tensor = _batch_norm(position, number)(tensor)
    rate = mlp.of_layer("dropout", index)
    if rate:
        layer_seed = derive(seed, "dropout", number) % 2**31
        tensor = keras.layers.Dropout(rate, seed=layer_seed, name=f"dropout_{number}")(tensor)
    return tensor


def _batch_norm(position: Any, number: int) -> keras.layers.Layer:
    return keras.layers.BatchNormalization(
        momentum=position.momentum, epsilon=position.epsilon, name=f"batch_norm_{number}"
    )


def first_weights(
    mlp: Mlp, features: tuple[int, ...], objective: Objective, seed: int
) -> dict[str, NDArray[np.float32]]:
    """Draw the initial weights of every layer, each from a seed of its own.

    Batch normalization and prelu have theirs whether or not the configuration uses them.
    """
    weights: dict[str, NDArray[np.float32]] = {}
    width = prod(features)
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
