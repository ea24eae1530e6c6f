"""Ensemble selection: whose predictions are averaged, and what halves of the rows choose for each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Preprocessing
from hpsearch.training.evaluation import Evaluation
from hpsearch.training.measure import Measure
from hpsearch.training.threshold import Threshold

Array = NDArray[Any]
ValueOn = Callable[[Array, Array], float]
"""What predictions are worth on some rows: the numbers of the rows, and the predictions for them."""

HALVES = 2


@dataclass(frozen=True)
class Selection:
    """The members that were chosen.

    Attributes:
        picks: The place of each member among the candidates, in the order in which they were chosen.
        values: What the mean of the members was worth after each choice; longer than `picks` where later ones
            made it worse.
    """

    picks: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def counts(self) -> dict[int, int]:
        """Return how often each candidate was chosen, the most frequent first."""
        counted = {place: self.picks.count(place) for place in self.picks}
        return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))

    def mean_of(self, candidates: Array) -> Array:
        """Return the mean predictions of the members: (n, units) of (candidates, n, units)."""
        shares = np.bincount(self.picks, minlength=len(candidates)) / len(self.picks)
        mean: Array = np.tensordot(shares, candidates.astype(np.float64), axes=1)
        return mean


@dataclass(frozen=True)
class Ensemble:
    """The trials of a search that were joined to one model.

    Attributes:
        weights: The SHA-256 of the model's weights.
        picks: The trials and how often each counts, the most frequent first.
        values: The metric on the validation rows after each choice, later ones that made it worse included.
        gain: By how much it is better than the best single trial on validation rows that chose neither.
        preprocessing: What applies the model to new rows.
        evaluation: On the test part; None where that was not looked at.
        test_gain: By how much it is better than the winner there.
        threshold: What tells two classes apart, chosen by the same rows as the members; None for one half.

    Raises:
        ValueError: No trial was joined.
    """

    weights: str
    picks: tuple[tuple[int, int], ...]
    values: tuple[float, ...]
    gain: Measure
    preprocessing: Preprocessing
    evaluation: Evaluation | None = None
    test_gain: Measure | None = None
    threshold: Threshold | None = field(default=None, metadata={"where_given": True})

    def __post_init__(self) -> None:
        if not self.picks or min(count for _, count in self.picks) < 1:
            raise ValueError("no trial was joined")

    @property
    def size(self) -> int:
        """Count the members, each trial as often as it counts."""
        return sum(count for _, count in self.picks)


@dataclass(frozen=True, eq=False)
class Selector:
    """Chooses members with replacement, each the one with which the mean is worth most.

    Caruana et al. 2004, Ensemble Selection from Libraries of Models.

    Attributes:
        value_on: What predictions are worth; a number that is not finite is worse than any other.
        members: The largest size. Of all sizes the best one is kept, of equal ones the smallest.
        minimize: Whether lower is better.
    """

    value_on: ValueOn
    members: int
    minimize: bool

    def __call__(self, candidates: Array, rows: Array) -> Selection:
        """Choose by some rows.

        Args:
            candidates: (candidates, n, units) predictions for all rows, the best candidate first.
            rows: The numbers of the rows that choose.
        """
        known = candidates[:, rows].astype(np.float64)
        total, picks, costs = np.zeros_like(known[0]), list[int](), list[float]()
        for size in range(1, self.members + 1):
            found = [self._cost(rows, (total + one) / size) for one in known]
            best = int(np.argmin(found))
            total += known[best]
            picks.append(best)
            costs.append(found[best])
        kept = int(np.argmin(costs)) + 1
        return Selection(tuple(picks[:kept]), tuple(cost if self.minimize else -cost for cost in costs))

    def _cost(self, rows: Array, given: Array) -> float:
        value = self.value_on(rows, given)
        if not np.isfinite(value):
            return float("inf")
        return value if self.minimize else -value

    def crossed(self, candidates: Array, seed: int) -> tuple[Array, Array]:
        """Predict each half of the rows by what the other half chooses.

        Args:
            candidates: (candidates, n, units) predictions, the best candidate first.
            seed: Draws the halves.

        Returns:
            Two (n, units): the predictions of the ensembles, and those of the single best candidates, which
            the same rows chose.
        """
        joined = np.empty(candidates.shape[1:], np.float64)
        single = np.empty_like(joined)
        drawn = np.random.default_rng(seed).permutation(candidates.shape[1])
        for half in range(HALVES):
            chosen = self(candidates, np.sort(drawn[half::HALVES]))
            others = np.sort(drawn[1 - half :: HALVES])
            joined[others] = chosen.mean_of(candidates[:, others])
            single[others] = candidates[chosen.picks[0], others]
        return joined, single
