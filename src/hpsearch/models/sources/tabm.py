"""TabM in Keras' stock layers, and its first weights."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.models.components.activations import apply_activation
from hpsearch.models.components.members import merged, of_members
from hpsearch.models.components.objectives import Objective
from hpsearch.models.sources.for_tables import TableSource, flat
from hpsearch.models.weights import Weights
from hpsearch.seeds import derive
from hpsearch.spec.sections.tabm import Tabm

MEMBERS = "members"
"""The layer that gives the logits of all members in one row; training ends there."""


class TabmSource(TableSource[Tabm]):
    """Ensembles of perceptrons with shared kernels, computed as one product of (rows, members, units)."""

    def connect(self, model: Tabm, inputs: Any, objective: Objective, seed: int, *, training: bool) -> Any:
        """Connect stock layers."""
        tensor = self.embedded(model, flat(inputs), seed, training=training)
        tensor = _scaled(tensor, model.k, "adapter_1")
        for number in range(1, model.n_blocks + 1):
            if number > 1 and not model.mini:
                tensor = _scaled(tensor, model.k, f"adapter_{number}")
            tensor = self._dense(model, tensor, number)
            tensor = apply_activation(
                model.activation, f"activation_{number}", seed, tensor, training=training
            )
            if model.dropout:
                drawn, name = derive(seed, "dropout", number) % 2**31, f"dropout_{number}"
                tensor = keras.layers.Dropout(model.dropout, seed=drawn, name=name)(tensor)
        heads = keras.layers.EinsumDense(
            "bki,kio->bko",
            (model.k, objective.units),
            bias_axes="ko",
            kernel_initializer="zeros",
            name="heads",
        )
        members = keras.layers.Flatten(name=MEMBERS)(heads(tensor))
        return merged(objective, of_members(objective, members))

    @staticmethod
    def _dense(model: Tabm, tensor: Any, number: int) -> Any:
        """Apply a kernel that members share, and what they have of their own; kernels are set later."""
        layer = keras.layers.Dense(
            model.d_block, use_bias=model.mini, kernel_initializer="zeros", name=f"hidden_{number}"
        )
        return layer(tensor) if model.mini else _scaled(layer(tensor), model.k, f"scale_{number}", bias=True)

    def first_weights(self, model: Tabm, network: keras.Model, objective: Objective, seed: int) -> Weights:
        """Draw the first factors of members, kernels and biases, each from a seed of its own.

        Members have the same biases at first, and their other factors are 1.
        """
        weights = {**super().first_weights(model, network, objective, seed)}
        signs, name = model.embedding.name == "none", "adapter_1/kernel"
        weights[name] = _factors(weights[name].shape, derive(seed, name), signs=signs)
        for number in range(1, model.n_blocks + 1):
            kernel, bias = f"hidden_{number}/kernel", f"{'hidden' if model.mini else 'scale'}_{number}/bias"
            inputs, units = weights[kernel].shape
            weights[kernel] = _uniform((inputs, units), inputs, derive(seed, kernel))
            shared = _uniform((units,), inputs, derive(seed, bias))
            weights[bias] = np.broadcast_to(shared, weights[bias].shape)
        for name in ("heads/kernel", "heads/bias"):
            weights[name] = _uniform(weights[name].shape, model.d_block, derive(seed, name))
        return weights


def _factors(shape: tuple[int, ...], seed: int, *, signs: bool) -> NDArray[np.float32]:
    """Draw a factor for each member and feature: signs, or normal numbers."""
    generator = np.random.default_rng(seed)
    drawn = generator.choice((-1.0, 1.0), shape) if signs else generator.standard_normal(shape)
    return drawn.astype(np.float32)


def _uniform(shape: tuple[int, ...], inputs: int, seed: int) -> NDArray[np.float32]:
    """Draw weights of a unit with so many inputs."""
    root = 1 / math.sqrt(inputs)
    return np.random.default_rng(seed).uniform(-root, root, shape).astype(np.float32)


def _scaled(tensor: Any, members: int, name: str, *, bias: bool = False) -> Any:
    """Multiply each unit by a factor of each member, 1 at first; rows get an axis of members where needed."""
    equation = "bi,ki->bki" if len(tensor.shape) == 2 else "bki,ki->bki"
    layer = keras.layers.EinsumDense(
        equation,
        (members, tensor.shape[-1]),
        bias_axes="ki" if bias else None,
        kernel_initializer="ones",
        name=name,
    )
    return layer(tensor)
