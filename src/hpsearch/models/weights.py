"""The weights of a network as named arrays, which are passed between processes and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[Any]]
"""Arrays under `layer/variable`, as in `hidden_1/kernel`."""


def named_variables(model: keras.Model) -> Iterator[tuple[str, keras.Variable]]:
    """Iterate over the names and weights of a model, in the order of its layers, without random states.

    Weights of a nested model are numbered, because their names may differ between processes.
    """
    for layer in model.layers:
        inner = isinstance(layer, keras.Model)
        for index, variable in enumerate(layer.weights):
            yield f"model/{index}" if inner else f"{layer.name}/{variable.name}", variable


def weights_of(model: keras.Model) -> dict[str, NDArray[Any]]:
    """Return copies of a model's weights, by name."""
    return {
        name: np.array(keras.ops.convert_to_numpy(variable.value))
        for name, variable in named_variables(model)
    }


def put_weights(model: keras.Model, weights: Weights) -> None:
    """Set the weights of a model; names that it does not have are ignored.

    Raises:
        KeyError: The model has a weight that is not given.
    """
    for name, variable in named_variables(model):
        variable.assign(weights[name])
