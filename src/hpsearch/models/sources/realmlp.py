"""RealMLP in Keras' stock layers, and what of its first weights is fitted to rows."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Rows
from hpsearch.models.components.activations import apply_activation
from hpsearch.models.components.objectives import Objective
from hpsearch.models.components.rate_factors import RateFactors, group_by_names
from hpsearch.models.components.robust_scale import (
    ROBUST,
    clamped,
    fit_bounds,
    robust_weights,
    robustly_scaled,
)
from hpsearch.models.components.scales import parametric, scaled
from hpsearch.models.sources.for_tables import TableSource, flat
from hpsearch.models.weights import Weights
from hpsearch.seeds import derive
from hpsearch.spec.sections.activations import ACTIVATIONS
from hpsearch.spec.sections.embeddings import LearnedCategories
from hpsearch.spec.sections.realmlp import RealMlp

OUTPUT = "output"
"""The layer that training goes through to; what is behind it serves predictions alone."""

MOST_ROWS = 10_000
"""Rows to which first weights are fitted, evenly spaced."""

CORNERS = 5
"""The rows whose mixture a unit is 0 at, at first: the 5 of "he+5"."""

group_of = group_by_names(
    {"input_scale": "scale", "frequencies": "embedding", "embedding": "embedding"}, {"_share": "activation"}
)


class RealMlpSource(TableSource[RealMlp]):
    """Networks as in the paper of RealMLP."""

    def connect(self, model: RealMlp, inputs: Any, objective: Objective, seed: int, *, training: bool) -> Any:
        """Connect stock layers."""
        tensor = self.embedded(model, robustly_scaled(flat(inputs)), seed, training=training)
        if model.input_scale:
            tensor = scaled(tensor, "input_scale")
        for number, units in enumerate(model.hidden, 1):
            tensor = _dense(tensor, units, f"hidden_{number}")
            tensor = _activated(model, objective, tensor, number, seed, training=training)
            if model.dropout:
                drawn, name = derive(seed, "dropout", number) % 2**31, f"dropout_{number}"
                tensor = keras.layers.Dropout(model.dropout, seed=drawn, name=name)(tensor)
        tensor = _dense(tensor, objective.units, OUTPUT)
        return clamped(tensor) if is_clamped(model, objective) else tensor

    def first_weights(self, model: RealMlp, network: keras.Model, objective: Objective, seed: int) -> Weights:
        """Draw the kernels of dense layers from a normal distribution, each from a seed of its own."""
        drawn = {
            f"{layer.name}/kernel": np.random.default_rng(derive(seed, "kernel", layer.name))
            .standard_normal(layer.kernel.shape)
            .astype(np.float32)
            for layer in _dense_layers(network)
        }
        return {**super().first_weights(model, network, objective, seed), **drawn}

    def fit_to(
        self, model: RealMlp, network: keras.Model, rows: Rows, objective: Objective, seed: int
    ) -> None:
        """Fit what scales rows and bounds outputs, and draw biases where the rows are."""
        given = rows.x.reshape(len(rows), -1).astype(np.float32, copy=False)
        network.get_layer(ROBUST).set_weights(robust_weights(given, self._kept(model)))
        super().fit_to(model, network, rows, objective, seed)
        if is_clamped(model, objective):
            fit_bounds(network, rows.y)
        _fit_dense(network, rows.x[:: -(-len(rows) // MOST_ROWS)], seed)

    def _kept(self, model: RealMlp) -> tuple[int, ...]:
        """List the features that are not scaled: the indicators of learned categories."""
        if self.layout is None or not isinstance(model.categories, LearnedCategories):
            return ()
        learned = (one for one in self.layout.categories if one[1] > model.categories.above)
        return tuple(place for begin, size in learned for place in range(begin, begin + size))


def is_clamped(model: RealMlp, objective: Objective) -> bool:
    """Return whether outputs are kept within the targets: numbers that are predicted as they are."""
    return bool(model.clamp) and objective.task == "regression" and objective.activation == "linear"


def rate_factors(model: RealMlp, objective: Objective) -> RateFactors:
    """Return the factors of the learning rate of a configuration."""
    whole: float = model.regression_rate if objective.task == "regression" else 1.0
    return RateFactors(
        weights=whole,
        biases=whole * model.bias_rate,
        scale=whole * model.scale_rate,
        embedding=whole * model.embedding_rate,
        activation=whole * model.activation_rate,
    )


def _dense(tensor: Any, units: int, name: str) -> Any:
    """Apply a layer in the parametrization of the neural tangent kernel; its weights are set later."""
    tensor = keras.layers.Rescaling(1 / math.sqrt(tensor.shape[-1]), name=f"{name}_mean")(tensor)
    return keras.layers.Dense(units, kernel_initializer="zeros", name=name)(tensor)


def _dense_layers(network: keras.Model) -> list[keras.layers.Dense]:
    """List the layers that are made here, in their order, and not those of learned categories."""
    return [one for one in network.layers if isinstance(one, keras.layers.Dense) and one.use_bias]


def _activated(
    model: RealMlp, objective: Objective, tensor: Any, number: int, seed: int, *, training: bool
) -> Any:
    activation, name = model.activation, f"activation_{number}"
    if activation is None:
        activation = ACTIVATIONS["mish" if objective.task == "regression" else "selu"]()
    outputs = apply_activation(activation, name, seed, tensor, training=training)
    return parametric(tensor, outputs, name) if model.parametric_activation else outputs


def _fit_dense(network: keras.Model, rows: NDArray[Any], seed: int) -> None:
    """Scale kernels so that each unit deviates by 1, and draw biases so that it is 0 amid the rows."""
    place, values = network.input, keras.ops.convert_to_tensor(rows.astype(np.float32, copy=False))
    for layer in _dense_layers(network):
        values, place = keras.Model(place, layer.input)(values, training=False), layer.input
        kernel, _ = layer.get_weights()
        units = keras.ops.convert_to_numpy(values) @ kernel
        deviation = units.std(axis=0)
        factors = np.divide(1.0, deviation, out=np.ones_like(deviation), where=deviation > 0)
        bias = _biases(units * factors, np.random.default_rng(derive(seed, "bias", layer.name)))
        layer.set_weights([kernel * factors, bias])


def _biases(units: NDArray[Any], generator: np.random.Generator) -> NDArray[Any]:
    """Return the biases with which each unit is 0 at a random mixture of rows (arXiv 1903.11482)."""
    count = units.shape[1]
    chosen = generator.integers(len(units), size=(CORNERS, count))
    shares = generator.exponential(size=(CORNERS, count))
    corners = np.take_along_axis(units, chosen, axis=0)
    mixed: NDArray[Any] = np.sum(corners * shares, axis=0) / shares.sum(axis=0)
    return -mixed
