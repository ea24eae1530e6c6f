"""On which columns of a table an exported model relies, how it moves with them, and where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Dataset, Rows
from hpsearch.data.encoding import Encoding
from hpsearch.models.components.joined_objective import JoinedObjective
from hpsearch.models.components.objectives import Objective
from hpsearch.models.predictions import both_of, predictions_of
from hpsearch.seeds import derive
from hpsearch.spec import Search
from hpsearch.training.column_effects import ColumnEffect, ColumnFeatures, column_effects
from hpsearch.training.column_importance import ColumnImportance, column_importance
from hpsearch.training.evaluation import Part, guessed
from hpsearch.training.slices import Errors, Guesses, Slices, find_slices
from hpsearch.training.threshold import Threshold

Array = NDArray[Any]

MOST_EFFECTS = 3


def columns_of(
    model: keras.Model, dataset: Dataset, objective: Objective, part: Part, search: Search
) -> tuple[tuple[ColumnImportance, ...], tuple[ColumnEffect, ...]]:
    """Measure the importance of columns, and the effects of the most important; other data have neither.

    Args:
        model: The model, which takes raw rows.
        dataset: The data.
        objective: The loss; of several outputs nothing is measured.
        part: The test set, or the validation set of the first split.
        search: The search section, which has the seed.
    """
    encoding = dataset.preprocessing().encoding
    if encoding is None or isinstance(objective, JoinedObjective):
        return (), ()
    rows = _rows_of(dataset, part)
    aimed, seed = dataset.splits[0].aimed(rows), derive(search.seed, "columns", part)

    def losses(places: Array, x: Array) -> Array:
        weights = None if rows.weights is None else rows.weights[places]
        logits, _ = both_of(model, x, dataset.inputs)
        found: Array = keras.ops.convert_to_numpy(objective.losses(aimed.y[places], logits, weights))
        return found

    found = column_importance(encoding.places, rows.x, losses, seed)
    if dataset.targets or rows.x.ndim != 2:
        return found, ()
    chosen = list(_with_single_values(encoding, found))[:MOST_EFFECTS]
    given = lambda x: predictions_of(model, x, dataset.inputs)  # noqa: E731 - it is handed on
    return found, column_effects(chosen, rows.x, given, dataset.labels, seed)


def _with_single_values(encoding: Encoding, found: Sequence[ColumnImportance]) -> Iterator[ColumnFeatures]:
    """Iterate over the columns whose features stand for one value, the most important first."""
    kinds = {source: [one for one in encoding.columns if one.source == source] for source in encoding.places}
    for one in found:
        columns = kinds[one.column]
        if one.value is not None and len(columns) == 1 and not columns[0].pooled:
            places = tuple(encoding.places[one.column])
            yield ColumnFeatures(one.column, places, columns[0].categories)


def slices_of(
    model: keras.Model, dataset: Dataset, objective: Objective, part: Part, threshold: Threshold | None
) -> Slices | None:
    """Find where a model differs most from elsewhere; None for other data than tables of single rows.

    Args:
        model: The model, which takes raw rows.
        dataset: The data.
        objective: The loss; of several outputs nothing is found.
        part: The test set, or the validation set of the first split.
        threshold: What tells two classes apart; None for one half.
    """
    preprocessing = dataset.preprocessing()
    encoding, origin = preprocessing.encoding, preprocessing.origin
    if encoding is None or isinstance(objective, JoinedObjective) or dataset.targets:
        return None
    rows = _rows_of(dataset, part)
    given = predictions_of(model, rows.x, dataset.inputs)
    if rows.x.ndim != 2 or not np.isfinite(given).all():
        return None
    judged: Guesses | Errors = Errors(given[:, 0].astype(np.float64) - rows.y)
    if dataset.labels:
        guesses = guessed(given, threshold)
        judged = Guesses(rows.y, guesses, dataset.labels)
    return find_slices(encoding, rows.x if origin is None else rows.x + np.array(origin), judged)


def _rows_of(dataset: Dataset, part: Part) -> Rows:
    """Return the raw rows of a part."""
    return cast("Rows", dataset.raw_test()) if part == "test" else dataset.raw(0, "validation")
