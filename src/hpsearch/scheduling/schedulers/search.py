"""The scheduler of a search: a sampler suggests configurations, none twice; a pruner or rungs stop trials."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain, repeat

from hpsearch.scheduling.history import TrialHistory
from hpsearch.scheduling.interface import (
    Continue,
    Decision,
    Done,
    Evidence,
    Next,
    Pause,
    Scheduler,
    StartTrial,
    Stop,
)
from hpsearch.scheduling.pruners import longest_run, pruner_of
from hpsearch.scheduling.samplers import SAMPLERS
from hpsearch.scheduling.samplers.base import ATTEMPTS, Values, draw
from hpsearch.scheduling.samplers.preference import Preference
from hpsearch.scheduling.schedulers.bracket import Bracket
from hpsearch.scheduling.schedulers.gain_rule import GainRule
from hpsearch.seeds import derive
from hpsearch.spec import Configuration, Search
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.spec.sections.search import Rungs
from hpsearch.store.events import Asked, Event, Origin, Promoted


class SearchScheduler(Scheduler):
    """Combines a sampler with a pruner or with rungs.

    Args:
        experiment: The search.
        train_rows: The number of training rows, from which pruner and rungs know the longest run.
    """

    def __init__(self, experiment: SearchExperiment, train_rows: int) -> None:
        spec, self.space, self.configuration = experiment.spec, experiment.space, experiment.configuration
        self.history = TrialHistory(spec.search, self.space.parameters)
        self.sampler = SAMPLERS[spec.search.sampler.name](spec, self.space, self.history)
        prior = spec.search.prior
        self.preference = Preference(spec.search, self.space, self.history) if prior else None
        longest = longest_run(experiment.trained, train_rows)
        self.pruner = pruner_of(spec.search.pruner, longest, minimize=self.history.minimize)
        self.may_stop = spec.search.pruner.name != "none"
        schedule, minimize = spec.search.schedule, self.history.minimize
        self.bracket = Bracket(schedule, longest, minimize=minimize) if isinstance(schedule, Rungs) else None
        ends_itself = spec.search.until == "no_gain"
        self.rule = GainRule(self.configuration, minimize=minimize) if ends_itself else None
        self.tried: set[Configuration] = set()
        # An iterator, so that what was tried once is not looked at again for every trial.
        self._told = self._first(spec.search)
        self._asked = -1

    def next(self, number: int) -> Next:
        """Return the first candidate whose configuration was not tried before; `Done` if there is none.

        A search that ends by itself trains its best configuration again at times, in order to know when.
        Candidates come from the enqueued values, the portfolio, the sampler and random draws, which a
        preference may change, and, if it is finite, the whole space.
        """
        self.history.begin(number)
        self._asked = number
        ruled = None if self.rule is None else self.rule.following()
        if ruled is not None:
            return ruled
        for values, origin in chain(self._told, zip(self._candidates(number), repeat(None))):
            if self.configuration(values) not in self.tried:
                return StartTrial(dict(values), origin)
        return Done()

    def _first(self, search: Search) -> Iterator[tuple[Values, Origin]]:
        """Iterate over what the study file says is tried first, the rest of a portfolio drawn at random."""
        for values in search.enqueue:
            yield self.space.active(values), "enqueue"
        for index, values in enumerate(search.portfolio if isinstance(search.portfolio, tuple) else ()):
            yield draw(self.space, derive(search.seed, "portfolio", index), values), "portfolio"

    def _candidates(self, number: int) -> Iterator[Values]:
        suggested = self._suggested(number)
        if self.preference is not None:
            suggested = self.preference.candidates(number, suggested)
        yield from suggested
        if not self.sampler.complete and self.space.size() < math.inf:
            yield from self.space.grid()

    def _suggested(self, number: int) -> Iterator[Values]:
        yield from self.sampler.candidates(number)
        if not self.sampler.complete:
            for attempt in range(ATTEMPTS, 100 * ATTEMPTS):
                yield draw(self.space, self.sampler.ask_seed(number, attempt))

    def apply(self, event: Event) -> None:
        """Update the trials; a sampler with a state is asked again for trials of the log."""
        if isinstance(event, Asked):
            if self.sampler.stateful and self._asked < event.number:
                self.next(event.number)
            self.tried.add(self.configuration(event.values))
        self.history.apply(event)
        if self.bracket is not None:
            self.bracket.apply(event)
        if self.rule is not None:
            self.rule.apply(event)

    def decide(self, number: int) -> Decision:
        """Ask the pruner or the rungs whether the trial goes on."""
        if self.bracket is not None:
            return Pause() if self.bracket.paused(number) else Continue()
        pruning = self.pruner.prune(self.history.trials(), number) if self.may_stop else None
        return Continue() if pruning is None else Stop(self.pruner.message(pruning), pruning)

    def pauses_at(self, number: int) -> int | None:
        """Return the epoch of the trial's next rung."""
        return None if self.bracket is None else self.bracket.pauses_at(number)

    def promotion(self, evidence: Evidence) -> Promoted | None:
        """Ask the rungs which paused trial goes on."""
        return None if self.bracket is None else self.bracket.promotion(evidence)

    def dismissal(self, number: int) -> Stop:
        """Say at which rung a paused trial was left."""
        return super().dismissal(number) if self.bracket is None else self.bracket.dismissal(number)
