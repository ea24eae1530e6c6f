"""Estimates from replicates: means with intervals, paired differences, and the set of ties."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from hpsearch.scheduling.racing.bounds import UNBOUNDED, Bounds
from hpsearch.scheduling.racing.spread import CONFIDENCE, Spread

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
            coverage stays the same.
        stretch: The factor by which the interval is widened.
    """
    sound, failed = _sound(values), failures(values)
    if failed or not sound:
        return Estimate(None, None, None, None, len(sound), failed)
    mean = math.fsum(sound.values()) / len(sound)
    deviation = float(np.std(list(sound.values()), ddof=1)) if len(sound) > 1 else None
    reach = _reach(sound, [_sound(arm) for arm in among])
    if reach is None:
        return Estimate(mean, deviation, None, None, len(sound), 0)
    half, (lowest, highest) = stretch * reach / math.sqrt(len(sound)), within
    return Estimate(mean, deviation, max(mean - half, lowest), min(mean + half, highest), len(sound), 0)


def _reach(values: Mapping[int, float], among: Sequence[Mapping[int, float]]) -> float | None:
    alone, others = Spread.of([values]), Spread.of(among, fewest=FEWEST_REPLICATES)
    if len(values) >= FEWEST_REPLICATES:
        return alone.reach
    strange = others.is_exceeded_by(alone.shared, len(values) - 1, usual=others.single)
    return None if strange else others.reach


def failures(values: Values) -> int:
    """Return the number of replicates without a finite value."""
    return len(values) - len(_sound(values))


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
    return Difference(found, float(stats.t.cdf(_ratio(better, error), found.count - 1)))


def tie_set(arms: Mapping[str, Values], *, minimize: bool, leader: str | None = None) -> tuple[str, ...]:
    """Return the configurations that cannot be distinguished from the best one.

    Multiple comparisons with the best (Hsu, Annals of Statistics 12, 1984): the set contains the truly best
    arm in at least 95 % of all studies. Each of the k - 1 other arms is compared with the leader on their
    common replicates, by a one-sided t test at Sidak's level `1 - 0.95 ** (1 / (k - 1))`.

    Args:
        arms: The values of each arm, by its name. An arm with failures is worse than any without.
        minimize: Whether lower values are better.
        leader: The arm to compare with; by default the one with the best mean, adjusted for which replicates
            each arm has.

    Returns:
        The names, the leader first and the others from the best to the worst; empty if every arm has
        failures.
    """
    sign = -1.0 if minimize else 1.0
    sound = {name: _sound(values) for name, values in arms.items() if values and not failures(values)}
    if not sound:
        return ()
    effects = dict(zip(sound, _effects(list(sound.values())), strict=True))
    order = sorted(sound, key=lambda name: (name != leader, -sign * effects[name]))
    spread, best = Spread.of(list(sound.values())), sound[order[0]]
    level = 1 - CONFIDENCE ** (1 / max(1, len(sound) - 1))
    return (order[0], *(n for n in order[1:] if _tail(best, sound[n], sign=sign, spread=spread) > level))


def _tail(best: Mapping[int, float], arm: Mapping[int, float], *, sign: float, spread: Spread) -> float:
    """Return the p-value of the one-sided test that `best` is better than `arm`.

    The statistic is the mean lead divided by its standard error. The variance is pooled over all arms,
    because 3 differences leave 2 degrees of freedom, with which a test of ten arms has almost no power. A
    pair whose own variance is larger is tested with that one, and with its own degrees of freedom if it is
    significantly larger: otherwise an arm with a wide spread would be excluded too often.
    """
    lead = [sign * (best[n] - arm[n]) for n in best if n in arm]
    if not lead or not spread.freedom:
        return 1.0
    own = float(np.var(lead, ddof=1)) if len(lead) > 1 else 0.0
    usual = 2 * spread.rest
    strange = spread.is_exceeded_by(own, len(lead) - 1, usual=usual)
    ratio = _ratio(math.fsum(lead) / len(lead), math.sqrt(max(own, usual) / len(lead)))
    return float(stats.t.sf(ratio, len(lead) - 1 if strange else spread.freedom))


def _effects(arms: Sequence[Mapping[int, float]]) -> list[float]:
    """Return the arms' means, adjusted for their replicates: the least-squares fit of arm + replicate.

    Where all arms have the same replicates, the plain means are returned: there is nothing to adjust, and
    equal means would differ in the last bit. So they are where arms are not connected by common replicates.
    """
    means = [math.fsum(arm.values()) / len(arm) for arm in arms]
    columns = sorted({replicate for arm in arms for replicate in arm})
    if all(len(arm) == len(columns) for arm in arms):
        return means
    cells = [(row, columns.index(n), arm[n]) for row, arm in enumerate(arms) for n in arm]
    rows, places, values = (np.array(part) for part in zip(*cells, strict=True))
    design = np.hstack([np.eye(len(arms))[rows], np.eye(len(columns))[places]])
    fitted, _, rank, _ = np.linalg.lstsq(design, values - values.mean())
    return means if rank < design.shape[1] - 1 else fitted[: len(arms)].tolist()


def _sound(values: Values) -> dict[int, float]:
    return {n: value for n, value in values.items() if value is not None and math.isfinite(value)}


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _ratio(mean: float, error: float) -> float:
    """Return `mean / error`, the t statistic; with an error of 0 it is infinite, or 0 if the mean is 0."""
    if error > 0:
        return mean / error
    return math.copysign(math.inf, mean) if mean else 0.0
