"""The weights of a network as named arrays: what travels between processes and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[Any]]
"""Arrays under `layer/variable`, as in `hidden_1/kernel`."""


def named_variables(model: keras.Model) -> Iterator[tuple[str, keras.Variable]]:
    """Iterate over the weights of a model, in the order of its layers; random states are left out.

    The weights of a model inside it are numbered: their names may differ from process to process.
    """
    for layer in model.layers:
        inner = isinstance(layer, keras.Model)
        for index, variable in enumerate(layer.weights):
            yield f"model/{index}" if inner else f"{layer.name}/{variable.name}", variable


def weights_of(model: keras.Model) -> dict[str, NDArray[Any]]:
    """Copy the weights out of a model."""
    return {
        name: np.array(keras.ops.convert_to_numpy(variable.value))
        for name, variable in named_variables(model)
    }


def put_weights(model: keras.Model, weights: Weights) -> None:
    """Put weights into a model; names that it does not have are passed over.

    Raises KeyError where the model has a weight that is not given.
    """
    for name, variable in named_variables(model):
        variable.assign(weights[name])
