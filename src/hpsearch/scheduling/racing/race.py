"""Which finalist is trained again next, and what the replicates say in the end."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from hpsearch.scheduling.racing.bounds import UNBOUNDED, Bounds, bounds_of
from hpsearch.scheduling.racing.estimates import (
    FEWEST_REPLICATES,
    Difference,
    Estimate,
    Values,
    difference,
    estimate,
    failures,
)
from hpsearch.scheduling.racing.ties import tie_set
from hpsearch.spec import Compare, StudySpec


@dataclass(frozen=True)
class Round:
    """Finalists that are trained with one common replicate, in the order in which they are."""

    replicate: int
    finalists: tuple[str, ...]


@dataclass(frozen=True)
class Race:
    """A race among finalists, which decides who is trained again and when it is over.

    In each round every remaining finalist is trained with the same new seed, so that all differences are
    paired. Who takes part in the next round follows from the earlier ones:

    - a finalist with a failed replicate is out while there is one without;
    - a finalist that is distinguishable from the best (`tie_set`) is out, as in F-race: Birattari, Stuetzle,
      Paquete and Varrentrapp, GECCO 2002;
    - where the budget does not suffice for all, the better half goes on, or as many as can go on to the end:
      sequential halving, Karnin, Koren and Somekh, ICML 2013. The first round takes at most half the budget.

    All methods are pure functions of the runs that have ended, in whatever order they did.

    Attributes:
        finalists: Their names, in the order of the search's ranking.
        limit: The most replicates of a finalist.
        budget: The most runs of the race.
        minimize: Whether lower values are better.
        bounds: The range of the metric.
        everyone: Whether a finalist goes on that cannot win any more: by another objective it may be better.
    """

    finalists: tuple[str, ...]
    limit: int
    budget: int
    minimize: bool
    bounds: Bounds = UNBOUNDED
    everyone: bool = False

    def next(
        self, ended: Mapping[str, Values], under_way: Collection[tuple[str, int]] = ()
    ) -> tuple[str, int] | None:
        """Return the finalist and the replicate to train next.

        Args:
            ended: The values of each finalist that has ended runs.
            under_way: The runs that have started and not ended.

        Returns:
            The run, or None if the race is finished or waits for running ones.
        """
        return next((run for run in self.missing(ended) if run not in under_way), None)

    def missing(self, ended: Mapping[str, Values]) -> tuple[tuple[str, int], ...]:
        """Return the runs that the current round still needs; empty when finished."""
        rounds = self.rounds(ended)[-1:]
        return tuple((name, r.replicate) for r in rounds for name in r.finalists if not _has(ended, name, r))

    def rounds(self, ended: Mapping[str, Values]) -> tuple[Round, ...]:
        """Return the rounds so far; all but the last one are complete."""
        found: list[Round] = []
        taken: dict[str, dict[int, float | None]] = {name: {} for name in self.finalists}
        while following := self._following(taken):
            found.append(following)
            if not all(_has(ended, name, following) for name in following.finalists):
                break
            for name in following.finalists:
                taken[name][following.replicate] = ended[name][following.replicate]
        return tuple(found)

    def results(self, ended: Mapping[str, Values]) -> dict[str, Values]:
        """Return the values from complete rounds, for the finalists that took part in one."""
        rounds = [r for r in self.rounds(ended) if all(_has(ended, name, r) for name in r.finalists)]
        numbers = {name: [r.replicate for r in rounds if name in r.finalists] for name in self.finalists}
        return {name: {n: ended[name][n] for n in numbers[name]} for name in self.finalists if numbers[name]}

    def _following(self, taken: Mapping[str, Values]) -> Round | None:
        left = self.budget - sum(map(len, taken.values()))
        field = _furthest(taken)
        replicate = len(taken[field[0]]) if field else 0
        if not field or replicate >= self.limit or left < 1:
            return None
        able: Sequence[str] = field
        if replicate and not self.everyone:
            able = tie_set({name: taken[name] for name in field}, minimize=self.minimize)
        reach = left // (self.limit - replicate)
        size = max(reach, (len(field) + 1) // 2 if replicate else left // 2, 1)
        return Round(replicate, tuple(able[: min(size, left)]))


@dataclass(frozen=True)
class FinalistStanding:
    """One finalist at the end; `difference` is to the winner, None for the winner itself."""

    name: str
    estimate: Estimate
    difference: Difference | None
    tied: bool


@dataclass(frozen=True)
class RaceConclusion:
    """The declared winner, its score, the finalists with the best first, and the optimism of the search.

    `winner` is None where no finalist is without a failed replicate. `cross_validated_score` comes from
    replicates that did not choose the winner. `optimism` is by how much the best score of the search is
    better than that. `runs` counts what was trained.
    """

    winner: str | None
    cross_validated_score: Estimate
    standings: tuple[FinalistStanding, ...]
    ties: tuple[str, ...]
    optimism: float | None
    runs: int

    @property
    def mean(self) -> Estimate | None:
        """The mean over the winner's own replicates, which is optimistic: they chose it."""
        return next((one.estimate for one in self.standings if one.name == self.winner), None)


def conclude(race: Race, ended: Mapping[str, Values], best_of_search: float) -> RaceConclusion:
    """Declare the winner of a race: the best mean among the finalists that got furthest.

    Args:
        race: The race.
        ended: The values of each finalist; only complete rounds count.
        best_of_search: The best score that the search reported, with which the optimism is measured.
    """
    results = race.results(ended)
    runs = sum(map(len, results.values()))
    last = {name: results[name] for name in _furthest(results)}
    if not last:
        return RaceConclusion(None, estimate({}), _standings(race, results, ()), (), None, runs)
    winner = _best(last, minimize=race.minimize)
    ties = tie_set(results, minimize=race.minimize, leader=winner)
    score = _score(race, last, results, ties)
    optimism = None if score.mean is None else score.mean - best_of_search
    if optimism is not None and not race.minimize:
        optimism = -optimism
    return RaceConclusion(winner, score, _standings(race, results, ties), ties, optimism, runs)


def _score(
    race: Race, last: Mapping[str, Values], results: Mapping[str, Values], ties: Sequence[str]
) -> Estimate:
    """Estimate the winner's score from replicates that did not choose it.

    The mean of the winner's own replicates is optimistic, because they chose it. So each replicate
    contributes the value of the finalist that is the best on the other replicates: leave-one-out
    cross-validation of a maximum, van Hasselt, arXiv:1302.7175, 2013. The estimate is slightly pessimistic,
    because one replicate fewer chooses. Where several finalists are close those values depend on each other,
    and their interval is widened by `sqrt(1 + tested / others)`, after Nadeau and Bengio, Machine Learning
    52, 2003.
    """
    held_out = _held_out(last, results, ties, minimize=race.minimize)
    close = sum(name in last for name in ties) > 1 and len(held_out) >= FEWEST_REPLICATES
    stretch = math.sqrt(1 + len(held_out) / (len(last[ties[0]]) - 1)) if close else 1.0
    return estimate(held_out, among=list(results.values()), within=race.bounds, stretch=stretch)


def _held_out(
    last: Mapping[str, Values], results: Mapping[str, Values], ties: Sequence[str], *, minimize: bool
) -> Values:
    """Return for each replicate the value of the finalist that is the best on the other replicates.

    Rounds before the exit of a finalist that is still tied are left out: their replicates decided who stayed.
    Those after the field was down to one finalist are all fresh.
    """
    replicates = list(next(iter(last.values())))
    if len(replicates) == 1 < len(last):
        return {}
    gone = [results[name] for name in ties if name not in last]
    witnesses = [n for n in replicates if not any(n in values for values in gone)]
    return {n: last[_best(last, minimize=minimize, without=n)][n] for n in witnesses}


def _best(last: Mapping[str, Values], *, minimize: bool, without: int | None = None) -> str:
    """Return the name with the best mean over common replicates; of equal ones the first."""
    totals = {
        name: math.fsum(value or 0.0 for replicate, value in values.items() if replicate != without)
        for name, values in last.items()
    }
    return (min if minimize else max)(totals, key=totals.__getitem__)


def _standings(
    race: Race, results: Mapping[str, Values], ties: Sequence[str]
) -> tuple[FinalistStanding, ...]:
    arms = list(results.values())
    rows = {name: estimate(values, among=arms, within=race.bounds) for name, values in results.items()}
    rest = sorted((name for name in rows if name not in ties), key=lambda name: _badness(rows[name], race))
    return tuple(
        FinalistStanding(name, rows[name], _to_winner(name, results, ties, race), name in ties)
        for name in (*ties, *rest)
    )


def _to_winner(
    name: str, results: Mapping[str, Values], ties: Sequence[str], race: Race
) -> Difference | None:
    if name in ties[:1] or not ties:
        return None
    return difference(results[name], results[ties[0]], minimize=race.minimize)


def _badness(row: Estimate, race: Race) -> float:
    if row.mean is None:
        return math.inf
    return row.mean if race.minimize else -row.mean


def _furthest(results: Mapping[str, Values]) -> tuple[str, ...]:
    """Return the finalists without a failed replicate that have the most replicates, in their order."""
    sound = {name: len(values) for name, values in results.items() if not failures(values)}
    most = max(sound.values(), default=0)
    return tuple(name for name, count in sound.items() if count == most)


def _has(ended: Mapping[str, Values], name: str, expected: Round) -> bool:
    return expected.replicate in ended.get(name, {})


def race_of(spec: StudySpec) -> Race:
    """Return the race of a confirmation, whose arms are the finalists."""
    compare = spec.compare or Compare()
    minimize = spec.search.direction == "minimize"
    bounds = bounds_of(spec.search.first_metric, positive=spec.loss_is_positive)
    everyone = len(spec.search.objectives) > 1
    return Race(tuple(compare.arms), compare.replicates, spec.search.trials, minimize, bounds, everyone)
