"""What a constant prediction of several targets gives, target by target and together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hpsearch.data import Dataset, Rows
from hpsearch.data.named_targets import TargetLayout
from hpsearch.training.chance import Chance, chance_of

if TYPE_CHECKING:
    from hpsearch.models.components.joined_objective import JoinedObjective

UNKNOWN = Chance(None, "")


def chance_of_targets(
    metric: str, train: Rows, rows: Rows, layout: TargetLayout, objective: JoinedObjective | None
) -> Chance:
    """Return what the best constants of the training rows score on other rows.

    Args:
        metric: `loss`, or the loss or the metric of a target, as in `age_mae`.
        train: The rows from which the constants are taken.
        rows: The rows that are scored.
        layout: The targets.
        objective: The losses; None where no single one is known, which leaves only metrics.
    """
    if metric == "loss":
        return _of_all(train, rows, layout, objective)
    name, _, kind = metric.rpartition("_")
    pairs = zip(layout.rows_of(train), layout.rows_of(rows), strict=True)
    for number, ((target, known), (_, scored)) in enumerate(pairs):
        if target.name == name and (kind != "loss" or objective is not None):
            part = None if objective is None else objective.parts[number]
            return chance_of(kind, known, scored, target.labels, part)
    return UNKNOWN


def _of_all(train: Rows, rows: Rows, layout: TargetLayout, objective: JoinedObjective | None) -> Chance:
    if objective is None:
        return UNKNOWN
    names = [f"{target.name}_loss" for target in layout.targets]
    found = [chance_of_targets(name, train, rows, layout, objective).value for name in names]
    if None in found:
        return UNKNOWN
    losses = np.array(found, np.float64)
    return Chance(float(losses @ np.array(objective.loss_weights)), "the best constant of each target")


def chance_of_targets_in(dataset: Dataset, metric: str, objective: JoinedObjective | None) -> Chance:
    """Return what constant predictions give on the validation set by a metric of the study."""
    if dataset.target_layout is None:
        return UNKNOWN
    name, layout = metric.removeprefix("val_"), dataset.target_layout
    found = [
        chance_of_targets(
            name,
            one.train,
            one.validation,
            layout,
            None if objective is None else objective.of(one.target_scaling),
        )
        for one in dataset.splits
    ]
    values = [one.value for one in found if one.value is not None]
    value = float(np.mean(values)) if len(values) == len(found) else None
    return Chance(value, found[0].constant)
