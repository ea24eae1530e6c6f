"""Which of two arms is better, where the interval of their paired difference decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hpsearch.scheduling.racing.estimates import FEWEST_REPLICATES, Difference, Values, difference

Order = Literal["better", "worse", "cannot tell", "not enough"]


@dataclass(frozen=True)
class Standing:
    """How an arm stands to another: their paired difference on common seeds, and what it says.

    `failed` and `others_failed` count the common seeds on which the one and the other have no value.
    """

    difference: Difference
    order: Order
    failed: int
    others_failed: int


def stand(arm: Values, other: Values, *, minimize: bool) -> Standing:
    """Compare an arm with another on their common seeds.

    They are distinguishable if the 95 % interval of the paired difference excludes 0. An arm that failed on a
    seed is worse than one that did not. Fewer than `FEWEST_REPLICATES` common seeds are not enough.

    Args:
        arm: The values of the arm by replicate; None where it failed.
        other: Those of the other arm.
        minimize: Whether lower values are better.
    """
    common = [replicate for replicate in arm if replicate in other]
    failed = sum(arm[replicate] is None for replicate in common)
    others = sum(other[replicate] is None for replicate in common)
    found = difference(arm, other, minimize=minimize)
    if len(common) < FEWEST_REPLICATES:
        order: Order = "not enough"
    elif failed or others:
        order = _by_failures(failed, others)
    else:
        order = _by_interval(found, minimize=minimize)
    return Standing(found, order, failed, others)


def _by_failures(failed: int, others: int) -> Order:
    if failed and others:
        return "cannot tell"
    return "worse" if failed else "better"


def _by_interval(found: Difference, *, minimize: bool) -> Order:
    low, high = found.estimate.low, found.estimate.high
    if low is None or high is None:
        return "not enough"
    if low <= 0 <= high:
        return "cannot tell"
    return "better" if (high < 0) == minimize else "worse"
