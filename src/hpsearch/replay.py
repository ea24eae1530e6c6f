"""What the tick log knows of a study: the trials that ended, those under way, what the sampler has seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hpsearch.running import RunningTrial
from hpsearch.store.ticks import Event
from hpsearch.training.member import EpochReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from hpsearch.pruners import Judge
    from hpsearch.samplers import Experience
    from hpsearch.search_space import Value
    from hpsearch.store.record import TrialRecord
    from hpsearch.store.scribe import Scribe
    from hpsearch.suggestions import Suggestions


@dataclass
class Replay:
    """Tells everybody what happened, in the order in which it did."""

    experience: Experience
    suggester: Suggestions
    judge: Judge
    scribe: Scribe
    ended: dict[int, TrialRecord]
    begin: Callable[[int, dict[str, Value]], RunningTrial]
    running: dict[int, RunningTrial] = field(default_factory=dict)
    asked: int = 0

    def of(self, events: list[Event]) -> None:
        """Go through the events of a tick log."""
        known: dict[str, Callable[[Event], None]] = {
            "ask": self._ask,
            "report": self._report,
            "end": self._end,
            "lost": self._lost,
        }
        for event in events:
            known[event["kind"]](event)

    def _ask(self, event: Event) -> None:
        number, values = event["number"], event["values"]
        self.experience.begin(number)
        if self.suggester.stateful:
            self.suggester.recall(number)
        self.suggester.take(number, values)
        self.scribe.asked(number, values)
        self.asked = number + 1
        self.running[number] = self.begin(number, values)

    def _report(self, event: Event) -> None:
        number, value = event["number"], event["value"]
        if value is None:
            # The trial failed in this epoch; its end is in the same tick.
            return
        self.experience.report(number, event["epoch"], value)
        # It was decided to go on, but pruners keep notes of what they were asked.
        self.judge.prunes(number)
        self.scribe.reported(number, event["epoch"], value)
        self.running[number].remember(_heard(event))

    def _end(self, event: Event) -> None:
        number = event["number"]
        self.experience.tell(number, event["state"], event["value"])
        self.scribe.ended(self.ended[number])
        del self.running[number]

    def _lost(self, event: Event) -> None:
        self.running[event["number"]].lose()


def _heard(event: Event) -> EpochReport:
    metrics: dict[str, Any] = event["metrics"]
    return EpochReport(event["number"], event["epoch"], metrics, event["seconds"])
