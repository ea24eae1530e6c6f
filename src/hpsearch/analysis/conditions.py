"""Conditions on one parameter, and for which trials each of them holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hpsearch.analysis.influence.columns import ParameterColumn
from hpsearch.spec import Numeric
from hpsearch.spec.space.parameter import Value

MOST_THRESHOLDS = 30

Relation = Literal["is", "above", "at most"]
Truth = NDArray[np.bool_]
Numbers = NDArray[np.float64]
Score = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]
"""Scores regions by how many trials lie inside, and how many of these are marked."""


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
class Candidate:
    """A condition on a column, and for which trials it holds."""

    column: ParameterColumn
    condition: Condition
    truth: Truth


def conditions_on(column: ParameterColumn, marked: Truth) -> list[Candidate]:
    """List the conditions on a parameter that may tell marked trials from others."""
    name = column.parameter.name
    if not isinstance(column.parameter.distribution, Numeric):
        return [
            Candidate(column, Condition(name, "is", option), column.numbers == index)
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


def _edges(column: ParameterColumn, chosen: Truth, marked: Truth) -> _Edges:
    """Find the neighbours among some trials that are not all marked, or all unmarked, together."""
    numbers, inverse = np.unique(column.numbers[chosen], return_inverse=True)
    totals = np.bincount(inverse, minlength=len(numbers)).astype(float)
    hits = np.bincount(inverse, marked[chosen], minlength=len(numbers))
    pure = (hits[:-1] * totals[1:] == hits[1:] * totals[:-1]) & np.isin(hits[:-1] / totals[:-1], (0, 1))
    above = totals.sum() - np.cumsum(totals)[:-1]
    marked_above = hits.sum() - np.cumsum(hits)[:-1]
    return _Edges(numbers[:-1][~pure], numbers[1:][~pure], above[~pure], marked_above[~pure])


def _at(column: ParameterColumn, relation: Relation, low: float, high: float) -> Candidate:
    """Make the condition whose threshold parts two numbers."""
    value, number = _between(column, low, high)
    above = np.nan_to_num(column.numbers, nan=-np.inf) > number
    truth = above if relation == "above" else column.active & ~above
    return Candidate(column, Condition(column.parameter.name, relation, value), truth)


def _between(column: ParameterColumn, low: float, high: float) -> tuple[float, float]:
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


def sharpened(candidate: Candidate, others: Truth, marked: Truth, score: Score) -> Candidate:
    """Move a threshold to where it scores best among some trials, those of its other conditions."""
    column, relation = candidate.column, candidate.condition.relation
    if relation == "is":
        return candidate
    chosen = column.active & others
    edges = _edges(column, chosen, marked)
    if not len(edges.lows):
        return candidate
    if relation == "above":
        inside, hits = edges.above, edges.marked_above
    else:
        inside, hits = chosen.sum() - edges.above, (chosen & marked).sum() - edges.marked_above
    best = int(np.argmax(score(inside, hits)))
    return _at(column, relation, edges.lows[best], edges.highs[best])
