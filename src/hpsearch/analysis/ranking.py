"""Every finished trial in its order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpsearch.spec.space.parameter import Value
from hpsearch.store.events import Origin, State
from hpsearch.store.record import StudyRecord, TrialRecord, finite

WHERE_GIVEN = {"where_given": True}
"""Marks a field that plain data leave out where it is empty."""


@dataclass(frozen=True)
class RankedTrial:
    """One finished trial; `rank` counts from 1 and is None where the trial gave no finite value.

    `parameters` holds the active parameters only, `metrics` those beside the study's own at the best epoch.
    """

    rank: int | None
    number: int
    state: State
    value: float | None
    epochs: int
    best_epoch: int | None
    seconds: float | None
    seed: int
    parameters: Mapping[str, Value]
    cause: str | None
    origin: Origin | None
    metrics: Mapping[str, float | None] = field(default_factory=dict, metadata=WHERE_GIVEN)


def rank_trials(record: StudyRecord) -> tuple[RankedTrial, ...]:
    """Rank the finished trials, best first; those without a value follow by number."""
    valued = [trial for trial in record.ranking if finite_value(trial) is not None]
    numbers = {trial.number for trial in valued}
    others = [t for t in record.trials if t.state != "running" and t.number not in numbers]
    further = record.spec.search.further
    ranked = [_row(trial, rank, further) for rank, trial in enumerate(valued, start=1)]
    return (*ranked, *(_row(trial, None, further) for trial in sorted(others, key=lambda t: t.number)))


def finite_value(trial: TrialRecord) -> float | None:
    """Return the value of a trial where it is a finite number."""
    return None if trial.value is None else finite(trial.value)


def _row(trial: TrialRecord, rank: int | None, further: tuple[str, ...]) -> RankedTrial:
    return RankedTrial(
        rank=rank,
        number=trial.number,
        state=trial.state,
        value=finite_value(trial),
        epochs=trial.epochs,
        best_epoch=trial.best_epoch,
        seconds=finite(trial.seconds),
        seed=trial.seed,
        parameters=dict(trial.parameters),
        cause=trial.cause,
        origin=trial.origin,
        metrics=trial.at_best(further),
    )
