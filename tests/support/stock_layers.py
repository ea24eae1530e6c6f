"""Tiny models around each of Keras' layers; `v` picks one of two sets of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers as kl

Tensor = Any
VECTOR, SERIES, IMAGE, VOLUME = (6,), (6, 4), (6, 6, 2), (4, 4, 4, 2)


def share(v: int) -> float:
    return (0.3, 0.6)[v]


def small(v: int) -> float:
    return (1e-3, 0.2)[v]


def _one(make: Callable[[int], Any]) -> Callable[[Tensor, int], Tensor]:
    return lambda x, v: make(v)(x)


def _two(layer: type) -> Callable[[Tensor, int], Tensor]:
    return lambda x, v: layer()([x, kl.Dense(x.shape[-1])(x)])


def _regularizers(v: int, *names: str) -> dict[str, Any]:
    kinds = [
        keras.regularizers.L2(small(v)),
        keras.regularizers.L1(small(v)),
        keras.regularizers.L1L2(small(v), share(v)),
    ]
    return {f"{name}_regularizer": kinds[index % 3] for index, name in enumerate(names)}


LAYERS: dict[str, tuple[tuple[int, ...], Callable[[Tensor, int], Tensor]]] = {
    "Activation": (VECTOR, _one(lambda v: kl.Activation("selu"))),
    "ActivityRegularization": (VECTOR, _one(lambda v: kl.ActivityRegularization(small(v), share(v)))),
    "AdaptiveAveragePooling1D": (SERIES, _one(lambda v: kl.AdaptiveAveragePooling1D(3))),
    "AdaptiveAveragePooling2D": (IMAGE, _one(lambda v: kl.AdaptiveAveragePooling2D(3))),
    "AdaptiveAveragePooling3D": (VOLUME, _one(lambda v: kl.AdaptiveAveragePooling3D(2))),
    "AdaptiveMaxPooling1D": (SERIES, _one(lambda v: kl.AdaptiveMaxPooling1D(3))),
    "AdaptiveMaxPooling2D": (IMAGE, _one(lambda v: kl.AdaptiveMaxPooling2D(3))),
    "AdaptiveMaxPooling3D": (VOLUME, _one(lambda v: kl.AdaptiveMaxPooling3D(2))),
    "Add": (VECTOR, _two(kl.Add)),
    "AdditiveAttention": (SERIES, lambda x, v: kl.AdditiveAttention(dropout=share(v))([x, x])),
    "AlphaDropout": (VECTOR, _one(lambda v: kl.AlphaDropout(share(v)))),
    "Attention": (SERIES, lambda x, v: kl.Attention(dropout=share(v), use_scale=True)([x, x])),
    "Average": (VECTOR, _two(kl.Average)),
    "AveragePooling1D": (SERIES, _one(lambda v: kl.AveragePooling1D(2))),
    "AveragePooling2D": (IMAGE, _one(lambda v: kl.AveragePooling2D(2))),
    "AveragePooling3D": (VOLUME, _one(lambda v: kl.AveragePooling3D(2))),
    "BatchNormalization": (
        VECTOR,
        _one(
            lambda v: kl.BatchNormalization(
                momentum=share(v), epsilon=small(v), **_regularizers(v, "gamma", "beta")
            )
        ),
    ),
    "Bidirectional": (
        SERIES,
        _one(lambda v: kl.Bidirectional(kl.GRU(3, dropout=share(v), **_regularizers(v, "kernel")))),
    ),
    "CenterCrop": (IMAGE, _one(lambda v: kl.CenterCrop(4, 4))),
    "Concatenate": (VECTOR, _two(kl.Concatenate)),
    "Conv1D": (SERIES, _one(lambda v: kl.Conv1D(3, 2, **_regularizers(v, "kernel", "bias", "activity")))),
    "Conv1DTranspose": (SERIES, _one(lambda v: kl.Conv1DTranspose(3, 2, **_regularizers(v, "kernel")))),
    "Conv2D": (IMAGE, _one(lambda v: kl.Conv2D(3, 3, **_regularizers(v, "kernel")))),
    "Conv2DTranspose": (IMAGE, _one(lambda v: kl.Conv2DTranspose(3, 3, **_regularizers(v, "kernel")))),
    "Conv3D": (VOLUME, _one(lambda v: kl.Conv3D(3, 2, **_regularizers(v, "kernel")))),
    "Conv3DTranspose": (VOLUME, _one(lambda v: kl.Conv3DTranspose(3, 2, **_regularizers(v, "kernel")))),
    "ConvLSTM1D": (
        IMAGE,
        _one(lambda v: kl.ConvLSTM1D(2, 2, dropout=share(v), recurrent_dropout=share(v) / 2)),
    ),
    "ConvLSTM2D": (VOLUME, _one(lambda v: kl.ConvLSTM2D(2, 2, dropout=share(v)))),
    "ConvLSTM3D": ((2, *VOLUME), _one(lambda v: kl.ConvLSTM3D(2, 2, dropout=share(v)))),
    "Cropping1D": (SERIES, _one(lambda v: kl.Cropping1D(1))),
    "Cropping2D": (IMAGE, _one(lambda v: kl.Cropping2D(1))),
    "Cropping3D": (VOLUME, _one(lambda v: kl.Cropping3D(1))),
    "Dense": (VECTOR, _one(lambda v: kl.Dense(5, "tanh", **_regularizers(v, "kernel", "bias", "activity")))),
    "DepthwiseConv1D": (SERIES, _one(lambda v: kl.DepthwiseConv1D(2, **_regularizers(v, "depthwise")))),
    "DepthwiseConv2D": (IMAGE, _one(lambda v: kl.DepthwiseConv2D(2, **_regularizers(v, "depthwise")))),
    "Dot": (SERIES, lambda x, v: kl.Dot(axes=-1)([x, kl.Dense(4)(x)])),
    "Dropout": (VECTOR, _one(lambda v: kl.Dropout(share(v)))),
    "ELU": (VECTOR, _one(lambda v: kl.ELU(share(v)))),
    "EinsumDense": (
        SERIES,
        _one(lambda v: kl.EinsumDense("abc,cd->abd", (6, 3), **_regularizers(v, "kernel"))),
    ),
    "Embedding": (
        VECTOR,
        lambda x, v: kl.Embedding(5, 3, **_regularizers(v, "embeddings"))(
            keras.ops.cast(keras.ops.abs(x), "int32")
        ),
    ),
    "Flatten": (SERIES, _one(lambda v: kl.Flatten())),
    "GRU": (
        SERIES,
        _one(
            lambda v: kl.GRU(
                3, dropout=share(v), recurrent_dropout=share(v) / 2, **_regularizers(v, "recurrent")
            )
        ),
    ),
    "GRUCell": (SERIES, _one(lambda v: kl.RNN(kl.GRUCell(3, dropout=share(v))))),
    "GaussianDropout": (VECTOR, _one(lambda v: kl.GaussianDropout(share(v)))),
    "GaussianNoise": (VECTOR, _one(lambda v: kl.GaussianNoise(share(v)))),
    "GlobalAveragePooling1D": (SERIES, _one(lambda v: kl.GlobalAveragePooling1D())),
    "GlobalAveragePooling2D": (IMAGE, _one(lambda v: kl.GlobalAveragePooling2D())),
    "GlobalAveragePooling3D": (VOLUME, _one(lambda v: kl.GlobalAveragePooling3D())),
    "GlobalMaxPooling1D": (SERIES, _one(lambda v: kl.GlobalMaxPooling1D())),
    "GlobalMaxPooling2D": (IMAGE, _one(lambda v: kl.GlobalMaxPooling2D())),
    "GlobalMaxPooling3D": (VOLUME, _one(lambda v: kl.GlobalMaxPooling3D())),
    "GroupNormalization": (SERIES, _one(lambda v: kl.GroupNormalization(2, epsilon=small(v)))),
    "GroupedQueryAttention": (SERIES, lambda x, v: kl.GroupQueryAttention(2, 2, 1, dropout=share(v))(x, x)),
    "Identity": (VECTOR, _one(lambda v: kl.Identity())),
    "InputLayer": (VECTOR, lambda x, v: x),
    "LSTM": (
        SERIES,
        _one(
            lambda v: kl.LSTM(
                3, dropout=share(v), recurrent_dropout=share(v) / 2, **_regularizers(v, "kernel")
            )
        ),
    ),
    "LSTMCell": (SERIES, _one(lambda v: kl.RNN(kl.LSTMCell(3, dropout=share(v))))),
    "LayerNormalization": (
        VECTOR,
        _one(lambda v: kl.LayerNormalization(epsilon=small(v), **_regularizers(v, "gamma", "beta"))),
    ),
    "LeakyReLU": (VECTOR, _one(lambda v: kl.LeakyReLU(share(v)))),
    "Masking": (SERIES, lambda x, v: kl.SimpleRNN(3, dropout=share(v))(kl.Masking()(x))),
    "MaxPooling1D": (SERIES, _one(lambda v: kl.MaxPooling1D())),
    "MaxPooling2D": (IMAGE, _one(lambda v: kl.MaxPooling2D())),
    "MaxPooling3D": (VOLUME, _one(lambda v: kl.MaxPooling3D())),
    "Maximum": (VECTOR, _two(kl.Maximum)),
    "Minimum": (VECTOR, _two(kl.Minimum)),
    "MultiHeadAttention": (
        SERIES,
        lambda x, v: kl.MultiHeadAttention(2, 2, dropout=share(v), **_regularizers(v, "kernel", "bias"))(
            x, x
        ),
    ),
    "Multiply": (VECTOR, _two(kl.Multiply)),
    "PReLU": (VECTOR, _one(lambda v: kl.PReLU(**_regularizers(v, "alpha")))),
    "Permute": (SERIES, _one(lambda v: kl.Permute((2, 1)))),
    "RMSNormalization": (VECTOR, _one(lambda v: kl.RMSNormalization(epsilon=small(v)))),
    "RNN": (SERIES, _one(lambda v: kl.RNN([kl.LSTMCell(3, dropout=share(v)), kl.SimpleRNNCell(2)]))),
    "ReLU": (VECTOR, _one(lambda v: kl.ReLU(negative_slope=share(v)))),
    "RepeatVector": (VECTOR, _one(lambda v: kl.RepeatVector(2))),
    "Rescaling": (VECTOR, _one(lambda v: kl.Rescaling(share(v), small(v)))),
    "Reshape": (VECTOR, _one(lambda v: kl.Reshape((3, 2)))),
    "ReversibleEmbedding": (
        VECTOR,
        lambda x, v: kl.ReversibleEmbedding(5, 3, **_regularizers(v, "embeddings"))(
            keras.ops.cast(keras.ops.abs(x), "int32")
        ),
    ),
    "SeparableConv1D": (
        SERIES,
        _one(lambda v: kl.SeparableConv1D(3, 2, **_regularizers(v, "depthwise", "pointwise"))),
    ),
    "SeparableConv2D": (IMAGE, _one(lambda v: kl.SeparableConv2D(3, 2, **_regularizers(v, "depthwise")))),
    "SimpleRNN": (SERIES, _one(lambda v: kl.SimpleRNN(3, dropout=share(v), recurrent_dropout=share(v) / 2))),
    "SimpleRNNCell": (SERIES, _one(lambda v: kl.RNN(kl.SimpleRNNCell(3, recurrent_dropout=share(v))))),
    "Softmax": (VECTOR, _one(lambda v: kl.Softmax())),
    "SpatialDropout1D": (SERIES, _one(lambda v: kl.SpatialDropout1D(share(v)))),
    "SpatialDropout2D": (IMAGE, _one(lambda v: kl.SpatialDropout2D(share(v)))),
    "SpatialDropout3D": (VOLUME, _one(lambda v: kl.SpatialDropout3D(share(v)))),
    "SpectralNormalization": (VECTOR, _one(lambda v: kl.SpectralNormalization(kl.Dense(4)))),
    "StackedRNNCells": (
        SERIES,
        _one(lambda v: kl.RNN(kl.StackedRNNCells([kl.GRUCell(3, dropout=share(v)), kl.GRUCell(2)]))),
    ),
    "Subtract": (VECTOR, _two(kl.Subtract)),
    "TimeDistributed": (
        SERIES,
        _one(lambda v: kl.TimeDistributed(kl.Dense(3, **_regularizers(v, "kernel")))),
    ),
    "UnitNormalization": (VECTOR, _one(lambda v: kl.UnitNormalization())),
    "UpSampling1D": (SERIES, _one(lambda v: kl.UpSampling1D())),
    "UpSampling2D": (IMAGE, _one(lambda v: kl.UpSampling2D())),
    "UpSampling3D": (VOLUME, _one(lambda v: kl.UpSampling3D())),
    "ZeroPadding1D": (SERIES, _one(lambda v: kl.ZeroPadding1D())),
    "ZeroPadding2D": (IMAGE, _one(lambda v: kl.ZeroPadding2D())),
    "ZeroPadding3D": (VOLUME, _one(lambda v: kl.ZeroPadding3D())),
}
"""The shape of rows, and how the layer is called on them."""

PARTED = frozenset({"Rescaling"})
"""Layers with numbers that part structures."""


def layer_model(name: str, v: int, rate: float = 0.01) -> keras.Model:
    """Make a regression around a layer, with a trained layer on each side of it."""
    shape, call = LAYERS[name]
    keras.utils.set_random_seed(1)
    inputs = keras.Input(shape)
    x = inputs if name in ("Embedding", "ReversibleEmbedding") else kl.Dense(shape[-1])(inputs)
    x = call(x, v)
    outputs = kl.Dense(1)(kl.Flatten()(x) if len(x.shape) > 2 else x)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(rate), keras.losses.MeanSquaredError())
    return model
