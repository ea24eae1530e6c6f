"""An ensemble as one model: the mean of what its members predict, in stock Keras layers."""

from __future__ import annotations

from collections.abc import Iterable

import keras

from hpsearch.data.named_inputs import InputLayout
from hpsearch.models.components.inputs import float_tensors
from hpsearch.models.components.objectives import Objective


def ensemble_model(
    members: Iterable[tuple[keras.Model, int]],
    features: tuple[int, ...],
    objective: Objective,
    layout: InputLayout | None = None,
) -> keras.Model:
    """Join exported models to one whose predictions are the mean of theirs.

    Args:
        members: Models that take raw rows, each with the number of times that it counts; their names differ.
        features: The shape of a row.
        objective: The loss and the metric.
        layout: The named inputs of the models; None where they have one.
    """
    inputs = keras.Input(features, name="rows") if layout is None else float_tensors(layout)
    given = [(model(inputs), count) for model, count in members]
    counted = [predictions for predictions, count in given for _ in range(count)]
    if len(counted) == 1:
        predictions = keras.layers.Activation("linear", name="predictions")(counted[0])
    else:
        predictions = keras.layers.Average(name="predictions")(counted)
    model = keras.Model(inputs, predictions)
    model.compile(optimizer="sgd", loss=objective.exported_loss, metrics=[objective.metric])
    return model
