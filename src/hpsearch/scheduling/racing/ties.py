"""The tie set: the configurations that cannot be distinguished from the best one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from hpsearch.scheduling.racing.estimates import Values, failures, sound_values, t_statistic
from hpsearch.scheduling.racing.spread import CONFIDENCE, Spread


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
    sound = {name: sound_values(values) for name, values in arms.items() if values and not failures(values)}
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
    ratio = t_statistic(math.fsum(lead) / len(lead), math.sqrt(max(own, usual) / len(lead)))
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
