"""What became of the epochs that the trials were planned to have."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from hpsearch.analysis.ranking import WHERE_GIVEN
from hpsearch.store.events import State
from hpsearch.store.record import StudyRecord, TrialRecord


@dataclass(frozen=True)
class Spending:
    """Epochs of the finished trials: what was trained, by how the trial ended, and what was not.

    `planned` is what all would have had without pruning, early stopping and failures. It and what was not
    trained are None where the study file gives the length of a run in steps. `seconds` are those of training.
    """

    complete: int
    pruned: int
    failed: int
    planned: int | None
    saved_by_pruning: int | None
    saved_by_stopping: int | None
    lost_to_failures: int | None
    seconds: float
    infeasible: int = field(default=0, metadata=WHERE_GIVEN)
    saved_by_constraints: int | None = field(default=0, metadata=WHERE_GIVEN)

    @property
    def trained(self) -> int:
        """Count the epochs that were trained."""
        return self.complete + self.pruned + self.failed + self.infeasible


def count_spending(record: StudyRecord) -> Spending:
    """Count the epochs of the finished trials of a study."""
    over = [trial for trial in record.trials if trial.state != "running"]
    return Spending(
        complete=_trained(over, "complete"),
        pruned=_trained(over, "pruned"),
        failed=_trained(over, "failed"),
        planned=_sum(map(_planned, over)),
        saved_by_pruning=_left(over, "pruned"),
        saved_by_stopping=_left(over, "complete"),
        lost_to_failures=_left(over, "failed"),
        seconds=math.fsum(trial.seconds for trial in over if math.isfinite(trial.seconds)),
        infeasible=_trained(over, "infeasible"),
        saved_by_constraints=_left(over, "infeasible"),
    )


def _trained(trials: Iterable[TrialRecord], state: State) -> int:
    return sum(trial.epochs for trial in trials if trial.state == state)


def _planned(trial: TrialRecord) -> int | None:
    epochs: int | None = trial.configuration.training.epochs
    return epochs


def _left(trials: Iterable[TrialRecord], state: State) -> int | None:
    return _sum(_untrained(trial) for trial in trials if trial.state == state)


def _untrained(trial: TrialRecord) -> int | None:
    planned = _planned(trial)
    return None if planned is None else max(planned - trial.epochs, 0)


def _sum(epochs: Iterable[int | None]) -> int | None:
    """Add epochs up; None where one is unknown."""
    total = 0
    for count in epochs:
        if count is None:
            return None
        total += count
    return total
