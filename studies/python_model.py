"""A small convolutional network for the digits; python_model.yaml says what is searched in it."""

from __future__ import annotations

import keras


def build(
    features: tuple[int, ...], outputs: int, filters: int, blocks: int, dropout: float, activation: str
) -> keras.Model:
    """Give a model from scaled rows to logits.

    `features` is the shape of one row and `outputs` the number of logits; the rest comes from the study file.
    """
    rows = keras.Input(features)
    tensor = keras.layers.Reshape((8, 8, 1))(rows)
    for block in range(blocks):
        tensor = keras.layers.Conv2D(filters * 2**block, 3, padding="same", activation=activation)(tensor)
        tensor = keras.layers.MaxPooling2D()(tensor)
    tensor = keras.layers.Dropout(dropout)(keras.layers.Flatten()(tensor))
    return keras.Model(rows, keras.layers.Dense(outputs)(tensor))
