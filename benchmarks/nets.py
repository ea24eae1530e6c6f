"""The models of the throughput benchmark beyond perceptrons, as functions in Python: from rows to logits."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

TOKENS = 500


def cnn(features: tuple[int, ...], outputs: int, width: int, rate: float, l2: float) -> keras.Model:
    """Two convolutions on images (28, 28)."""
    rows = keras.Input(features)
    tensor = layers.Reshape((*features, 1))(rows)
    tensor = layers.Conv2D(width, 3, activation="relu", kernel_regularizer=keras.regularizers.L2(l2))(tensor)
    tensor = layers.MaxPooling2D()(tensor)
    tensor = layers.Conv2D(32, 3, activation="relu")(tensor)
    tensor = layers.MaxPooling2D()(tensor)
    return _ended(rows, layers.Flatten()(tensor), outputs, rate)


def lstm(features: tuple[int, ...], outputs: int, width: int, rate: float, l2: float) -> keras.Model:
    """One recurrent layer over embedded tokens."""
    rows = keras.Input(features)
    tensor = layers.Embedding(TOKENS, 16)(rows)
    tensor = layers.LSTM(width, dropout=rate, kernel_regularizer=keras.regularizers.L2(l2))(tensor)
    return keras.Model(rows, layers.Dense(outputs)(tensor))


def embedding(features: tuple[int, ...], outputs: int, width: int, rate: float, l2: float) -> keras.Model:
    """The mean of embedded tokens, and one hidden layer."""
    rows = keras.Input(features)
    tensor = layers.GlobalAveragePooling1D()(layers.Embedding(TOKENS, 32)(rows))
    tensor = layers.Dense(width, "relu", kernel_regularizer=keras.regularizers.L2(l2))(tensor)
    return _ended(rows, tensor, outputs, rate)


def transformer(features: tuple[int, ...], outputs: int, width: int, rate: float, l2: float) -> keras.Model:
    """One transformer block over embedded tokens."""
    rows = keras.Input(features)
    tensor = layers.Embedding(TOKENS, 32)(rows)
    attended = layers.MultiHeadAttention(2, 16, dropout=rate)(tensor, tensor)
    tensor = layers.LayerNormalization()(layers.Add()([tensor, attended]))
    inner = layers.Dense(width, "relu", kernel_regularizer=keras.regularizers.L2(l2))(tensor)
    inner = layers.Dropout(rate)(layers.Dense(32)(inner))
    tensor = layers.LayerNormalization()(layers.Add()([tensor, inner]))
    return keras.Model(rows, layers.Dense(outputs)(layers.GlobalAveragePooling1D()(tensor)))


def _ended(rows: Any, tensor: Any, outputs: int, rate: float) -> keras.Model:
    return keras.Model(rows, layers.Dense(outputs)(layers.Dropout(rate)(tensor)))
