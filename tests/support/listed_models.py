"""Lists of layers of a study file, and the same models made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers as kl

Tensor = Any


def conv1d(rows: Tensor) -> Tensor:
    x = kl.Reshape((8, 8), name="reshape_1")(rows)
    regularizer = keras.regularizers.L2(0.01)
    x = kl.Conv1D(4, 3, activation="relu", kernel_regularizer=regularizer, name="conv1d_1")(x)
    return kl.GlobalMaxPooling1D(name="global_max_pooling1d_1")(x)


def lstm(rows: Tensor) -> Tensor:
    x = kl.Reshape((8, 8), name="reshape_1")(rows)
    x = kl.Bidirectional(kl.LSTM(3, return_sequences=True, name="lstm"), name="bidirectional_1")(x)
    return kl.GRU(3, recurrent_constraint=keras.constraints.MaxNorm(2.0), name="gru_1")(x)


def embedding(rows: Tensor) -> Tensor:
    x = kl.Embedding(17, 4, name="embedding_1")(rows)
    return kl.GlobalAveragePooling1D(name="global_average_pooling1d_1")(x)


def transformer(rows: Tensor) -> Tensor:
    x = kl.Reshape((8, 8), name="reshape_1")(rows)
    y = kl.LayerNormalization(name="layer_normalization_1")(x)
    y = kl.MultiHeadAttention(2, 4, name="multi_head_attention_1")(y, y)
    x = kl.Add(name="residual_1")([x, y])
    y = kl.Dense(12, activation="gelu", name="dense_1")(
        kl.LayerNormalization(name="layer_normalization_2")(x)
    )
    x = kl.Add(name="residual_2")([x, kl.Dense(8, name="dense_2")(y)])
    return kl.GlobalAveragePooling1D(name="global_average_pooling1d_1")(x)


def cnn(rows: Tensor) -> Tensor:
    x = kl.Reshape((8, 8, 1), name="reshape_1")(rows)
    x = kl.Conv2D(3, 3, padding="same", strides=2, name="conv2d_1")(x)
    x = kl.LeakyReLU(0.1, name="leaky_relu_1")(kl.BatchNormalization(name="batch_normalization_1")(x))
    x = kl.SeparableConv2D(4, 2, name="separable_conv2d_1")(x)
    return kl.Flatten(name="flatten_1")(kl.MaxPooling2D(2, name="max_pooling2d_1")(x))


_SERIES = {"reshape": {"target_shape": [8, 8]}}
_ATTENTION = {"multi_head_attention": {"num_heads": 2, "key_dim": 4}}

MODELS: dict[str, tuple[list[Any], Callable[[Tensor], Tensor]]] = {
    "conv1d": (
        [
            _SERIES,
            {
                "conv1d": {
                    "filters": 4,
                    "kernel_size": 3,
                    "activation": "relu",
                    "kernel_regularizer": {"l2": 0.01},
                }
            },
            "global_max_pooling1d",
        ],
        conv1d,
    ),
    "lstm": (
        [
            _SERIES,
            {"bidirectional": {"layer": {"lstm": {"units": 3, "return_sequences": True}}}},
            {"gru": {"units": 3, "recurrent_constraint": {"max_norm": {"max_value": 2.0}}}},
        ],
        lstm,
    ),
    "embedding": (
        [{"embedding": {"input_dim": 17, "output_dim": 4}}, "global_average_pooling1d"],
        embedding,
    ),
    "transformer": (
        [
            _SERIES,
            {"residual": ["layer_normalization", _ATTENTION]},
            {
                "residual": [
                    "layer_normalization",
                    {"dense": {"units": 12, "activation": "gelu"}},
                    {"dense": {"units": 8}},
                ]
            },
            "global_average_pooling1d",
        ],
        transformer,
    ),
    "cnn": (
        [
            {"reshape": {"target_shape": [8, 8, 1]}},
            {"conv2d": {"filters": 3, "kernel_size": 3, "padding": "same", "strides": 2}},
            "batch_normalization",
            {"leaky_relu": {"negative_slope": 0.1}},
            {"separable_conv2d": {"filters": 4, "kernel_size": 2}},
            {"max_pooling2d": {"pool_size": 2}},
            "flatten",
        ],
        cnn,
    ),
}
"""The layers of the study file, and the same by hand, from rows of 64 features."""
