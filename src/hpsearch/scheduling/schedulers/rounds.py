"""The scheduler of a comparison: every arm in turn, replicate by replicate."""

from __future__ import annotations

from hpsearch.scheduling.interface import Next, Scheduler, StartTrial
from hpsearch.spec.experiments import Comparison
from hpsearch.store.events import Event


class RoundRobinScheduler(Scheduler):
    """Trains all arms from the first seed, then all from the second, until the budget ends."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison

    def next(self, number: int) -> Next:
        """Return the arm and the replicate of a trial."""
        return StartTrial(self.comparison.values(number))

    def apply(self, event: Event) -> None:
        """Ignore the event: the next run depends only on the number."""
