"""The scheduler of a confirmation: a race among the finalists decides which one gets the next replicate."""

from __future__ import annotations

from hpsearch.scheduling.racing.race import race_of
from hpsearch.scheduling.schedulers.plan import PlanScheduler, Values
from hpsearch.spec.experiments import ARM, REPLICATE, Confirmation


class RaceScheduler(PlanScheduler):
    """Trains the finalists that can still win."""

    def __init__(self, confirmation: Confirmation) -> None:
        super().__init__()
        self.race = race_of(confirmation.spec)

    def plan(self, ended: list[tuple[Values, float | None]], running: list[Values]) -> Values | None:
        """Return the finalist and the replicate that the race asks for."""
        known: dict[str, dict[int, float | None]] = {name: {} for name in self.race.finalists}
        for values, metric in ended:
            known[str(values[ARM])][int(values[REPLICATE])] = metric
        busy = [(str(values[ARM]), int(values[REPLICATE])) for values in running]
        following = self.race.next(known, busy)
        return None if following is None else dict(zip((ARM, REPLICATE), following, strict=True))
