"""Claims of a comparison, judged by what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hpsearch.analysis.arms.replicates import (
    EPOCHS,
    SECONDS,
    Replicate,
    has_direction,
    is_minimized,
    values_of,
)
from hpsearch.analysis.arms.standing import Order, stand
from hpsearch.scheduling.racing.bounds import bounds_of
from hpsearch.scheduling.racing.estimates import FEWEST_REPLICATES, Estimate, Values, estimate
from hpsearch.spec.sections.compare import Claim

ClaimVerdict = Literal["holds", "does not hold", "cannot tell", "not enough"]

VERDICTS: dict[Order, ClaimVerdict] = {
    "better": "holds",
    "worse": "does not hold",
    "cannot tell": "cannot tell",
    "not enough": "not enough",
}

Ended = Mapping[int, Replicate]
Arms = Mapping[str, Ended]


@dataclass(frozen=True)
class JudgedClaim:
    """A claim with its verdict and the evidence.

    `measured` is the paired difference `arm - than`, or the mean of `arm` where the claim is that it lies
    `between` two numbers; in units of the curve `by`, in epochs, or in seconds an epoch. `failed` counts the
    seeds on which `arm` has no value, because it failed or never reached the target, and `others_failed`
    those of `than`. `obstacle` says why nothing could be measured.
    """

    says: str
    verdict: ClaimVerdict
    arm: str
    than: str | None
    between: tuple[float, float] | None
    by: str
    at: str
    measured: Estimate
    probability: float | None = None
    failed: int = 0
    others_failed: int = 0
    obstacle: str = ""


def judge(claim: Claim, arms: Arms, metric: str, *, target: float | None, alone: bool) -> JudgedClaim:
    """Decide whether the replicates support a claim.

    Args:
        claim: The claim.
        arms: The replicates of each arm that have ended, by its name.
        metric: The metric of the study, by which a claim without `by` is decided.
        target: The validation loss that epochs are counted to; None if there is none.
        alone: Whether each run had the machine to itself; without that nothing is said of seconds.
    """
    by = claim.by or metric
    made = JudgedClaim(
        says=claim.says,
        verdict="cannot tell",
        arm=claim.better or claim.arm or "",
        than=claim.than,
        between=claim.between,
        by=by,
        at="" if by in (EPOCHS, SECONDS) else claim.at,
        measured=estimate({}),
        obstacle=_obstacle(by, [arms[name] for name in claim.arms], target, alone=alone),
    )
    if made.than is not None and not made.obstacle and not has_direction(by):
        made = replace(made, obstacle=f"it is not known whether more of {by} is better; use 'between'")
    if made.obstacle:
        return made
    values = {name: values_of(arms[name], by, claim.at) for name in claim.arms}
    return _by_order(made, values) if made.than is not None else _by_place(made, values)


def _obstacle(by: str, arms: Sequence[Ended], target: float | None, *, alone: bool) -> str:
    """Say why a claim cannot be measured; nothing where it can."""
    if by == EPOCHS:
        return "" if target is not None else "there is no target loss yet"
    if by == SECONDS and not alone:
        return "runs were trained side by side, so their seconds are not those of a single run"
    known = sorted({name for own in arms for one in own.values() for name in one.history})
    return f"no run has a curve {by}; there are {', '.join(known)}" if known and by not in known else ""


def _by_order(claim: JudgedClaim, values: Mapping[str, Values]) -> JudgedClaim:
    found = stand(values[claim.arm], values[claim.than or ""], minimize=is_minimized(claim.by))
    return replace(
        claim,
        verdict=VERDICTS[found.order],
        measured=found.difference.estimate,
        probability=found.difference.probability,
        failed=found.failed,
        others_failed=found.others_failed,
    )


def _by_place(claim: JudgedClaim, values: Mapping[str, Values]) -> JudgedClaim:
    measured = estimate(values[claim.arm], within=bounds_of(claim.by))
    low, high = claim.between or (0.0, 0.0)
    return replace(claim, verdict=_place(measured, low, high), measured=measured, failed=measured.failed)


def _place(measured: Estimate, low: float, high: float) -> ClaimVerdict:
    """Return whether an interval lies inside two numbers; what failed lies nowhere."""
    if measured.count + measured.failed < FEWEST_REPLICATES:
        return "not enough"
    if measured.failed or measured.low is None or measured.high is None:
        return "does not hold"
    if low <= measured.low and measured.high <= high:
        return "holds"
    return "does not hold" if measured.high < low or high < measured.low else "cannot tell"
