"""Searches with a formula in place of training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hpsearch.scheduling.interface import StartTrial
from hpsearch.scheduling.schedulers import SearchScheduler
from hpsearch.spec import StudySpec
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.store.events import Asked, Ended, Event

Objective = Callable[[dict[str, Any]], float]


def searched(spec: StudySpec, objective: Objective, trials: int, *, rebuilt: bool = False) -> list[Event]:
    """Search, and return the log; `rebuilt`, the scheduler is made anew from the log for each trial."""
    scheduler, log = SearchScheduler(SearchExperiment(spec), 100), list[Event]()
    for number in range(trials):
        following = scheduler.next(number)
        assert isinstance(following, StartTrial)
        value = objective(following.values)
        log += [Asked(number, following.values), Ended(number, "complete", value, 1, 1, 0.0, None)]
        if rebuilt:
            scheduler = SearchScheduler(SearchExperiment(spec), 100)
        for event in log if rebuilt else log[-2:]:
            scheduler.apply(event)
    return log
