"""Everything that a study writes while it runs, under its lease."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from numpy.typing import NDArray

from hpsearch.store.arrays import write_arrays
from hpsearch.store.checkpoints import Checkpoints
from hpsearch.store.events import Ended, Event
from hpsearch.store.identity import StudyIdentity
from hpsearch.store.layout import StudyFiles
from hpsearch.store.lease import Lease
from hpsearch.store.log import TickLog
from hpsearch.store.optuna.background import BackgroundWriter
from hpsearch.store.record import TrialRecord
from hpsearch.training.messages import MemberState

DURABLE_SECONDS = 5.0
"""A power cut loses at most this much of the event log; a kill loses nothing."""


class TrialUnderWay(Protocol):
    """A trial under way: the epochs that it has reported, and how many its state has behind it."""

    trained: int

    @property
    def number(self) -> int:
        """Return the number of the trial."""

    @property
    def epochs(self) -> Sequence[object]:
        """List the epochs that were reported."""

    @property
    def stamp(self) -> dict[str, Any]:
        """Return what its checkpoints say of themselves, but the epoch."""


class StudyWriter:
    """Collects what is decided, and writes it when the workers are busy.

    What was not written before a crash is decided again, identically. `seconds` counts the time that writing
    took.
    """

    def __init__(
        self, files: StudyFiles, lease: Lease, background: BackgroundWriter, identity: StudyIdentity
    ) -> None:
        self.files, self.lease, self.background, self.identity = files, lease, background, identity
        self.log = TickLog(files.ticks, files.ticks_copy, identity)
        self.checkpoints = Checkpoints(files, identity)
        self.seconds = 0.0
        self._events: list[Event] = []
        self._flushed = time.monotonic()

    def open(self) -> list[Event]:
        """Open the tick log and give what is in it."""
        with self._writing():
            return self.log.open(self.lease.number)

    def note(self, event: Event) -> None:
        """Note an event, to be written down at the end of the tick."""
        self._events.append(event)

    def write(self, elapsed: float) -> list[Event]:
        """Write down the events of a tick, and give them."""
        events, self._events = self._events, []
        if not events:
            return events
        now = time.monotonic()
        durable = now - self._flushed > DURABLE_SECONDS
        with self._writing():
            self.log.append(events, elapsed, durable=durable)
            for event in events:
                if isinstance(event, Ended):
                    self.checkpoints.remove(event.number)
        if durable:
            self._flushed = now
        return events

    def save(self, states: Mapping[int, MemberState], trials: Mapping[int, TrialUnderWay]) -> float:
        """Save the states of trials under way, behind the tick log; give the seconds that it took."""
        begun = time.monotonic()
        with self._writing():
            for number, state in states.items():
                if number in trials:
                    trial = trials[number]
                    self.checkpoints.save(number, state, trial.trained, self.lease.number, **trial.stamp)
        return time.monotonic() - begun

    def keep_weights(self, record: TrialRecord, weights: Mapping[str, NDArray[Any]]) -> None:
        """Keep the weights of a trial's best epoch."""
        with self._writing():
            progress = {"number": record.number, "lease": self.lease.number}
            stamp = self.identity.stamp(**record.stamp)
            write_arrays(self.files.weights(record.number), dict(weights), progress, stamp)

    def load(self, trial: TrialUnderWay) -> tuple[MemberState, int] | None:
        """Load the newest state of a trial that the tick log knows, and how many epochs it has behind it."""
        return self.checkpoints.load(trial.number, len(trial.epochs), **trial.stamp)

    def keep_only(self, numbers: Iterable[int]) -> None:
        """Remove the models of all trials but these."""
        places = (self.files.weights, self.files.model, self.files.model_note)
        kept = {path(number) for number in numbers for path in places}
        with self._writing():
            for path in self.files.weights(0).parent.glob("*"):
                if path not in kept:
                    with suppress(OSError):
                        path.unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Write as the holder of the lease, and count the time."""
        begun = time.monotonic()
        self.lease.check()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - begun

    def close(self) -> None:
        """Close the tick log and finish the projection."""
        self.log.close()
        begun = time.monotonic()
        self.background.close()
        self.seconds += time.monotonic() - begun
