"""The variance between replicates, pooled over configurations with too few replicates of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95

OUTLYING = 0.01
"""The level at which a spread counts as another one than that of the others."""


@dataclass(frozen=True)
class Spread:
    """Variance components of the two-way layout `value = arm + seed + rest`, without interaction.

    Attributes:
        arms: The number of arms.
        seeds: The number of common seeds.
        shared: The variance of the seeds' means over the arms, in squared units of the metric.
        rest: The residual variance of a single replicate, in squared units of the metric.
    """

    arms: int
    seeds: int
    shared: float
    rest: float

    @classmethod
    def of(cls, arms: Sequence[Mapping[int, float]], *, fewest: int = 0) -> Spread:
        """Estimate the components from the arms and common replicates that leave the most degrees of freedom.

        Args:
            arms: The values of each arm, by replicate.
            fewest: The least number of common replicates.
        """
        enough = [some for some in arms if len(some) >= fewest]
        tables = [[[arm[n] for n in some] for arm in arms if arm.keys() >= some.keys()] for some in enough]
        if not tables:
            return cls(arms=0, seeds=0, shared=0.0, rest=0.0)
        table = _alike(np.array(max(tables, key=_freedom)))
        left = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
        shared = float(table.mean(axis=0).var(ddof=1)) if table.shape[1] > 1 else 0.0
        rest = float((left**2).sum()) / max(1, _freedom(table)[0])
        return cls(table.shape[0], table.shape[1], shared, rest)

    @property
    def freedom(self) -> int:
        """Return the degrees of freedom of `rest`, (arms - 1)(seeds - 1)."""
        return max(0, self.arms - 1) * max(0, self.seeds - 1)

    @property
    def single(self) -> float:
        """Return the variance over seeds of a single replicate of a typical arm."""
        return self.shared + self.rest * (1 - 1 / max(1, self.arms))

    @property
    def reach(self) -> float | None:
        """Return half the width of the 95 % interval for a single replicate; None with a single seed.

        Arms that share their seeds do not vary independently: n seeds leave n - 1 degrees of freedom for the
        effect of the seed, and k arms (k - 1)(n - 1) for the rest. The squares of the two half-widths add up:
        Howe, JASA 69, 1974. In simulations that covers 95 to 99 %, where one t with Satterthwaite's degrees
        of freedom falls to 89 % with 2 seeds whose effect dominates. With one arm it is Student's t interval.
        """
        if self.seeds < 2:
            return None
        shared = _quantile(self.seeds - 1) * math.sqrt(self.shared)
        return math.hypot(shared, _quantile(self.freedom) * math.sqrt(self.single - self.shared))

    def is_exceeded_by(self, variance: float, freedom: int, *, usual: float) -> bool:
        """Return whether a variance is larger than the usual one, by the F test at level `OUTLYING`.

        Args:
            variance: The variance in question.
            freedom: Its degrees of freedom.
            usual: The variance of these arms, or of a difference between two of them.
        """
        known = self.freedom or self.seeds - 1
        if known < 1 or not freedom:
            return False
        return variance > usual * float(stats.f.isf(OUTLYING, freedom, known))


def _freedom(table: Sequence[Sequence[float]] | np.ndarray) -> tuple[int, int]:
    return (len(table) - 1) * (len(table[0]) - 1), len(table[0])


def _alike(table: np.ndarray) -> np.ndarray:
    """Return the table without arms that spread far more than the others: Cochran's C test, as in ISO 5725-2.

    One finalist that diverged from one seed would otherwise hide all differences between the others. The
    effects of the seeds are taken as medians over the arms, so that they do not carry its deviation.

    Args:
        table: (arms, seeds) values.
    """
    while len(table) > 2 and table.shape[1] > 1:
        apart = table - table.mean(axis=1, keepdims=True)
        spreads = ((apart - np.median(apart, axis=0)) ** 2).sum(axis=1)
        k, freedom = len(table), table.shape[1] - 1
        ratio = stats.f.isf(OUTLYING / k, freedom, (k - 1) * freedom)
        if spreads.max() * (k - 1) <= ratio * (spreads.sum() - spreads.max()):
            break
        table = np.delete(table, spreads.argmax(), axis=0)
    return table


def _quantile(freedom: int) -> float:
    return float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) if freedom else 0.0
