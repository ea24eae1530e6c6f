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
class AblationRound:
    """The changes that are made already, those that are tried on top of them, and which of these is taken.

    None is `taken` while runs are missing.
    """

    made: tuple[str, ...]
    tried: tuple[str, ...]
    taken: str | None


@dataclass(frozen=True)
class GreedyPath:
    """The greedy ablation path of Fawcett and Hoos, Journal of Heuristics 22, 2016.

    The path begins without any change. In each round every remaining change is tried alone on top of the
    accepted ones, all from the same seeds, and the one with the best mean is accepted. A change that failed
    from a seed has no mean and ranks last; of equal ones the first wins.

    All methods are pure functions of the runs that have ended, in whatever order they did. Other replicates,
    and configurations that are not on the path, are ignored.

    Args:
        changes: The changes, in the order of the study file.
        replicates: How many replicates each configuration has.
        minimize: Whether lower values are better.
    """

    changes: tuple[str, ...]
    replicates: int
    minimize: bool

    @property
    def configurations(self) -> int:
        """Return how many configurations are trained: the default, and one fewer in each round."""
        return 1 + len(self.changes) * (len(self.changes) + 1) // 2

    def next(self, ended: Mapping[Made, Values], under_way: Collection[Run] = ()) -> Run | None:
        """Return the changes and the replicate to train next.

        Args:
            ended: The values of each configuration that has ended runs.
            under_way: The runs that have started and not ended.

        Returns:
            The run, or None if the path is finished or waits for running ones.
        """
        return next((run for run in self.missing(ended) if run not in under_way), None)

    def missing(self, ended: Mapping[Made, Values]) -> tuple[Run, ...]:
        """Return the runs that the current round still needs, by replicate; empty when finished."""
        last = self.rounds(ended)[-1]
        return tuple(
            (made, replicate)
            for replicate in range(self.replicates)
            for made in _configurations(last)
            if replicate not in ended.get(made, {})
        )

    def rounds(self, ended: Mapping[Made, Values]) -> tuple[AblationRound, ...]:
        """Return the rounds so far; all but the last one are complete."""
        found: list[AblationRound] = []
        made: tuple[str, ...] = ()
        while len(made) < len(self.changes):
            found.append(self._round(made, ended))
            taken = found[-1].taken
            if taken is None:
                break
            made = (*made, taken)
        return tuple(found)

    def values(self, ended: Mapping[Made, Values], made: Collection[str]) -> Values:
        """Return the values of a configuration for the replicates that count."""
        own = ended.get(frozenset(made), {})
        return {replicate: own[replicate] for replicate in range(self.replicates) if replicate in own}

    def count(self, ended: Mapping[Made, Values]) -> int:
        """Return how many runs of the rounds so far have ended."""
        rounds = self.rounds(ended)
        return sum(len(self.values(ended, made)) for one in rounds for made in _configurations(one))

    def _round(self, made: tuple[str, ...], ended: Mapping[Made, Values]) -> AblationRound:
        tried = tuple(change for change in self.changes if change not in made)
        following = AblationRound(made, tried, None)
        complete = all(len(self.values(ended, own)) == self.replicates for own in _configurations(following))
        badness = {change: self._badness(self.values(ended, {*made, change})) for change in tried}
        return AblationRound(made, tried, min(tried, key=badness.__getitem__)) if complete else following

    def _badness(self, values: Values) -> float:
        if failures(values):
            return math.inf
        total = math.fsum(value or 0.0 for value in values.values())
        return total if self.minimize else -total


def _configurations(following: AblationRound) -> tuple[Made, ...]:
    """Return the configurations that a round waits for; the first round includes the default."""
    tried = tuple(frozenset({*following.made, change}) for change in following.tried)
    return tried if following.made else (frozenset(), *tried)


def path_of(ablation: Ablation) -> GreedyPath:
    """Return the path of an ablation."""
    minimize = ablation.spec.search.direction == "minimize"
    return GreedyPath(ablation.changes, ablation.replicates, minimize)


def by_changes(
    experiment: Ablation, ended: Iterable[tuple[Mapping[str, Value], float | None]]
) -> dict[Made, Values]:
    """Group the metrics of runs by their changes and replicate.

    Args:
        experiment: The ablation, which knows the changes from the values.
        ended: For each ended run its values and its metric, None where it failed.
    """
    found: dict[Made, dict[int, float | None]] = {}
    for values, metric in ended:
        found.setdefault(experiment.made(values), {})[int(values[REPLICATE])] = metric
    return dict(found)
