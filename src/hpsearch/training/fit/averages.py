"""Averages of the weights that an optimizer keeps: the weights that an epoch results in."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

TRAINED = "trained/"
"""Begins the names of weights from which training goes on while a model has their averages."""


class Averages:
    """The averages of a model's weights, which it has between two epochs of training.

    Without averages in the optimizer nothing happens. Keras' own `fit` leaves a model with the averages, and
    would go on from them.
    """

    def __init__(self, optimizer: keras.Optimizer) -> None:
        self._pairs: list[tuple[keras.Variable, keras.Variable]] = []
        self._weights: list[NDArray[Any]] = []
        if optimizer.use_ema:
            averages = optimizer._model_variables_moving_average  # noqa: SLF001 - Keras shows them nowhere else
            self._pairs = list(zip(optimizer._trainable_variables, averages, strict=True))  # noqa: SLF001 - as above
            optimizer.finalize_variable_values = lambda _: None

    def take_out(self) -> None:
        """Give the model the weights from which training goes on."""
        # Before the first epoch it has them.
        for (variable, _), value in zip(self._pairs, self._weights, strict=False):
            variable.assign(value)

    def put_in(self) -> None:
        """Give the model the averages, and keep its weights."""
        self._weights = [np.array(keras.ops.convert_to_numpy(one.value)) for one, _ in self._pairs]
        for variable, average in self._pairs:
            # A copy: JAX takes the buffers of both variables in the next step.
            variable.assign(np.array(keras.ops.convert_to_numpy(average.value)))

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the weights from which training goes on, by names; empty where the model has them."""
        return {f"{TRAINED}{index}": value for index, value in enumerate(self._weights)}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` gave."""
        names = [f"{TRAINED}{index}" for index in range(len(self._pairs))]
        self._weights = [arrays[name] for name in names if name in arrays]
