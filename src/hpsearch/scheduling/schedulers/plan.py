"""The base of the schedulers that plan from the runs that have ended, and may wait for running ones."""

from __future__ import annotations

from abc import abstractmethod

from hpsearch.scheduling.interface import Done, Next, Scheduler, StartTrial, Wait
from hpsearch.spec.space.parameter import Value
from hpsearch.store.events import Asked, Ended, Event

Values = dict[str, Value]


class PlanScheduler(Scheduler):
    """Plans the next run from the values and metrics of those before it."""

    def __init__(self) -> None:
        self._running: dict[int, Values] = {}
        self._ended: dict[int, tuple[Values, float | None]] = {}

    @abstractmethod
    def plan(self, ended: list[tuple[Values, float | None]], running: list[Values]) -> Values | None:
        """Return the values of the next run.

        Args:
            ended: The values of each ended run and its metric, None where it failed; ordered by number.
            running: The values of each running one; ordered by number.

        Returns:
            The values; None where running ones decide what comes next, or nothing is left.
        """

    def next(self, number: int) -> Next:  # noqa: ARG002 - planned from what has ended
        """Return the run that the plan asks for next."""
        ended = [self._ended[trial] for trial in sorted(self._ended)]
        values = self.plan(ended, [self._running[trial] for trial in sorted(self._running)])
        if values is not None:
            return StartTrial(values)
        return Wait() if self._running else Done()

    def apply(self, event: Event) -> None:
        """Remember which runs are running, and which have ended with which metric."""
        if isinstance(event, Asked):
            self._running[event.number] = event.values
        elif isinstance(event, Ended):
            metric = None if event.state == "failed" else event.value
            self._ended[event.number] = (self._running.pop(event.number), metric)
