"""A comparison: every arm in turn, replicate by replicate."""

from __future__ import annotations

from hpsearch.scheduling.interface import Next, Scheduler, StartTrial
from hpsearch.spec.experiments import Comparison
from hpsearch.store.events import Event


class RoundRobinScheduler(Scheduler):
    """Trains all arms from the first seed, then all from the second; the budget ends it."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison

    def next(self, number: int) -> Next:
        """Give the arm and the replicate of a trial."""
        return StartTrial(self.comparison.values(number))

    def apply(self, event: Event) -> None:
        """Keep nothing: what comes next is a function of the number."""
