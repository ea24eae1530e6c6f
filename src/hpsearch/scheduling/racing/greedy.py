"""Which change is made next on the way from the default to the winner."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from hpsearch.scheduling.racing.estimates import Values, failures
from hpsearch.spec.experiments import REPLICATE, Ablation
from hpsearch.spec.space.parameter import Value

Made = frozenset[str]
"""The changes that are made in a configuration of an ablation."""

Run = tuple[Made, int]
"""The changes that are made, and the replicate."""


@dataclass(frozen=True)
class Round:
    """The changes that are made already, those that are tried on top of them, and which of these is taken.

    None is `taken` while runs are missing.
    """

    made: tuple[str, ...]
    tried: tuple[str, ...]
    taken: str | None


@dataclass(frozen=True)
class GreedyPath:
    """Changes in the order of the study file, replicates of each configuration, and which way is better.

    The path begins without any change. In each round every change that is left is made alone on top of the
    others, all of them from the same seeds; the one with the best mean is taken: the ablation path of Fawcett
    and Hoos, Journal of Heuristics 22, 2016. A change that failed from a seed has no mean and is the worst;
    of equal ones the first is taken. A pure function of what has ended, in whatever order it did; runs of
    other replicates, and of configurations that the path does not come by, play no part.
    """

    changes: tuple[str, ...]
    replicates: int
    minimize: bool

    @property
    def configurations(self) -> int:
        """Count the configurations that are trained: the default, and one change less in every round."""
        return 1 + len(self.changes) * (len(self.changes) + 1) // 2

    def next(self, ended: Mapping[Made, Values], under_way: Collection[Run] = ()) -> Run | None:
        """Give the changes and the replicate to train next, or None: finished, or waiting for `under_way`."""
        return next((run for run in self.missing(ended) if run not in under_way), None)

    def missing(self, ended: Mapping[Made, Values]) -> tuple[Run, ...]:
        """List what has not ended of the present round, replicate by replicate; empty when finished."""
        last = self.rounds(ended)[-1]
        return tuple(
            (made, replicate)
            for replicate in range(self.replicates)
            for made in _configurations(last)
            if replicate not in ended.get(made, {})
        )

    def rounds(self, ended: Mapping[Made, Values]) -> tuple[Round, ...]:
        """List the rounds so far; all but the last have ended wholly."""
        found: list[Round] = []
        made: tuple[str, ...] = ()
        while len(made) < len(self.changes):
            found.append(self._round(made, ended))
            taken = found[-1].taken
            if taken is None:
                break
            made = (*made, taken)
        return tuple(found)

    def values(self, ended: Mapping[Made, Values], made: Collection[str]) -> Values:
        """Give the replicates of a configuration that count."""
        own = ended.get(frozenset(made), {})
        return {replicate: own[replicate] for replicate in range(self.replicates) if replicate in own}

    def count(self, ended: Mapping[Made, Values]) -> int:
        """Count the runs that have ended on the path and beside it, as far as it is known."""
        rounds = self.rounds(ended)
        return sum(len(self.values(ended, made)) for one in rounds for made in _configurations(one))

    def _round(self, made: tuple[str, ...], ended: Mapping[Made, Values]) -> Round:
        tried = tuple(change for change in self.changes if change not in made)
        following = Round(made, tried, None)
        whole = all(len(self.values(ended, own)) == self.replicates for own in _configurations(following))
        badness = {change: self._badness(self.values(ended, {*made, change})) for change in tried}
        return Round(made, tried, min(tried, key=badness.__getitem__)) if whole else following

    def _badness(self, values: Values) -> float:
        if failures(values):
            return math.inf
        total = math.fsum(value or 0.0 for value in values.values())
        return total if self.minimize else -total


def _configurations(following: Round) -> tuple[Made, ...]:
    """List the configurations that a round waits for; the first waits for the default as well."""
    tried = tuple(frozenset({*following.made, change}) for change in following.tried)
    return tried if following.made else (frozenset(), *tried)


def path_of(ablation: Ablation) -> GreedyPath:
    """Give the path of an ablation, of which nothing is known yet."""
    minimize = ablation.spec.search.direction == "minimize"
    return GreedyPath(ablation.changes, ablation.replicates, minimize)


def by_changes(
    experiment: Ablation, ended: Iterable[tuple[Mapping[str, Value], float | None]]
) -> dict[Made, Values]:
    """Sort the metrics of runs, given with their values, by the changes that are made and the replicate."""
    found: dict[Made, dict[int, float | None]] = {}
    for values, metric in ended:
        found.setdefault(experiment.made(values), {})[int(values[REPLICATE])] = metric
    return dict(found)
