"""Estimates from replicates: means with intervals, and paired differences."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from hpsearch.scheduling.racing.bounds import UNBOUNDED, Bounds
from hpsearch.scheduling.racing.spread import Spread

FEWEST_REPLICATES = 3
"""The seeds that it takes to know a spread well enough for an interval, of one configuration or of several.

Student's quantile is 12.7 with 2 seeds, and 4.3, 3.2, 2.8 with the next ones. So the interval of two
replicates reaches 9 deviations to each side, which says nothing, and that of three 2.5.
"""

Values = Mapping[int, float | None]
"""The metric of each replicate of one configuration, by the replicate's number; None where it failed."""


@dataclass(frozen=True)
class Estimate:
    """The mean over seeds with its 95 % interval, in units of the metric.

    Attributes:
        mean: The mean; None if a replicate failed or there is none.
        deviation: The sample standard deviation of single replicates; None with fewer than 2.
        low: The lower end of the interval; None with too few replicates.
        high: The upper end of the interval; None with too few replicates.
        count: The number of replicates that have a value.
        failed: The number of replicates without one.
    """

    mean: float | None
    deviation: float | None
    low: float | None
    high: float | None
    count: int
    failed: int


@dataclass(frozen=True)
class Difference:
    """A paired difference a - b, and the probability that a is better; None where there are too few pairs."""

    estimate: Estimate
    probability: float | None


def estimate(
    values: Values, *, among: Collection[Values] = (), within: Bounds = UNBOUNDED, stretch: float = 1.0
) -> Estimate:
    """Estimate the mean over seeds with Student's t interval.

    With n values, mean m and standard deviation s, the interval is `m ± stretch * t(0.975, n - 1) * s /
    sqrt(n)`. With fewer than `FEWEST_REPLICATES` values the spread comes from `among`, if those have enough
    replicates and the own spread is not significantly wider; else there is no interval.

    Args:
        values: The metric of each replicate. If one failed there is no mean: one over the others would be
            optimistic.
        among: The values of the configurations that were trained along with this one.
        within: The range of the metric, to which the interval is cut. No mean can lie outside, so the
            coverage stays the same. An end that a value lies beyond is none: a loss may be below 0.
        stretch: The factor by which the interval is widened.
    """
    sound, failed = sound_values(values), failures(values)
    if failed or not sound:
        return Estimate(None, None, None, None, len(sound), failed)
    mean = math.fsum(sound.values()) / len(sound)
    deviation = float(np.std(list(sound.values()), ddof=1)) if len(sound) > 1 else None
    reach = _reach(sound, [sound_values(arm) for arm in among])
    if reach is None:
        return Estimate(mean, deviation, None, None, len(sound), 0)
    half, (lowest, highest) = stretch * reach / math.sqrt(len(sound)), within
    low = mean - half if min(sound.values()) < lowest else max(mean - half, lowest)
    high = mean + half if max(sound.values()) > highest else min(mean + half, highest)
    return Estimate(mean, deviation, low, high, len(sound), 0)


def _reach(values: Mapping[int, float], among: Sequence[Mapping[int, float]]) -> float | None:
    alone, others = Spread.of([values]), Spread.of(among, fewest=FEWEST_REPLICATES)
    if len(values) >= FEWEST_REPLICATES:
        return alone.reach
    strange = others.is_exceeded_by(alone.shared, len(values) - 1, usual=others.single)
    return None if strange else others.reach


def failures(values: Values) -> int:
    """Return the number of replicates without a finite value."""
    return len(values) - len(sound_values(values))


def difference(a: Values, b: Values, *, minimize: bool) -> Difference:
    """Compare two configurations on the replicates that both have.

    The probability that a is better is the posterior probability of the mean difference under the reference
    prior, `T(m / (s / sqrt(n)))` with T the distribution function of Student's t with n - 1 degrees of
    freedom, and m and s the mean and standard deviation of the n differences (positive where a is better):
    Benavoli, Corani, Demsar and Zaffalon, JMLR 18(77), 2017, with independent replicates. It equals 1 minus
    the p-value of the one-sided paired t test.

    Args:
        a: The values of one configuration.
        b: The values of the other.
        minimize: Whether lower values are better.

    Returns:
        The estimate of a - b and the probability, which is None with fewer than `FEWEST_REPLICATES` pairs.
    """
    found = estimate({replicate: _minus(a[replicate], b[replicate]) for replicate in a if replicate in b})
    if found.mean is None or found.deviation is None or found.low is None:
        return Difference(found, None)
    better = -found.mean if minimize else found.mean
    error = found.deviation / math.sqrt(found.count)
    return Difference(found, float(stats.t.cdf(t_statistic(better, error), found.count - 1)))


def sound_values(values: Values) -> dict[int, float]:
    """Return the values of the replicates that did not fail."""
    return {n: value for n, value in values.items() if value is not None and math.isfinite(value)}


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def t_statistic(mean: float, error: float) -> float:
    """Return `mean / error`, the t statistic; with an error of 0 it is infinite, or 0 if the mean is 0."""
    if error > 0:
        return mean / error
    return math.copysign(math.inf, mean) if mean else 0.0
