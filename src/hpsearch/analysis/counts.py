"""How many trials there are, and how they ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from hpsearch.analysis.ranking import WHERE_GIVEN
from hpsearch.store.record import StudyRecord


@dataclass(frozen=True)
class Counts:
    """Trials by state; `valued` counts the finished ones that gave a finite value.

    `violated` counts the trials that violate each constraint, those `untrained` before they were trained.
    """

    trials: int
    complete: int
    pruned: int
    failed: int
    running: int
    valued: int
    infeasible: int = field(default=0, metadata=WHERE_GIVEN)
    untrained: int = field(default=0, metadata=WHERE_GIVEN)
    violated: Mapping[str, int] = field(default_factory=dict, metadata=WHERE_GIVEN)

    @property
    def finished(self) -> int:
        """Count the trials that are over, however they ended."""
        return self.trials - self.running


def count_trials(record: StudyRecord, valued: int) -> Counts:
    """Count the trials of a record by their state."""
    states = Counter(trial.state for trial in record.trials)
    infeasible = [trial for trial in record.trials if trial.state == "infeasible"]
    return Counts(
        trials=len(record.trials),
        complete=states["complete"],
        pruned=states["pruned"],
        failed=states["failed"],
        running=states["running"],
        valued=valued,
        infeasible=len(infeasible),
        untrained=sum(not trial.epochs for trial in infeasible),
        violated=Counter(text for trial in infeasible for text in trial.violations),
    )
