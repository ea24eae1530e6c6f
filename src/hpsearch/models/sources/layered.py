"""Networks of hidden layers as stock Keras models, and their first weights."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.models.components.activations import apply_activation
from hpsearch.models.components.embeddings import Embedding, FeatureLayout
from hpsearch.models.components.initializers import draw
from hpsearch.models.components.objectives import Objective
from hpsearch.models.components.scales import parametric, scaled
from hpsearch.models.sources.layers import entrance, head, kernel_layer, pooling_layer
from hpsearch.seeds import derive
from hpsearch.spec import Layered, Mlp
from hpsearch.spec.sections.architecture import Hidden, Shape

DROPOUTS = {"dropout": keras.layers.Dropout, "alpha_dropout": keras.layers.AlphaDropout}
"""What may stand behind a hidden layer, in this order."""


def connect(
    model: Layered,
    inputs: Any,
    objective: Objective,
    seed: int,
    *,
    training: bool,
    layout: FeatureLayout | None = None,
) -> Any:
    """Connect the layers of a network to a symbolic tensor.

    Args:
        model: The model section of a configuration.
        inputs: A symbolic tensor of scaled rows.
        objective: The loss and the metric.
        seed: The member's seed, for dropout and rrelu.
        training: Whether the model is trained. If not, penalties are left out, so that the model's loss is
            the plain loss, and all layers are Keras' own.
        layout: Which features are numbers and which stand for categories; None where all are numbers.

    Returns:
        The symbolic tensor of logits.
    """
    architecture = model.architecture
    tensor = _through(entrance(architecture, tuple(inputs.shape[1:])), inputs)
    if isinstance(model, Mlp) and len(tensor.shape) == 2:
        layout = layout or FeatureLayout(tuple(range(tensor.shape[1])))
        tensor = Embedding(model.embedding, model.categories, layout, seed, training).of(tensor)
    tensor = _prepared(model, tensor, seed)
    for index, layer in enumerate(architecture.hidden):
        tensor = _hidden(model, index, layer, tensor, seed, training=training)
        tensor = _through(head(architecture, index + 1), tensor)
    return keras.layers.Dense(objective.units, name="output", kernel_initializer="zeros")(tensor)


def _through(layer: keras.layers.Layer | None, tensor: Any) -> Any:
    return tensor if layer is None else layer(tensor)


def _prepared(model: Layered, tensor: Any, seed: int) -> Any:
    """Apply batch normalization and dropout to the inputs."""
    if model.input_batch_norm.name != "none":
        tensor = _batch_norm(model.input_batch_norm, "input_batch_norm")(tensor)
    layer_seed = derive(seed, "input_dropout")
    tensor = _dropped(keras.layers.Dropout, model.input_dropout, "input_dropout", layer_seed, tensor)
    return scaled(tensor, "input_scale") if getattr(model, "input_scale", False) else tensor


def _hidden(model: Layered, index: int, layer: Hidden, tensor: Any, seed: int, *, training: bool) -> Any:
    number, position, given = index + 1, model.of_layer("batch_norm", index), tensor
    penalty = _penalty(model, index) if training else None
    tensor = kernel_layer(layer, number, kernel_regularizer=penalty)(tensor)
    if position.name == "before_activation":
        tensor = _batch_norm(position, f"batch_norm_{number}")(tensor)
    tensor = _layer_norm(model, "before_activation", number, tensor)
    tensor = _activated(model, index, tensor, seed, training=training)
    if position.name == "after_activation":
        tensor = _batch_norm(position, f"batch_norm_{number}")(tensor)
    tensor = _layer_norm(model, "after_activation", number, tensor)
    tensor = _through(pooling_layer(layer, number), tensor)
    for name, kind in DROPOUTS.items():
        rate = model.of_layer(name, index)
        tensor = _dropped(kind, rate, f"{name}_{number}", derive(seed, name, number), tensor)
    if getattr(model, "residual", False) and tensor.shape == given.shape:
        tensor = keras.layers.Add(name=f"residual_{number}")([given, tensor])
    return tensor


def _layer_norm(model: Layered, position: str, number: int, tensor: Any) -> Any:
    norm: Any = getattr(model, "layer_norm", None)
    if norm is None or norm.name != position:
        return tensor
    return keras.layers.LayerNormalization(epsilon=norm.epsilon, name=f"layer_norm_{number}")(tensor)


def hidden_activations(model: keras.Model, mlp: Mlp) -> list[Any]:
    """Return the symbolic outputs of the activations of a perceptron, before dropout.

    An activation that is an operation of Keras and not a layer has no name, but a place after its layer.

    Args:
        model: A model that `connect` made.
        mlp: Its model section.
    """
    operations = model.operations
    names = [operation.name for operation in operations]
    return [
        operations[names.index(f"hidden_{index + 1}") + _steps_to_activation(mlp, index)].output
        for index in range(len(mlp.sizes))
    ]


def _steps_to_activation(mlp: Mlp, index: int) -> int:
    return 2 if mlp.of_layer("batch_norm", index).name == "before_activation" else 1


def _penalty(model: Layered, index: int) -> keras.regularizers.Regularizer | None:
    l1, l2 = model.of_layer("l1", index), model.of_layer("l2", index)
    return keras.regularizers.L1L2(l1, l2) if l1 or l2 else None


def _activated(model: Layered, index: int, tensor: Any, seed: int, *, training: bool) -> Any:
    number, activation = index + 1, model.of_layer("activation", index)
    given, name = tensor, f"activation_{number}"
    tensor = apply_activation(activation, name, seed, tensor, training=training)
    if getattr(model, "parametric_activation", False):
        tensor = parametric(given, tensor, name)
    l1, l2 = model.of_layer("activity_l1", index), model.of_layer("activity_l2", index)
    if training and (l1 or l2):
        return keras.layers.ActivityRegularization(l1, l2, name=f"activity_{number}")(tensor)
    return tensor


def _batch_norm(kind: Any, name: str) -> keras.layers.Layer:
    return keras.layers.BatchNormalization(momentum=kind.momentum, epsilon=kind.epsilon, name=name)


def _dropped(kind: type[keras.layers.Layer], rate: float, name: str, seed: int, tensor: Any) -> Any:
    return kind(rate, seed=seed % 2**31, name=name)(tensor) if rate else tensor


def entering(network: keras.Model) -> Shape:
    """Return the shape of what enters the first dense layer of a perceptron."""
    first = "hidden_1" if any(layer.name == "hidden_1" for layer in network.layers) else "output"
    return (network.get_layer(first).kernel.shape[0],)


def first_weights(
    model: Layered, features: Shape, objective: Objective, seed: int
) -> dict[str, NDArray[np.float32]]:
    """Draw the initial weights of every layer, each from a seed of its own.

    Those of batch normalization and prelu are included whether or not the configuration uses them.

    Args:
        model: The model section of a configuration.
        features: The shape of a row.
        objective: The loss and the metric.
        seed: The member's seed.
    """
    architecture = model.architecture
    shapes = architecture.shapes(features)
    kernels = [layer.kernel(inputs) for layer, inputs in zip(architecture.hidden, shapes, strict=False)]
    kernels.append((shapes[-1][-1], objective.units))
    largest = max(map(math.prod, kernels))

    def kernel_and_bias(name: str, initializer: Any, shape: Shape) -> dict[str, NDArray[np.float32]]:
        kernel = draw(initializer, shape, derive(seed, "kernel", name), largest)
        return {f"{name}/kernel": kernel, f"{name}/bias": np.zeros(shape[-1], np.float32)}

    weights = _neutral_batch_norm("input_batch_norm", shapes[0][-1])
    for index, layer in enumerate(architecture.hidden):
        number, activated = index + 1, layer.activated(shapes[index])
        weights |= kernel_and_bias(f"hidden_{number}", model.of_layer("initializer", index), kernels[index])
        weights |= _neutral_batch_norm(f"batch_norm_{number}", activated[-1])
        weights |= _slopes(model.of_layer("activation", index), f"activation_{number}", activated, seed)
    return weights | kernel_and_bias("output", model.output_initializer, kernels[-1])


def _slopes(activation: Any, name: str, activated: Shape, seed: int) -> dict[str, NDArray[np.float32]]:
    """Draw the initial slopes of prelu: one for each unit, or for each channel of images."""
    if activation.name != "prelu":
        return {}
    shape = (*(1 for _ in activated[:-1]), activated[-1])
    return {f"{name}/alpha": draw(activation.alpha_initializer, shape, derive(seed, "alpha", name))}


def _neutral_batch_norm(name: str, units: int) -> dict[str, NDArray[np.float32]]:
    zeros, ones = np.zeros(units, np.float32), np.ones(units, np.float32)
    values = {"gamma": ones, "beta": zeros, "moving_mean": zeros, "moving_variance": ones}
    return {f"{name}/{variable}": value for variable, value in values.items()}
