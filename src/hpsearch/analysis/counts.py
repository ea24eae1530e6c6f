"""How many trials there are, and how they ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hpsearch.store.record import StudyRecord


@dataclass(frozen=True)
class Counts:
    """Trials by state; `valued` counts the finished ones that gave a finite value."""

    trials: int
    complete: int
    pruned: int
    failed: int
    running: int
    valued: int

    @property
    def finished(self) -> int:
        """Count the trials that are over, however they ended."""
        return self.trials - self.running


def count_trials(record: StudyRecord, valued: int) -> Counts:
    """Count the trials of a record by their state."""
    states = Counter(trial.state for trial in record.trials)
    return Counts(
        trials=len(record.trials),
        complete=states["complete"],
        pruned=states["pruned"],
        failed=states["failed"],
        running=states["running"],
        valued=valued,
    )
