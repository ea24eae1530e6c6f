"""The slots of a worker: the trials that it has under way."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from hpsearch.engines import Worker
from hpsearch.study.snapshots import SnapshotClock
from hpsearch.study.trial import RunningTrial
from hpsearch.training.messages import MemberState


@dataclass
class WorkerSlots:
    """A worker and the trials that it has under way."""

    worker: Worker
    trials: dict[int, RunningTrial] = field(default_factory=dict)
    started: set[int] = field(default_factory=set)
    leaving: list[int] = field(default_factory=list)
    states: dict[int, MemberState] = field(default_factory=dict)
    asked_for: tuple[int, ...] = ()
    submitted_at: float = 0.0
    clock: SnapshotClock = field(default_factory=SnapshotClock)
    states_seconds: float = 0.0
    """What it cost to take the states and to bring them here."""

    @property
    def suspect(self) -> int | None:
        """Return the first trial that has to show by itself whether it was the cause of a loss."""
        return next((number for number, trial in self.trials.items() if trial.alone), None)

    def arriving(self) -> list[RunningTrial]:
        """Return the trials that the worker has to take on now; with a suspect nothing else may happen."""
        now = self.trials if self.suspect is None else (self.suspect,)
        arriving = [self.trials[number] for number in now if number not in self.started]
        self.started.update(trial.number for trial in arriving)
        return arriving

    def next_members(self) -> tuple[int, ...]:
        """Return the trials that advance in the next tick."""
        if self.suspect is not None:
            return (self.suspect,)
        return tuple(n for n, trial in self.trials.items() if trial.behind) or tuple(self.trials)

    def remove(self, number: int) -> None:
        """Take a trial out; its worker lets it go with the next tick where it is `leaving`."""
        del self.trials[number]
        self.started.discard(number)
        self.states.pop(number, None)

    def deadline(self, limit: float | None) -> float:
        """Tell when the tick under way has taken longer than a `trial_timeout` leaves to its trials."""
        if limit is None:
            return inf
        trials = [self.trials[number] for number in self.asked_for]
        # What a trial catches up with was counted before.
        spent = max(0.0 if trial.behind else trial.seconds for trial in trials)
        return self.submitted_at + max(limit - spent, 0.0)

    def clear(self) -> list[RunningTrial]:
        """Give up all trials: their worker has lost them."""
        trials = list(self.trials.values())
        for trial in trials:
            trial.trained = 0
        self.trials, self.started, self.leaving, self.states = {}, set(), [], {}
        return trials
