"""The states of paused trials: in memory within a bound, and in checkpoints beyond it."""

from __future__ import annotations

from hpsearch.store.writer import StudyWriter
from hpsearch.study.snapshots import SnapshotClock
from hpsearch.study.trial import RunningTrial
from hpsearch.training.messages import MemberState

MOST_BYTES = 2**28


class PausedTrials:
    """Keeps what paused trials need to go on.

    A state that is lost with this process costs the epochs since the trial's last checkpoint, which are
    trained again when it goes on. So states are saved as those of trials under way are: at a bounded rate.
    """

    def __init__(self, writer: StudyWriter) -> None:
        self.writer = writer
        self.clock = SnapshotClock()
        self.bytes = 0
        self._states: dict[int, MemberState] = {}
        self._unsaved: dict[int, RunningTrial] = {}

    def put(self, trial: RunningTrial, state: MemberState) -> None:
        """Keep the state of a trial that was paused."""
        self._states[trial.number], self._unsaved[trial.number] = state, trial
        self.bytes += state.bytes

    def take(self, trial: RunningTrial) -> MemberState | None:
        """Return the state of a trial and keep it no longer; without one the trial begins again."""
        self._unsaved.pop(trial.number, None)
        if trial.number in self._states:
            return self._drop(trial.number)
        stored = self.writer.load(trial)
        trial.trained = 0 if stored is None else stored[1]
        return None if stored is None else stored[0]

    def tidy(self) -> None:
        """Save new states where that is due or memory is short; what is on disk leaves memory first."""
        if self._unsaved and (self.clock.due or self.bytes > MOST_BYTES):
            self.save()
        while self.bytes > MOST_BYTES:
            self._drop(next(iter(self._states)))

    def save(self) -> None:
        """Save the states that are only in memory."""
        states = {number: self._states[number] for number in self._unsaved}
        self.clock.saved(self.writer.save(states, self._unsaved))
        self._unsaved = {}

    def _drop(self, number: int) -> MemberState:
        state = self._states.pop(number)
        self.bytes -= state.bytes
        return state
