"""The scheduler of an ablation: the runs of one round after another of a greedy path."""

from __future__ import annotations

from hpsearch.scheduling.racing.greedy import by_changes, path_of
from hpsearch.scheduling.schedulers.plan import PlanScheduler, Values
from hpsearch.spec.experiments import REPLICATE, Ablation


class AblationScheduler(PlanScheduler):
    """Trains what the path needs to choose its next change."""

    def __init__(self, ablation: Ablation) -> None:
        super().__init__()
        self.ablation, self.path = ablation, path_of(ablation)

    def plan(self, ended: list[tuple[Values, float | None]], running: list[Values]) -> Values | None:
        """Return the next run of the current round."""
        busy = [(self.ablation.made(values), int(values[REPLICATE])) for values in running]
        following = self.path.next(by_changes(self.ablation, ended), busy)
        return None if following is None else self.ablation.values(*following)
