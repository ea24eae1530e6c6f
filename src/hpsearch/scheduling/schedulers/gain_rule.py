"""When a search ends by itself: when another round of trials is not expected to gain more than the noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hpsearch.scheduling.gain import FEWEST_TRIALS, REPLICATES, ExpectedGain, last_judgement, suggested
from hpsearch.scheduling.interface import Done, StartTrial
from hpsearch.spec import Configuration
from hpsearch.spec.space.parameter import Value
from hpsearch.store.events import Asked, Ended, Event, Origin, State


@dataclass
class _Trial:
    number: int
    values: dict[str, Value]
    configuration: Configuration
    origin: Origin | None
    state: State = "running"
    value: float | None = None


class GainRule:
    """Has the best configuration trained again from fresh seeds, and judges by what these differ.

    A function of the events applied. What it judges by are the trials up to the last of the replicates, so
    that it does not depend on the order in which workers ended them.

    Args:
        configuration: Returns the configuration that values stand for.
        minimize: Whether lower values of the metric are better.
    """

    def __init__(
        self, configuration: Callable[[Mapping[str, Value]], Configuration], *, minimize: bool
    ) -> None:
        self.configuration, self.minimize = configuration, minimize
        self.trials: dict[int, _Trial] = {}
        self.ended = 0
        """Counts the trials that ended and are no replicates."""
        self.due = FEWEST_TRIALS
        """How many of them there are when the next replicates begin."""
        self.round: list[_Trial] = []
        """The replicates since the search was last judged."""
        self.judgement: ExpectedGain | None = None

    def following(self) -> StartTrial | Done | None:
        """Return the next replicate, or that the search is over; None where it goes on as it would."""
        if self.judgement is not None and not self.judgement.pays:
            return Done("no_gain")
        if len(self.round) == REPLICATES or self.ended < self.due:
            return None
        again = self.round[0] if self.round else self._best()
        return None if again is None else StartTrial(dict(again.values), "replicate")

    def _best(self) -> _Trial | None:
        sign = 1 if self.minimize else -1
        ranked = [(sign * t.value, t.number) for t in suggested(self.trials.values()) if t.value is not None]
        return self.trials[min(ranked)[1]] if ranked else None

    def apply(self, event: Event) -> None:
        """Update what is known of the trials, and judge when the replicates have ended."""
        if isinstance(event, Asked):
            configuration = self.configuration(event.values)
            trial = _Trial(event.number, event.values, configuration, event.origin)
            self.trials[event.number] = trial
            if event.origin == "replicate":
                self.round.append(trial)
        elif isinstance(event, Ended):
            trial = self.trials[event.number]
            trial.state, trial.value = event.state, event.value
            self.ended += trial.origin != "replicate"
            self._judge()

    def _judge(self) -> None:
        if len(self.round) < REPLICATES:
            return
        known = [trial for trial in self.trials.values() if trial.number <= self.round[-1].number]
        if any(trial.state == "running" for trial in known):
            return
        self.judgement = last_judgement(known, minimize=self.minimize)
        count = len(suggested(known))
        self.due, self.round = count + count // 2, []
