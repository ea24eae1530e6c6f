"""What the confirmation of a search trains: how many of its finalists, and in how many runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil
from statistics import fmean

from hpsearch.scheduling.conclusion.verdict import name_of
from hpsearch.scheduling.earlier_trials import spread
from hpsearch.scheduling.racing.race import Race
from hpsearch.spec import Configuration
from hpsearch.store.record import StudyRecord, TrialRecord

FEWEST_RUNS = 2
"""With fewer nothing is known that the search did not know."""


@dataclass(frozen=True)
class ConfirmationPlan:
    """How a search is confirmed.

    `finalists` counts the best trials, at most the `asked` ones; `wanted` the runs that all their replicates
    take, and `runs` those at most that are trained: where there is a `share`, it pays for no more, of the
    `epochs` of the search, and `enough` would pay for all. `first` counts the finalists of the first round:
    the others get no replicate.
    """

    asked: int
    finalists: int
    replicates: int
    wanted: int
    runs: int
    first: int
    share: float | None
    enough: float | None
    epochs: int

    @property
    def possible(self) -> bool:
        """Return whether it is worth the while."""
        return self.runs >= FEWEST_RUNS

    @property
    def limited(self) -> bool:
        """Return whether the share pays for less than was asked for."""
        return self.runs < self.wanted


def finalists_of(record: StudyRecord) -> list[TrialRecord]:
    """List the best trials, of each configuration one, as many as are confirmed at most.

    Of several objectives these are members of the Pareto front, from one end of it to the other.
    """
    most = record.spec.confirm.finalists
    if len(record.spec.search.objectives) > 1:
        return list(spread([*_distinct(record.front)], most))
    return list(islice(_distinct(record.ranking), most))


def _distinct(trials: Iterable[TrialRecord]) -> Iterator[TrialRecord]:
    """Iterate over the trials, of each configuration the first."""
    seen: set[Configuration] = set()
    for trial in trials:
        if trial.configuration not in seen:
            seen.add(trial.configuration)
            yield trial


def plan_confirmation(record: StudyRecord) -> ConfirmationPlan:
    """Plan the confirmation of a search as it stands."""
    rules = record.spec.confirm
    finalists = finalists_of(record)
    wanted = runs = len(finalists) * rules.replicates
    spent = sum(trial.epochs for trial in record.trials)
    enough = None
    if finalists and rules.share is not None and spent:
        each = fmean(trial.epochs for trial in finalists)
        runs = min(runs, int(rules.share * spent / each))
        enough = ceil(10 * wanted * each / spent) / 10
    race = Race(tuple(map(name_of, finalists)), rules.replicates, runs, record.minimize)
    first = sum(len(found.finalists) for found in race.rounds({}))
    return ConfirmationPlan(
        asked=rules.finalists,
        finalists=len(finalists),
        replicates=rules.replicates,
        wanted=wanted,
        runs=runs,
        first=first,
        share=rules.share,
        enough=enough,
        epochs=spent,
    )
