"""Models that people write in Python, each as a function of what is searched."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


def resnet(features: tuple[int, ...], outputs: int, blocks: int, pooling: str) -> keras.Model:
    """Residual blocks of convolutions."""
    rows = keras.Input(features)
    tensor = layers.Conv2D(4, 3, padding="same")(rows)
    for _ in range(blocks):
        inner = layers.Activation("relu")(layers.BatchNormalization()(tensor))
        tensor = layers.Add()([tensor, layers.Conv2D(4, 3, padding="same")(inner)])
    pool = layers.GlobalAveragePooling2D if pooling == "avg" else layers.GlobalMaxPooling2D
    return keras.Model(rows, layers.Dense(outputs)(pool()(tensor)))


def scaled(features: tuple[int, ...], outputs: int, version: str, dropout: float) -> keras.Model:
    """A family of networks of growing width."""
    width = {"b0": 4, "b1": 6}[version]
    rows = keras.Input(features)
    tensor = layers.DepthwiseConv2D(3, activation="swish")(layers.Conv2D(width, 1)(rows))
    tensor = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(tensor))
    return keras.Model(rows, layers.Dense(outputs, activation="softmax")(tensor))


def matching(features: tuple[int, ...], outputs: int, size: int) -> keras.Model:
    """Users and films, whose embeddings are multiplied; ends in a sigmoid of its own."""
    rows = keras.Input(features)
    ids = ops.cast(rows, "int32")
    users, films = (layers.Embedding(20, size)(ids[:, column]) for column in range(2))
    return keras.Model(rows, layers.Activation("sigmoid")(layers.Dot(axes=1)([users, films])))


def gated(features: tuple[int, ...], outputs: int, units: int, dropout: float) -> keras.Model:
    """A gated residual network over a table."""
    rows = keras.Input(features)
    tensor = layers.Dense(units, "elu")(rows)
    inner = layers.Dropout(dropout)(layers.Dense(units)(tensor))
    gate = layers.Dense(units, "sigmoid")(inner)
    tensor = layers.LayerNormalization()(layers.Add()([tensor, layers.Multiply()([inner, gate])]))
    return keras.Model(rows, layers.Dense(outputs)(tensor))


def attending(features: tuple[int, ...], outputs: int, heads: int) -> keras.Model:
    """A transformer block over the columns of a table."""
    rows = keras.Input(features)
    tensor = layers.Dense(8)(layers.Reshape((*features, 1))(rows))
    tensor = layers.LayerNormalization()(tensor + layers.MultiHeadAttention(heads, 4)(tensor, tensor))
    return keras.Model(rows, layers.Dense(outputs)(layers.Flatten()(tensor)))


def frozen(features: tuple[int, ...], outputs: int, unfreeze: bool) -> keras.Model:
    """A body, frozen or not, under a new head."""
    inner = keras.Input(features)
    body = keras.Model(inner, layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inner)))
    body.trainable = unfreeze
    rows = keras.Input(features)
    return keras.Model(rows, layers.Dense(outputs)(body(rows)))


def oscillator(features: tuple[int, ...], outputs: int, units: int) -> keras.Model:
    """A curve through measured points."""
    rows = keras.Input(features)
    return keras.Model(rows, layers.Dense(outputs)(layers.Dense(units, "tanh")(rows)))


def heads(features: tuple[int, ...], outputs: dict[str, int], width: int) -> keras.Model:
    """One body under a head for each target."""
    rows = keras.Input(features)
    body = layers.Dense(width, "relu")(layers.Flatten()(rows))
    return keras.Model(rows, {name: layers.Dense(units)(body) for name, units in outputs.items()})


def physics_loss(y_true: Any, y_pred: Any) -> Any:
    """The absolute error, and that no height is below 0."""
    return ops.mean(ops.abs(y_true - y_pred) + ops.relu(-y_pred), axis=-1)


def within_a_tenth(y_true: Any, y_pred: Any) -> Any:
    """Which predictions are within a tenth of the truth."""
    return ops.cast(ops.abs(y_true - y_pred) < 0.1, "float32")
