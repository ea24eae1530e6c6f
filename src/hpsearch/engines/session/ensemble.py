"""The ensemble of a search: chosen by predictions, joined to one model, and held against the winner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Dataset, Rows
from hpsearch.engines.messages import EnsembleOrder, ExportOrder
from hpsearch.engines.session.evaluation import evaluated_predictions, fingerprint
from hpsearch.engines.session.splits import Splits
from hpsearch.models.components.objectives import Objective
from hpsearch.models.ensemble import ensemble_model
from hpsearch.models.model import save_model
from hpsearch.models.predictions import predictions_of
from hpsearch.seeds import derive
from hpsearch.spec import Search, read_configuration
from hpsearch.training.ensemble import Ensemble, Selector
from hpsearch.training.measure import Measure, mean_measure, resampled_measure
from hpsearch.training.messages import Member
from hpsearch.training.scorers import score
from hpsearch.training.threshold import choose_threshold
from hpsearch.training.trainer import Trainer

Array = NDArray[Any]
Build = Callable[[ExportOrder], keras.Model]


@dataclass(frozen=True, eq=False)
class Judge:
    """What predictions for some rows are worth by the metric of a study."""

    metric: str
    objective: Objective
    rows: Rows
    labels: tuple[str, ...]

    def of_rows(self, given: Array, rows: Any = slice(None)) -> Array | None:
        """Return what predictions (n, units) are worth row by row; None where a metric is of all rows."""
        y, predictions = self.rows.y[rows], given.astype(np.float32)
        if self.metric == "val_loss":
            losses = np.asarray(self.objective.losses_of_predictions(y, predictions), np.float64)
            return losses if self.rows.weights is None else losses * self.rows.weights[rows]
        if self.metric.startswith("val_"):
            return np.asarray(self.objective.scores(y, predictions), np.float64)
        return None

    def value_on(self, rows: Any, given: Array) -> float:
        """Return what predictions for some of the rows are worth."""
        values = self.of_rows(given, rows)
        if values is not None:
            return float(values.mean())
        return score(self.metric, self.rows.y[rows], given, self.labels)

    def gain(self, joined: Array, single: Array, seed: int) -> Measure:
        """Return by how much predictions are better than others, with the interval; above 0 is better."""
        sign = 1 if self.metric == "val_loss" else -1
        parts = self.of_rows(joined), self.of_rows(single)
        if parts[0] is not None and parts[1] is not None:
            return mean_measure(self.metric, sign * (parts[1] - parts[0]))
        every = np.arange(len(joined))

        def on(rows: Any) -> float:
            return self.value_on(every[rows], joined[rows]) - self.value_on(every[rows], single[rows])

        return resampled_measure(self.metric, on, len(joined), seed)


def saved_ensemble(
    order: EnsembleOrder, trainer: Trainer, splits: Splits, search: Search, build: Build
) -> Ensemble:
    """Choose the members, join them to one model, save it, and hold it against the winner.

    The rows that judge choose nothing: on the validation part each half is predicted by what the other half
    chooses, for the ensemble and for the single best alike; the test part is predicted by the saved models.

    Args:
        order: The candidates, and what to do with them.
        trainer: Gives the predictions of the candidates.
        splits: The data.
        search: The search section, which has the metric and the seed.
        build: Makes the exported model of a candidate or the winner.
    """
    first = read_configuration(order.candidates[0].configuration)
    dataset = splits.own
    objective, rows = trainer.objective_of(first, dataset.splits[0]), dataset.splits[0].validation
    judge = Judge(search.first_metric, objective, rows, dataset.labels)
    given = np.stack([_predictions(trainer, splits, number, one) for number, one in order.numbered()])
    select_by = Selector(judge.value_on, order.members, minimize=search.direction == "minimize")
    selection = select_by(given, np.arange(len(rows)))
    seed = derive(search.seed, "ensemble")
    joined, single = select_by.crossed(given, seed)
    members = [_member(build, order, place, count) for place, count in selection.counts.items()]
    model = ensemble_model(members, dataset.features, objective, dataset.inputs)
    save_model(model, Path(order.path))
    picks = tuple((order.numbers[place], count) for place, count in selection.counts.items())
    gain = judge.gain(joined, single, seed)
    threshold = None
    if order.threshold is not None:
        threshold = choose_threshold(order.threshold, rows.y, selection.mean_of(given))
    saved = Ensemble(
        fingerprint(model), picks, selection.values, gain, dataset.preprocessing(), threshold=threshold
    )
    if order.winner is None:
        return saved
    return _tested(saved, model, build(order.winner), dataset, judge, search)


def _predictions(trainer: Trainer, splits: Splits, number: int, candidate: ExportOrder) -> Array:
    configuration = read_configuration(candidate.configuration)
    member, dataset = (
        Member(number, configuration, candidate.seed),
        splits.of(None, configuration.preparation),
    )
    return trainer.predictions_by(member, candidate.weights, dataset.splits[0])


def _member(build: Build, order: EnsembleOrder, place: int, count: int) -> tuple[keras.Model, int]:
    model = build(order.candidates[place])
    model.name = f"trial_{order.numbers[place]}"
    return model, count


def _tested(
    saved: Ensemble,
    model: keras.Model,
    winner: keras.Model,
    dataset: Dataset,
    judge: Judge,
    search: Search,
) -> Ensemble:
    """Evaluate an ensemble on the test part, and hold it against the winner there."""
    rows = cast("Rows", dataset.raw_test())
    given, single = (predictions_of(one, rows.x, dataset.inputs) for one in (model, winner))
    there = replace(judge, rows=rows)
    losses = np.asarray(judge.objective.losses_of_predictions(rows.y, given))
    found = evaluated_predictions(
        given, losses, rows, dataset, judge.objective, "test", search, None, saved.threshold
    )
    seed = derive(search.seed, "ensemble", "test")
    return replace(saved, evaluation=found, test_gain=there.gain(given, single, seed))
