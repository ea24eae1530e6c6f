"""The probability of the second of two classes from which on it is guessed, and what choosing it gains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hpsearch.training.measure import RESAMPLES, Measure, percentiles

Array = NDArray[Any]

HALF = 0.5
"""The threshold where none was chosen, as Keras counts accuracy."""

TOLD = ("accuracy", "balanced_accuracy", "f1", "precision", "recall")
"""Scores that are told at a threshold, beside the one by which it was chosen."""

ALIKE = 1e-12
"""Scores nearer to each other than this are equal but for rounding."""


@dataclass(frozen=True)
class Threshold:
    """A threshold on the probability of the second class, and the validation rows that chose it.

    Attributes:
        scorer: The scorer of scikit-learn by which it is the best one.
        value: The second class is guessed where its probability is above this.
        score: The score at the threshold; optimistic, because the same rows chose it.
        score_at_half: The score on these rows at one half.
        rows: Their number.

    Raises:
        ValueError: `value` is not between 0 and 1.
    """

    scorer: str
    value: float
    score: float
    score_at_half: float
    rows: int

    def __post_init__(self) -> None:
        if not 0 <= self.value <= 1:
            raise ValueError(f"{self.value} is no threshold")


@dataclass(frozen=True)
class Decided:
    """A score of guesses at a threshold and at one half, on rows that chose neither, and the difference."""

    at_threshold: Measure
    at_half: Measure
    gain: Measure


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts of rows of two classes, each an array of one shape: guessed right and wrong, by the guess."""

    tp: Array
    fp: Array
    fn: Array
    tn: Array

    @classmethod
    def above(cls, thresholds: Array, said: Array, true: Array) -> Self:
        """Count rows at thresholds, by the probability of the second class and whether it is true."""
        tp, fp = (
            len(rows) - np.searchsorted(np.sort(rows), thresholds, side="right").astype(np.float64)
            for rows in (said[true], said[~true])
        )
        return cls(tp, fp, true.sum() - tp, (~true).sum() - fp)

    @property
    def swapped(self) -> Counts:
        """Return the same counts with the first class in the place of the second."""
        return Counts(self.tn, self.fn, self.fp, self.tp)


def _ratio(part: Array, whole: Array) -> Array:
    """Divide, with 0 where there is nothing to divide by, as scikit-learn's scorers do."""
    known: Array = np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)
    return known


def _recall(of: Counts) -> Array:
    return _ratio(of.tp, of.tp + of.fn)


def _f1(of: Counts) -> Array:
    return _ratio(2 * of.tp, 2 * of.tp + of.fp + of.fn)


def _balanced(of: Counts) -> Array:
    classes = (of.tp + of.fn > 0).astype(np.float64) + (of.tn + of.fp > 0)
    return (_recall(of) + _recall(of.swapped)) / classes


def _f1_macro(of: Counts) -> Array:
    classes = (of.tp + of.fp + of.fn > 0).astype(np.float64) + (of.tn + of.fp + of.fn > 0)
    return (_f1(of) + _f1(of.swapped)) / classes


def _f1_weighted(of: Counts) -> Array:
    second, first = of.tp + of.fn, of.tn + of.fp
    mean: Array = (second * _f1(of) + first * _f1(of.swapped)) / (second + first)
    return mean


def _matthews(of: Counts) -> Array:
    squared = (of.tp + of.fp) * (of.tp + of.fn) * (of.tn + of.fp) * (of.tn + of.fn)
    return _ratio(of.tp * of.tn - of.fp * of.fn, np.sqrt(squared))


FORMULAS: Mapping[str, Callable[[Counts], Array]] = {
    "accuracy": lambda of: (of.tp + of.tn) / (of.tp + of.fp + of.fn + of.tn),
    "balanced_accuracy": _balanced,
    "f1": _f1,
    "f1_macro": _f1_macro,
    "f1_weighted": _f1_weighted,
    "jaccard": lambda of: _ratio(of.tp, of.tp + of.fp + of.fn),
    "matthews_corrcoef": _matthews,
    "precision": lambda of: _ratio(of.tp, of.tp + of.fp),
    "recall": _recall,
}
"""What scikit-learn's scorers of guesses are of counts, by their names."""


def choose_threshold(scorer: str, y: Array, given: Array) -> Threshold | None:
    """Choose the threshold with the best score: one half, or halfway between neighbouring probabilities.

    Of thresholds with equal scores it is the one nearest to one half.

    Args:
        scorer: One of `FORMULAS`.
        y: (n,) classes, 0 or 1.
        given: (n, 1) probabilities of the second class.

    Returns:
        None where a probability is not finite, or all rows are of one class.
    """
    said, true = given[:, 0].astype(np.float64), y == 1
    if not np.isfinite(said).all() or true.all() or not true.any():
        return None
    distinct = np.unique(said)
    candidates = np.append((distinct[1:] + distinct[:-1]) / 2, HALF)
    scores = FORMULAS[scorer](Counts.above(candidates, said, true))
    best = np.flatnonzero(scores >= scores.max() - ALIKE)
    chosen = best[np.argmin(np.abs(candidates[best] - HALF))]
    return Threshold(scorer, float(candidates[chosen]), float(scores[chosen]), float(scores[-1]), len(y))


def judge_threshold(threshold: Threshold, y: Array, given: Array, seed: int) -> Iterator[Decided]:
    """Measure guesses at a threshold and at one half; nothing where a probability is not finite.

    Args:
        threshold: The threshold.
        y: (n,) classes of rows that did not choose it.
        given: (n, 1) probabilities of the second class.
        seed: Draws the resamples of the rows.
    """
    said = given[:, 0].astype(np.float64)
    if not len(y) or not np.isfinite(said).all():
        return
    # A bootstrap over rows draws how many of them fall in each of these cells.
    cells = np.bincount(4 * (y == 1) + 2 * (said > threshold.value) + (said > HALF), minlength=8)
    drawn = np.random.default_rng(seed).multinomial(len(y), cells / len(y), size=RESAMPLES)
    counted = np.vstack([cells, drawn]).reshape(-1, 2, 2, 2)
    for name in dict.fromkeys((threshold.scorer, *TOLD)):
        chosen, half = (FORMULAS[name](_counts(counted.sum(axis=axis))) for axis in (3, 2))
        yield Decided(*(_measure(name, found) for found in (chosen, half, chosen - half)))


def _counts(counted: Array) -> Counts:
    """Return counts from (..., true class, guess)."""
    known = counted.astype(np.float64)
    return Counts(known[:, 1, 1], known[:, 0, 1], known[:, 1, 0], known[:, 0, 0])


def _measure(name: str, found: Array) -> Measure:
    """Return the first number, with the interval of the others."""
    low, high = percentiles(found[1:])
    return Measure(name, float(found[0]), low, high, "bootstrap")
