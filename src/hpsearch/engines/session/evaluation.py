"""A model on a part of the data, through plain Keras on raw rows."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any, cast

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Dataset, Rows
from hpsearch.models.components.joined_objective import JoinedObjective
from hpsearch.models.components.objectives import Objective
from hpsearch.models.predictions import both_of, predictions_of
from hpsearch.seeds import derive
from hpsearch.spec import Search
from hpsearch.training.chance import chance_of
from hpsearch.training.chance_of_targets import chance_of_targets
from hpsearch.training.evaluation import Evaluation, Part, Predictions, evaluate, evaluate_measures
from hpsearch.training.further_metrics import FurtherMetrics
from hpsearch.training.threshold import Threshold, choose_threshold


def fingerprint(model: keras.Model) -> str:
    """Return the SHA-256 of a model's weights with their shapes and types, as hexadecimal digits."""
    digest = sha256()
    for weight in map(np.ascontiguousarray, model.get_weights()):
        digest.update(f"{weight.dtype.str} {weight.shape}\n".encode())
        digest.update(weight.tobytes())
    return digest.hexdigest()


def threshold_of(model: keras.Model, dataset: Dataset, scorer: str) -> Threshold | None:
    """Choose the threshold of an exported model by the validation rows that it was not trained on."""
    rows = dataset.raw(0, "validation")
    return choose_threshold(scorer, rows.y, predictions_of(model, rows.x, dataset.inputs))


def evaluated(
    model: keras.Model,
    dataset: Dataset,
    objective: Objective,
    part: Part,
    search: Search,
    further: FurtherMetrics | None,
    threshold: Threshold | None,
) -> Evaluation:
    """Evaluate an exported model.

    Args:
        model: The model, which takes raw rows.
        dataset: The data.
        objective: The loss.
        part: The test set, or the validation set of the first split.
        search: The search section, which has the metric and the seed.
        further: The metrics beside that of the study.
        threshold: What tells two classes apart; None for one half.
    """
    rows = cast("Rows", dataset.raw_test()) if part == "test" else dataset.raw(0, "validation")
    if isinstance(objective, JoinedObjective):
        return _of_targets(model, dataset, rows, objective, part)
    logits, given = both_of(model, rows.x, dataset.inputs)
    aimed = dataset.splits[0].aimed(rows)
    losses = keras.ops.convert_to_numpy(objective.losses(aimed.y, logits, rows.weights))
    return evaluated_predictions(given, losses, rows, dataset, objective, part, search, further, threshold)


def evaluated_predictions(
    given: NDArray[Any],
    losses: NDArray[Any],
    rows: Rows,
    dataset: Dataset,
    objective: Objective,
    part: Part,
    search: Search,
    further: FurtherMetrics | None,
    threshold: Threshold | None,
) -> Evaluation:
    """Evaluate predictions (n, units) with their losses (n,), with the arguments of `evaluated`."""
    predictions = Predictions(rows.y, given, losses, dataset.labels, threshold)
    others = {} if further is None else further.by_name()
    found = evaluate(predictions, part, search.first_metric, derive(search.seed, "evaluation", part), others)
    train = dataset.splits[0].train
    measures = tuple(
        one
        if one.name in others
        else replace(one, chance=chance_of(one.name, train, rows, dataset.labels, objective).value)
        for one in found.measures
    )
    return replace(found, measures=measures)


def _of_targets(
    model: keras.Model, dataset: Dataset, rows: Rows, objective: JoinedObjective, part: Part
) -> Evaluation:
    """Evaluate a model of several outputs: its loss, and the loss and the metric of each."""
    outputs = [target.name for target in objective.layout.targets]
    logits, _ = both_of(model, rows.x, dataset.inputs, outputs)
    y = dataset.splits[0].aimed(rows).y
    measured = {"loss": objective.losses(y, logits, rows.weights), **objective.measures(y, logits)}
    of_rows = {name: keras.ops.convert_to_numpy(values) for name, values in measured.items()}
    found = evaluate_measures(of_rows, part)
    train = dataset.splits[0].train
    measures = tuple(
        replace(one, chance=chance_of_targets(one.name, train, rows, objective.layout, objective).value)
        for one in found.measures
    )
    return replace(found, measures=measures)
