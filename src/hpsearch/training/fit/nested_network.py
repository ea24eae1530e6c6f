"""Networks around a model whose layers are not ours."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from hpsearch.seeds import derive
from hpsearch.training.fit.network import FitNetwork

NO_PENALTY = 1e-6
"""A share of the loss: what is added and is smaller is the rounding of numbers of 32 bits."""


class NestedNetwork(FitNetwork):
    """A network with any layers inside: what they add to the loss is what training tells of.

    Its noise in an epoch does not depend on the epochs before, nor on the training of a donor.
    """

    def _penalties(self, batches: Any, trained: dict[str, float]) -> float:
        if math.isclose(trained["loss"], trained["loss_with_penalties"], rel_tol=NO_PENALTY):
            return 0.0
        if self.trained is self.model and _penalizes_weights_alone(self.model):
            return super()._penalties(batches, trained)
        return self._evaluated_penalties(batches)

    def _seed_noise(self, seed: int) -> None:
        """Seed every layer that draws, however deep it is nested."""
        for name, state in self._random_states().items():
            value = np.array([derive(seed, name) % 2**31, 0])
            state.assign(value.astype(keras.backend.standardize_dtype(state.dtype)))

    def _random_states(self) -> dict[str, keras.Variable]:
        """List what changes and is no weight: the states of the layers that draw."""
        others = {id(one) for one in (*self.model.weights, *self.trained.metrics_variables)}
        states = [variable for variable in self.model.variables if id(variable) not in others]
        return {f"random/{index}": state for index, state in enumerate(states)}


def _penalizes_weights_alone(model: keras.Model) -> bool:
    """Tell whether no layer is of a class of the user or penalizes its outputs: then rows do not matter."""
    layers = model._flatten_layers()  # noqa: SLF001 - the nested layers have no other door
    return all(
        type(layer).__module__.startswith("keras.") and layer.activity_regularizer is None for layer in layers
    )
