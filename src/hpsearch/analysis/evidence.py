"""What replicates say of the configurations that were trained again: estimates, differences, ties."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

FEWEST_REPLICATES = 3
"""With 2, the interval of a configuration on its own reaches 9 deviations to each side, and says nothing."""

CONFIDENCE = 0.95

Values = Mapping[int, float | None]
"""The metric of each replicate of one configuration, by the replicate's number; None where it failed."""


@dataclass(frozen=True)
class Estimate:
    """The mean over seeds with its 95 % interval, in units of the metric.

    `mean` is None where a replicate failed or there is none; `deviation`, that of single replicates, with
    fewer than 2; `low` and `high` where there are not enough replicates to say. `count` counts the replicates
    that have a value.
    """

    mean: float | None
    deviation: float | None
    low: float | None
    high: float | None
    count: int
    failed: int


@dataclass(frozen=True)
class Difference:
    """A paired difference a - b, and the probability that a is better; None where pairs are not enough."""

    estimate: Estimate
    probability: float | None


def estimate(values: Values, *, among: Collection[Values] = ()) -> Estimate:
    """Estimate the mean over seeds: Student's t interval, n - 1 degrees of freedom.

    A replicate that failed has no value to average, and a mean over the others would flatter: there is none.
    Fewer than `FEWEST_REPLICATES` take the deviation for the interval from the configurations `among` which
    they were trained, assuming that single replicates spread alike; without any there is no interval.
    """
    sound = _sound(values)
    failed = len(values) - len(sound)
    if failed or not sound:
        return Estimate(None, None, None, None, len(sound), failed)
    numbers = list(sound.values())
    mean = float(np.mean(numbers))
    deviation = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
    if deviation is not None and len(numbers) >= FEWEST_REPLICATES:
        spread, freedom = deviation, float(len(numbers) - 1)
    else:
        spread, freedom = _pooled_deviation([_sound(arm) for arm in among])
    if not freedom:
        return Estimate(mean, deviation, None, None, len(numbers), 0)
    half = spread / math.sqrt(len(numbers)) * float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom))
    return Estimate(mean, deviation, mean - half, mean + half, len(numbers), 0)


def difference(a: Values, b: Values, *, minimize: bool) -> Difference:
    """Compare two configurations on the replicates that both have.

    The probability is that of the posterior of the mean difference under the reference prior, Student's t
    with n - 1 degrees of freedom: Benavoli, Corani, Demsar and Zaffalon, JMLR 18(77), 2017, with independent
    replicates. It equals 1 minus the p-value of the one-sided paired t test.
    """
    found = estimate({replicate: _minus(a[replicate], b[replicate]) for replicate in a if replicate in b})
    if found.mean is None or found.deviation is None or found.low is None:
        return Difference(found, None)
    better = -found.mean if minimize else found.mean
    error = found.deviation / math.sqrt(found.count)
    return Difference(found, float(stats.t.cdf(_ratio(better, error), found.count - 1)))


def tie_set(arms: Mapping[str, Values], *, minimize: bool, leader: str | None = None) -> tuple[str, ...]:
    """List the configurations that cannot be told apart from the best, the best first.

    Multiple comparisons with the best (Hsu, Annals of Statistics 12, 1984): the set is made to hold the truly
    best arm in at least 95 % of all studies. Each arm is compared with the leader (by default the best mean,
    adjusted for the replicates that an arm has) on their common replicates, by a one-sided t test at Sidak's
    level for all of them together. An arm with failures is worse than any without; with none without, the set
    is empty.
    """
    sign = -1.0 if minimize else 1.0
    sound = {name: values for name, values in arms.items() if estimate(values).mean is not None}
    if not sound:
        return ()
    names = list(sound)
    layout = _Layout.of([_sound(values) for values in sound.values()], sign)
    order = sorted(range(len(names)), key=lambda arm: (names[arm] != leader, -layout.effects[arm]))
    return tuple(names[arm] for arm in order if layout.may_beat(arm, order[0]))


@dataclass(frozen=True)
class _Layout:
    """Arms x replicates, larger is better, NaN where not trained; and their least-squares fit."""

    table: np.ndarray
    effects: np.ndarray
    variance: float
    freedom: int

    @classmethod
    def of(cls, arms: Sequence[Mapping[int, float]], sign: float) -> _Layout:
        columns = sorted({replicate for values in arms for replicate in values})
        table = np.full((len(arms), len(columns)), np.nan)
        for row, values in enumerate(arms):
            table[row, [columns.index(replicate) for replicate in values]] = list(values.values())
        return cls(sign * table, *_two_way(sign * table))

    def may_beat(self, arm: int, leader: int) -> bool:
        """Tell whether an arm may be as good as the leader.

        The variance is pooled over all arms, because 3 differences leave 2 degrees of freedom, and a test of
        ten arms with those finds nothing. A pair that varies more than that is judged by its own variance,
        because under the pooled one an arm with a wide spread would be excluded too often.
        """
        lead = self.table[leader] - self.table[arm]
        lead = lead[~np.isnan(lead)]
        if arm == leader or not self.freedom or not lead.size:
            return True
        own = float(lead.var(ddof=1)) if lead.size > 1 else 0.0
        error = math.sqrt(max(own, 2 * self.variance) / lead.size)
        level = 1 - CONFIDENCE ** (1 / (len(self.table) - 1))
        return bool(stats.t.sf(_ratio(float(lead.mean()), error), self.freedom) > level)


def _two_way(table: np.ndarray) -> tuple[np.ndarray, float, int]:
    """Fit arm + replicate: the arms' effects, the variance that is left, its degrees of freedom.

    Arms that share no replicates, not even through others, are known by their plain means.
    """
    rows, columns = np.nonzero(~np.isnan(table))
    design = np.hstack([np.eye(table.shape[0])[rows], np.eye(table.shape[1])[columns]])
    shift = np.nanmean(table)
    observed = table[rows, columns] - shift
    fitted, _, rank, _ = np.linalg.lstsq(design, observed)
    if rank < sum(table.shape) - 1:
        return np.nanmean(table, axis=1), 0.0, 0
    freedom = len(observed) - int(rank)
    residual = observed - design @ fitted
    return fitted[: table.shape[0]], float(residual @ residual) / freedom if freedom else 0.0, freedom


def _pooled_deviation(arms: Sequence[Mapping[int, float]]) -> tuple[float, float]:
    """Give the root mean variance of single replicates within the arms, and its degrees of freedom.

    Arms that share their seeds do not vary independently: n seeds leave n - 1 degrees of freedom where the
    seed decides everything, and those of all arms together where it decides nothing. In between:
    Satterthwaite, Biometrics Bulletin 2, 1946, with the share of the seed estimated from the two-way layout.
    """
    arms = [values for values in arms if len(values) > 1]
    if not arms:
        return 0.0, 0.0
    layout = _Layout.of(arms, 1.0)
    rows, columns = np.nonzero(~np.isnan(layout.table))
    same_arm = rows[:, None] == rows
    centre = np.eye(len(rows)) - same_arm / same_arm.sum(axis=0)
    within = centre @ layout.table[rows, columns]
    variance = float(within @ within) / float(np.trace(centre))
    seed = max(0.0, variance - layout.variance) if layout.freedom else variance
    spread = centre @ (seed * (columns[:, None] == columns) + (variance - seed) * np.eye(len(rows)))
    freedom = np.trace(spread) ** 2 / np.trace(spread @ spread) if variance else np.trace(centre)
    return math.sqrt(variance), float(freedom)


def _sound(values: Values) -> dict[int, float]:
    return {n: value for n, value in values.items() if value is not None and math.isfinite(value)}


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _ratio(mean: float, error: float) -> float:
    """Divide as the t statistic does; differences that never vary decide at once, unless they are 0."""
    if error > 0:
        return mean / error
    return math.copysign(math.inf, mean) if mean else 0.0
