"""The scheduler of a search: a sampler suggests configurations, none twice, and a pruner stops trials."""

from __future__ import annotations

import math
from collections.abc import Iterator

from hpsearch.scheduling.history import TrialHistory
from hpsearch.scheduling.interface import Continue, Decision, Done, Next, Scheduler, StartTrial, Stop
from hpsearch.scheduling.pruners import longest_run, pruner_of
from hpsearch.scheduling.samplers import SAMPLERS
from hpsearch.scheduling.samplers.base import ATTEMPTS, Values, draw
from hpsearch.spec import Configuration
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.store.events import Asked, Event


class SearchScheduler(Scheduler):
    """Combines a sampler and a pruner.

    Args:
        experiment: The search.
        train_rows: The number of training rows, from which the pruner knows the longest run.
    """

    def __init__(self, experiment: SearchExperiment, train_rows: int) -> None:
        spec, self.space = experiment.spec, experiment.space
        self.history = TrialHistory(spec.search, self.space.parameters)
        self.sampler = SAMPLERS[spec.search.sampler.name](spec, self.space, self.history)
        longest = longest_run(experiment.trained, train_rows)
        self.pruner = pruner_of(spec.search.pruner, longest, minimize=self.history.minimize)
        self.may_stop = spec.search.pruner.name != "none"
        self.tried: set[Configuration] = set()
        # An iterator, so that what was tried once is not looked at again for every trial.
        self._enqueued = iter([self.space.active(values) for values in spec.search.enqueue])
        self._asked = -1

    def next(self, number: int) -> Next:
        """Return the first candidate whose configuration was not tried before; `Done` if there is none.

        Candidates come from the enqueued values, the sampler, random draws, and, if it is finite, the whole
        space.
        """
        self.history.begin(number)
        self._asked = number
        for values in self._candidates(number):
            if self.space.configuration(values) not in self.tried:
                return StartTrial(dict(values))
        return Done()

    def _candidates(self, number: int) -> Iterator[Values]:
        yield from self._enqueued
        yield from self.sampler.candidates(number)
        if self.sampler.complete:
            return
        for attempt in range(ATTEMPTS, 100 * ATTEMPTS):
            yield draw(self.space, self.sampler.ask_seed(number, attempt))
        if math.isfinite(self.space.size()):
            yield from self.space.grid()

    def apply(self, event: Event) -> None:
        """Update the trials; a sampler with a state is asked again for trials of the log."""
        if isinstance(event, Asked):
            if self.sampler.stateful and self._asked < event.number:
                self.next(event.number)
            self.tried.add(self.space.configuration(event.values))
        self.history.apply(event)

    def decide(self, number: int) -> Decision:
        """Ask the pruner whether the trial goes on."""
        pruning = self.pruner.prune(self.history.trials(), number) if self.may_stop else None
        return Continue() if pruning is None else Stop(self.pruner.message(pruning), pruning)
