"""In which region of the search space trials of one kind lie, such as the failures, as a short rule.

Every rule of one or two conditions is tried, with the thresholds at which the kind of neighbouring values
changes: no others can be best (Fayyad and Irani, Machine Learning 8, 1992). The best by the F1 score of its
precision and coverage is given, if it is hardly an accident: the probability that as many marked trials fall
into a region of its size by chance (the hypergeometric tail, Fisher's exact test), times the number of rules
tried, is below 1 %.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from hpsearch.analysis.influence.columns import Column, columns_of
from hpsearch.search_space import Value
from hpsearch.spec import Numeric
from hpsearch.store.record import StudyRecord, TrialRecord

FEWEST_MARKED = 5
LEAST_PRECISION = 0.7
LEAST_COVERAGE = 0.5
CHANCE = 0.01
SIMPLER = 0.03
"""A rule of one condition is preferred to one of two whose F1 score is better by no more than this."""

MOST_THRESHOLDS = 30

Relation = Literal["is", "above", "at most"]
Truth = NDArray[np.bool_]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Condition:
    """One condition on a parameter; where the parameter is not active it does not hold."""

    parameter: str
    relation: Relation
    value: Value

    def __str__(self) -> str:
        if self.relation == "is":
            return f"{self.parameter} {self.value}"
        return f"{self.parameter} {'>' if self.relation == 'above' else '≤'} {self.value:.12g}"


@dataclass(frozen=True)
class Rule:
    """A region, and how well it tells the marked trials from the others.

    `marked` counts the marked trials, `inside` the trials in the region, `hits` the marked ones in it.
    """

    conditions: tuple[Condition, ...]
    marked: int
    inside: int
    hits: int

    @property
    def precision(self) -> float:
        """Give the share of the trials in the region that are marked."""
        return self.hits / self.inside

    @property
    def coverage(self) -> float:
        """Give the share of the marked trials that lie in the region."""
        return self.hits / self.marked

    def told(self, plural: str = "failures", verb: str = "failed") -> str:
        """Write the rule as a sentence."""
        where = " and ".join(map(str, self.conditions))
        share = f"{100 * self.coverage:.0f} % of the {plural} have"
        return f"{share} {where} ({self.hits:,} of {self.inside:,} such trials {verb})."


def has_failed(trial: TrialRecord) -> bool:
    """Tell whether a trial failed."""
    return trial.state == "failed"


def find_rule(record: StudyRecord, marks: Callable[[TrialRecord], bool] = has_failed) -> Rule | None:
    """Find the region of those finished trials that `marks` marks; None where there is no clear one."""
    trials = [trial for trial in record.trials if trial.state != "running"]
    marked = np.array([bool(marks(trial)) for trial in trials])
    if marked.sum() < FEWEST_MARKED or marked.all():
        return None
    columns = columns_of(record.parameters, trials)
    found = [candidate for column in columns for candidate in _conditions(column, marked)]
    return _rule(found, marked) if found else None


@dataclass(frozen=True)
class _Candidate:
    """A condition on a column, and for which trials it holds."""

    column: Column
    condition: Condition
    truth: Truth


def _conditions(column: Column, marked: Truth) -> list[_Candidate]:
    name = column.parameter.name
    if not isinstance(column.parameter.distribution, Numeric):
        return [
            _Candidate(column, Condition(name, "is", option), column.numbers == index)
            for index, option in enumerate(column.parameter.options)
            if (column.numbers == index).any()
        ]
    edges = _edges(column, column.active, marked)
    places = {round(place) for place in np.linspace(0, len(edges.lows) - 1, MOST_THRESHOLDS)}
    return [
        _at(column, relation, edges.lows[place], edges.highs[place])
        for place in sorted(places)
        if 0 <= place < len(edges.lows)
        for relation in ("above", "at most")
    ]


@dataclass(frozen=True)
class _Edges:
    """Neighbouring numbers of a column between which a threshold may stand, and what lies above each."""

    lows: Numbers
    highs: Numbers
    above: Numbers
    marked_above: Numbers


def _edges(column: Column, chosen: Truth, marked: Truth) -> _Edges:
    """Find the neighbours among some trials that are not all marked, or all unmarked, together."""
    numbers, inverse = np.unique(column.numbers[chosen], return_inverse=True)
    totals = np.bincount(inverse, minlength=len(numbers)).astype(float)
    hits = np.bincount(inverse, marked[chosen], minlength=len(numbers))
    pure = (hits[:-1] * totals[1:] == hits[1:] * totals[:-1]) & np.isin(hits[:-1] / totals[:-1], (0, 1))
    above = totals.sum() - np.cumsum(totals)[:-1]
    marked_above = hits.sum() - np.cumsum(hits)[:-1]
    return _Edges(numbers[:-1][~pure], numbers[1:][~pure], above[~pure], marked_above[~pure])


def _at(column: Column, relation: Relation, low: float, high: float) -> _Candidate:
    """Make the condition whose threshold parts two numbers."""
    value, number = _between(column, low, high)
    above = np.nan_to_num(column.numbers, nan=-np.inf) > number
    truth = above if relation == "above" else column.active & ~above
    return _Candidate(column, Condition(column.parameter.name, relation, value), truth)


def _between(column: Column, low: float, high: float) -> tuple[float, float]:
    """Find the value with the fewest digits that parts two numbers, and its number: low <= number < high."""
    distribution = column.parameter.distribution
    log = isinstance(distribution, Numeric) and distribution.log
    middle = float(np.exp((low + high) / 2)) if log else (low + high) / 2
    for digits in range(16):
        value = float(f"{middle:.{digits}e}")
        number = float(np.log(value)) if log else value
        if low <= number < high:
            return value, number
    return middle, (low + high) / 2


def _rule(candidates: Sequence[_Candidate], marked: Truth) -> Rule | None:
    """Give the best rule of one condition or of two, if it is good enough and hardly an accident."""
    first, second = _best(np.array([candidate.truth for candidate in candidates]), marked)
    single = first == second
    chosen = [candidates[index] for index in ((first,) if single else sorted((first, second)))]
    for _ in chosen:
        chosen = [*chosen[1:], _sharpened(chosen[0], [other.truth for other in chosen[1:]], marked)]
    region = np.logical_and.reduce([each.truth for each in chosen])
    inside, hits, total = int(region.sum()), int((region & marked).sum()), int(marked.sum())
    if hits < max(LEAST_PRECISION * inside, LEAST_COVERAGE * total, 1):
        return None
    tried = len(candidates) if single else len(candidates) ** 2 / 2
    if tried * _chance(inside, hits, total, len(marked)) > CHANCE:
        return None
    return Rule(tuple(each.condition for each in chosen), marked=total, inside=inside, hits=hits)


def _best(truths: Truth, marked: Truth) -> tuple[int, int]:
    """Find the two conditions, or twice the one, with the best score."""
    weights = truths.astype(np.float32)
    inside = weights @ weights.T
    hits = (weights * marked.astype(np.float32)) @ weights.T
    score = _f1(inside, hits, int(marked.sum()))
    single = int(np.argmax(np.diag(score)))
    first, second = divmod(int(np.argmax(score)), len(truths))
    if score[first, second] > score[single, single] + SIMPLER:
        return first, second
    return single, single


def _f1(inside: NDArray[Any], hits: NDArray[Any], total: int) -> NDArray[Any]:
    return np.asarray(2 * hits / (inside + total))


def _sharpened(candidate: _Candidate, others: Sequence[Truth], marked: Truth) -> _Candidate:
    """Move a threshold to where it is best among the trials for which the other conditions hold."""
    column, relation = candidate.column, candidate.condition.relation
    if relation == "is":
        return candidate
    chosen = np.logical_and.reduce([column.active, *others])
    edges = _edges(column, chosen, marked)
    if not len(edges.lows):
        return candidate
    if relation == "above":
        inside, hits = edges.above, edges.marked_above
    else:
        inside, hits = chosen.sum() - edges.above, (chosen & marked).sum() - edges.marked_above
    best = int(np.argmax(_f1(inside, hits, int(marked.sum()))))
    return _at(column, relation, edges.lows[best], edges.highs[best])


def _chance(inside: int, hits: int, marked: int, trials: int) -> float:
    """Give the probability of at least so many marked trials in a region of this size."""
    return float(hypergeom.sf(hits - 1, trials, marked, inside))
