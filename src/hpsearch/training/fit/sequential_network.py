"""Networks of any of Keras' layers, whose noise is seeded for each epoch."""

from __future__ import annotations

import keras
import numpy as np

from hpsearch.seeds import derive
from hpsearch.training.fit.nested_network import NestedNetwork


class SequentialNetwork(NestedNetwork):
    """A network whose noise in an epoch does not depend on the epochs before."""

    def _seed_noise(self, seed: int) -> None:
        """Seed every layer that draws, however deep it is nested."""
        for name, state in self._random_states().items():
            value = np.array([derive(seed, name) % 2**31, 0])
            state.assign(value.astype(keras.backend.standardize_dtype(state.dtype)))
