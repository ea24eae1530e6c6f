"""The inside of the winner: how its replicates learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from hpsearch.analysis.arms.arm_results import counterpart
from hpsearch.analysis.arms.bands import Band, band_of
from hpsearch.analysis.arms.replicates import Replicate, read_replicate
from hpsearch.scheduling.conclusion.conclusion import Conclusion
from hpsearch.scheduling.conclusion.verdict import name_of
from hpsearch.spec.experiments import ARM, REPLICATE
from hpsearch.store.record import StudyRecord, TrialRecord


@dataclass(frozen=True)
class Winner:
    """The configuration that is best, and the runs that show it: its replicates, else the trial itself.

    `number` is that of the search's trial; `configuration` is as a study file writes it. `validation` and
    `training` average the curves of the runs.
    """

    number: int
    confirmed: bool
    configuration: Mapping[str, Any]
    replicates: tuple[Replicate, ...]
    validation: Band
    training: Band
    splits: Literal["own", "fresh"] = "own"
    """Whether the runs were trained on the study's own split, or each on a fresh one."""


def look_into_winner(conclusion: Conclusion) -> Winner | None:
    """Collect the runs of the winner; None while no trial has a value."""
    trial, verdict, confirmation = conclusion.best.trial, conclusion.verdict, conclusion.confirmation
    if trial is None:
        return None
    metric = conclusion.record.metric
    if verdict is None or verdict.winner is None or confirmation is None:
        return look_into_trial(trial, metric)
    runs = _replicates(confirmation, trial)
    return replace(_look_into(trial, runs, metric, confirmed=True), splits=verdict.splits)


def look_into_trial(trial: TrialRecord, metric: str) -> Winner:
    """Show a trial of a search in the place of the winner: its own run is the only one."""
    return _look_into(trial, [_alone(trial)], metric, confirmed=False)


def _look_into(trial: TrialRecord, runs: list[TrialRecord], metric: str, *, confirmed: bool) -> Winner:
    replicates = tuple(read_replicate(run, metric, None) for run in runs)
    return Winner(
        number=trial.number,
        confirmed=confirmed,
        configuration=trial.configuration.dump(),
        replicates=replicates,
        validation=band_of(metric, replicates),
        training=band_of(counterpart(metric), replicates),
    )


def _replicates(confirmation: StudyRecord, trial: TrialRecord) -> list[TrialRecord]:
    over = [run for run in confirmation.trials if run.state != "running"]
    own = [run for run in over if run.parameters[ARM] == name_of(trial)]
    return sorted(own, key=lambda run: int(run.parameters[REPLICATE]))


def _alone(trial: TrialRecord) -> TrialRecord:
    """Take the trial of the search as the only replicate."""
    return replace(trial, parameters={**trial.parameters, REPLICATE: 0})
