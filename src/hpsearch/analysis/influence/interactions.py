"""Whether two parameters act together otherwise than each by itself.

The H statistic of Friedman and Popescu, Annals of Applied Statistics 2, 2008, section 8.1, squared: the share
of the variance of two parameters' joint partial dependence that the sum of their single ones leaves over. 0
means that they only add up, 1 that neither has an effect but through the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hpsearch.analysis.influence.columns import ParameterColumn
from hpsearch.analysis.influence.effects import few_of
from hpsearch.analysis.influence.forests import Design, Question
from hpsearch.analysis.influence.importance import Importance, interval

PARAMETERS = 3
POINTS = 30
FEWEST_ACTIVE = 20

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Interaction:
    """Two parameters and the share of their joint effect that is neither's own, with its interval.

    Resamples of noise look like a little interaction, so the interval lies high where there is none.
    """

    first: str
    second: str
    share: float
    low: float
    high: float


def pairs_to_judge(columns: Sequence[ParameterColumn], importance: Importance) -> list[tuple[int, int]]:
    """List the pairs of the most important parameters that were active together in enough trials."""
    names = [column.parameter.name for column in columns]
    top = [names.index(row.name) for row in importance.parameters[:PARAMETERS] if row.share]
    return [
        pair
        for pair in combinations(top, 2)
        if (columns[pair[0]].active & columns[pair[1]].active).sum() >= FEWEST_ACTIVE
    ]


def interaction_questions(
    columns: Sequence[ParameterColumn], design: Design, pair: tuple[int, int], random: np.random.Generator
) -> list[Question]:
    """Ask for the joint and both single partial dependences of a pair, at the same points."""
    together = np.flatnonzero(columns[pair[0]].active & columns[pair[1]].active)
    rows = design.rows[few_of(together, random, POINTS)]
    return [Question(rows, place, rows[:, place].astype(float)) for place in (pair, pair[:1], pair[1:])]


def interaction_of(
    columns: Sequence[ParameterColumn], pair: tuple[int, int], answers: Sequence[Numbers]
) -> Interaction:
    """Make an interaction from what the forests answered: three arrays of (resamples, points)."""
    means = [answer.mean(axis=0, keepdims=True) for answer in answers]
    share = h_squared(*means)
    low, high = interval(h_squared(*answers)[:, None], share)
    first, second = (columns[index].parameter.name for index in pair)
    return Interaction(first, second, float(share[0]), float(low[0]), float(high[0]))


def h_squared(joint: Numbers, first: Numbers, second: Numbers) -> Numbers:
    """Return Friedman's squared H statistic of each row; 0 if the pair has no effect at all.

    Args:
        joint: (rows, points) partial dependence on both parameters.
        first: (rows, points) on the first.
        second: (rows, points) on the second.
    """
    joint, first, second = (part - part.mean(axis=1, keepdims=True) for part in (joint, first, second))
    left = ((joint - first - second) ** 2).sum(axis=1)
    whole = (joint**2).sum(axis=1)
    shares = np.divide(left, whole, out=np.zeros_like(left), where=whole > 0)
    return np.asarray(np.minimum(shares, 1.0))
