"""Where a model is better or worse than elsewhere: its rows by the values of each column of a table."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.data.encoding import Column, Encoding
from hpsearch.training.measure import Measure, accuracy_measure, mean_measure

Array = NDArray[Any]

FEWEST_ROWS = 20
"""Rows that a slice has at least, and that lie outside it."""

FEW_VALUES = 10
"""Up to so many different numbers of a column are a slice each; more are cut at their quartiles."""

MOST_COLUMNS = 200
"""Of more columns nothing is looked at."""

MOST_TOLD = 8
WAVES = (" sin", " cos")
"""The ends of the names of parts of a date that are no values of a calendar."""

QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Mistake:
    """The most frequent mistake of some rows: the true class, what it is taken for, and how often."""

    true: str
    guess: str
    times: int


@dataclass(frozen=True)
class Slice:
    """Rows with a value of a column.

    Attributes:
        column: The name of the column.
        values: Which values they have.
        rows: How many there are.
        measure: Their accuracy with the interval of Wilson, or their mean absolute error with the normal one.
        difference: To the measure of all other rows.
        p: How likely a difference of this size is by chance, by the exact test of Fisher or the t-test of
            Welch, corrected for all slices that were looked at (Holm 1979).
        mistake: The most frequent one; None where there is none, and for a regression.
        residual: The mean of predicted minus true values; None for a classification.
    """

    column: str
    values: str
    rows: int
    measure: Measure
    difference: float
    p: float
    mistake: Mistake | None = None
    residual: Measure | None = None


@dataclass(frozen=True)
class Slices:
    """The slices that differ most from the other rows, the surest first.

    Attributes:
        found: The slices.
        looked_at: How many were looked at.
        whole: The measure of all rows.
    """

    found: tuple[Slice, ...]
    looked_at: int
    whole: Measure


@dataclass(frozen=True, eq=False)
class Cut:
    """Some rows: (n,) bool, by what they have in common."""

    column: str
    values: str
    rows: Array


class Guesses:
    """Guessed classes beside the true ones: (n,) int each, and the names of the classes."""

    def __init__(self, y: Array, guesses: Array, labels: Sequence[str]) -> None:
        self.y, self.guesses, self.labels = y.astype(np.int64), guesses, labels
        self.hits = self.guesses == self.y

    def measure(self, rows: Any = slice(None)) -> Measure:
        """Return the accuracy of some rows."""
        return accuracy_measure(self.hits[rows])

    def chance(self, rows: Array) -> float:
        """Return how likely it is that some rows differ so much from the others by chance."""
        from scipy.stats import fisher_exact

        parts = self.hits[rows], self.hits[~rows]
        return float(fisher_exact([[part.sum(), (~part).sum()] for part in parts]).pvalue)

    def told(self, cut: Cut, one: Slice) -> Slice:
        """Return a slice with its most frequent mistake."""
        wrong = cut.rows & ~self.hits
        pairs = self.y[wrong] * len(self.labels) + self.guesses[wrong]
        if not len(pairs):
            return one
        found, counts = np.unique(pairs, return_counts=True)
        true, guess = divmod(int(found[counts.argmax()]), len(self.labels))
        return replace(one, mistake=Mistake(self.labels[true], self.labels[guess], int(counts.max())))


class Errors:
    """Predicted minus true numbers: (n,)."""

    def __init__(self, residuals: Array) -> None:
        self.residuals, self.sizes = residuals, np.abs(residuals)

    def measure(self, rows: Any = slice(None)) -> Measure:
        """Return the mean absolute error of some rows."""
        return mean_measure("mae", self.sizes[rows])

    def chance(self, rows: Array) -> float:
        """Return how likely it is that some rows differ so much from the others by chance."""
        from scipy.stats import ttest_ind

        parts = self.sizes[rows], self.sizes[~rows]
        if not any(np.ptp(part) for part in parts):
            return 1.0
        return float(ttest_ind(*parts, equal_var=False).pvalue)

    def told(self, cut: Cut, one: Slice) -> Slice:
        """Return a slice with its mean residual."""
        return replace(one, residual=mean_measure("residual", self.residuals[cut.rows]))


def find_slices(encoding: Encoding, x: Array, judged: Guesses | Errors) -> Slices | None:
    """Find the slices of rows in which a model differs most from all others.

    Args:
        encoding: What the columns of the table became.
        x: (n, features) raw rows.
        judged: What came of them.

    Returns:
        None where there is nothing to look at.
    """
    if len(encoding.columns) > MOST_COLUMNS:
        return None
    chances: list[float] = []

    def tried() -> Iterator[tuple[int, Cut]]:
        for cut in cuts_of(encoding, x):
            if FEWEST_ROWS <= int(cut.rows.sum()) <= len(x) - FEWEST_ROWS:
                chances.append(judged.chance(cut.rows))
                yield len(chances) - 1, cut

    # Of many cuts only a few are held at a time: each is as long as the table.
    first = heapq.nsmallest(MOST_TOLD, tried(), key=lambda one: chances[one[0]])
    if not first:
        return None
    corrected = holm(chances)
    found = tuple(judged.told(cut, _slice(cut, judged, corrected[place])) for place, cut in first)
    return Slices(found, len(chances), judged.measure())


def _slice(cut: Cut, judged: Guesses | Errors, p: float) -> Slice:
    own, others = judged.measure(cut.rows), judged.measure(~cut.rows)
    difference = (own.value or 0.0) - (others.value or 0.0)
    return Slice(cut.column, cut.values, int(cut.rows.sum()), own, difference, p)


def holm(chances: Sequence[float]) -> list[float]:
    """Correct p values for their number, by the step-down method of Holm 1979."""
    order = np.argsort(chances, kind="stable")
    steps = np.array(chances)[order] * np.arange(len(chances), 0, -1)
    corrected = np.empty(len(chances))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected.tolist()


def cuts_of(encoding: Encoding, x: Array) -> Iterator[Cut]:
    """Iterate over the rows (n, features) with each category, each of a few numbers, or between quartiles.

    Of a column with two values only the rarer one is a cut: the other one is all other rows.
    """
    place = 0
    for column in encoding.columns:
        given = x[:, place : place + column.width]
        place += column.width
        if column.kind == "text" or (column.view is not None and column.view.part.endswith(WAVES)):
            continue
        names, which = _values(column, given)
        counts = np.bincount(which + 1, minlength=len(names) + 1)[1:]
        chosen = np.flatnonzero(counts)
        if len(chosen) == 2 and counts.sum() == len(x):
            chosen = chosen[[counts[chosen].argmin()]]
        for value in chosen:
            yield Cut(column.name, names[value], which == value)


def _values(column: Column, given: Array) -> tuple[list[str], Array]:
    """Return the names of values of a column, and which of them each row has: (n,) int, -1 for none."""
    if column.categories:
        return list(column.categories), np.where(given.any(axis=1), given.argmax(axis=1), -1)
    numbers = given[:, 0]
    distinct, which = np.unique(numbers, return_inverse=True)
    if len(distinct) <= FEW_VALUES:
        return [_value(column, number) for number in distinct.tolist()], which
    ends = np.unique(np.quantile(numbers, QUARTILES, method="nearest"))
    which = np.searchsorted(ends, numbers, side="left")
    parts = (numbers[which == part] for part in range(len(ends) + 1))
    return [f"{part.min():.5g} to {part.max():.5g}" if len(part) else "" for part in parts], which


def _value(column: Column, number: float) -> str:
    """Write a value as people do: where it is no number, whether it holds."""
    return ("yes" if number > 1 / 2 else "no") if column.binary else f"{number:.6g}"
