"""The model that is trained, and the model that is exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Scaling
from hpsearch.data.named_inputs import InputLayout
from hpsearch.models.components.feature_curves import curved
from hpsearch.models.components.inputs import float_tensors, joined
from hpsearch.models.components.joined_objective import JoinedObjective
from hpsearch.models.components.objectives import Objective
from hpsearch.models.components.precision import as_float32, computing_in
from hpsearch.models.components.target_units import output_layer
from hpsearch.models.sources.kinds import LAYERED, Sources
from hpsearch.models.sources.layered import first_weights
from hpsearch.models.weights import Weights, put_weights, weights_of
from hpsearch.spec import Configuration, Layered


def initial_weights(
    configuration: Configuration, features: tuple[int, ...], objective: Objective, seed: int
) -> dict[str, NDArray[np.float32]]:
    """Draw the initial weights of a configuration with Keras' initializers, each layer from its own seed."""
    return first_weights(cast("Layered", configuration.model), features, objective, seed)


def training_model(
    configuration: Configuration,
    features: tuple[int, ...],
    objective: Objective,
    seed: int,
    sources: Sources = LAYERED,
) -> keras.Model:
    """Build the model that is trained, from scaled rows to logits, with its penalties and dropout.

    Args:
        configuration: The configuration.
        features: The shape of a row.
        objective: The loss and the metric.
        seed: The member's seed.
        sources: The sources of the study's models.
    """
    model = configuration.model
    with computing_in(configuration.training.precision):
        return sources.of(model).network(model, features, objective, seed)


def export_model(
    configuration: Configuration,
    features: tuple[int, ...],
    objective: Objective,
    scaling: Scaling,
    weights: Weights,
    seed: int = 0,
    sources: Sources = LAYERED,
    layout: InputLayout | None = None,
) -> keras.Model:
    """Build the model that is exported, from raw rows to predictions, with stock Keras layers around it.

    Its `evaluate` returns the loss (without penalties where the study file describes the layers) and the
    metric; only the metric where no loss of Keras' own is computed from predictions.

    Args:
        configuration: The configuration.
        features: The shape of a row.
        objective: The loss and the metric.
        scaling: The scaling of rows, which becomes the model's first layers.
        weights: The trained weights, by name.
        seed: The member's seed.
        sources: The sources of the study's models.
        layout: The named inputs that the exported model has; None where it has one.
    """
    inputs = keras.Input(features, name="rows") if layout is None else float_tensors(layout)
    scaled = _scaled(inputs if layout is None else joined(layout, inputs), scaling)
    part = configuration.model
    with computing_in(configuration.training.precision):
        logits = as_float32(sources.of(part).connect(part, scaled, objective, seed, training=False))
    model = keras.Model(inputs, _predictions(objective, logits))
    put_weights(model, {**scaling_weights(model), **weights})
    if isinstance(objective, JoinedObjective):
        metrics = {one.name: [one.metric] for one in objective.layout.targets}
        shares = dict(zip(metrics, objective.loss_weights, strict=True))
        model.compile(optimizer="sgd", loss=objective.exported_loss, loss_weights=shares, metrics=metrics)
    else:
        model.compile(optimizer="sgd", loss=objective.exported_loss, metrics=[objective.metric])
    return model


def _predictions(objective: Objective, logits: Any) -> Any:
    """Return the outputs of an exported model; of several targets one for each, by its name."""
    if not isinstance(objective, JoinedObjective):
        return _output(objective, logits, "predictions")
    return {
        one.name: _output(part, logits[:, place], one.name)
        for (one, place), part in zip(objective.layout.given(), objective.parts, strict=True)
    }


def _output(objective: Objective, logits: Any, name: str) -> Any:
    """Connect the one layer that makes predictions of logits."""
    if objective.scaling is not None:
        return output_layer(objective.scaling, logits, name)
    return keras.layers.Activation(objective.activation, name=name)(logits)


def _scaled(inputs: Any, scaling: Scaling) -> Any:
    tensor = inputs
    factor = scaling.factor
    if isinstance(factor, np.ndarray):
        tensor = keras.layers.Rescaling(factor.astype(np.float32).tolist(), name="rescale")(tensor)
    elif factor != 1.0:
        tensor = keras.layers.Rescaling(factor, name="rescale")(tensor)
    if scaling.mean is not None and scaling.deviation is not None:
        variance = np.square(scaling.deviation.astype(np.float64))
        axes = tuple(range(1, scaling.mean.ndim + 1))
        layer = keras.layers.Normalization(axes, mean=scaling.mean, variance=variance, name="standardize")
        tensor = layer(tensor)
    return tensor if scaling.curve is None else curved(scaling, tensor)


def scaling_weights(model: keras.Model) -> dict[str, NDArray[Any]]:
    """Return the weights of the scaling layers, which are not trained."""
    known = weights_of(model)
    return {name: value for name, value in known.items() if name.split("/")[0] in ("rescale", "standardize")}


def save_model(model: keras.Model, path: Path) -> None:
    """Save a model as a `.keras` file."""
    model.save(path)
