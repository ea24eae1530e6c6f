"""One arm of a comparison, in numbers over its replicates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from hpsearch.analysis.arms.bands import Band, band_of
from hpsearch.analysis.arms.replicates import EPOCHS, SECONDS, Replicate, values_of
from hpsearch.analysis.arms.standing import Standing, stand
from hpsearch.analysis.ranking import WHERE_GIVEN
from hpsearch.scheduling.racing.bounds import bounds_of
from hpsearch.scheduling.racing.estimates import Estimate, Values, estimate
from hpsearch.spec.space.arms import Arm
from hpsearch.spec.space.parameter import Value
from hpsearch.store.record import StudyRecord

Ended = Mapping[int, Replicate]
"""The replicates of one arm that are over, by their number."""


@dataclass(frozen=True)
class ArmResult:
    """An arm in numbers, over its replicates that are over.

    `best` and `final` estimate the metric at the best and at the last epoch. `to_target` estimates the epochs
    to the target loss; it has a mean where every replicate reached it, and `median_to_target` is there where
    more than half did. `seconds_per_epoch` is None unless each run had the machine to itself. `standing` is
    how the arm stands to the baseline, None for the baseline itself. `tied` tells whether the arm cannot be
    told apart from the best. `further` estimates the metrics beside the study's own at the best epoch.
    """

    name: str
    values: Mapping[str, Value]
    best: Estimate
    final: Estimate
    standing: Standing | None
    tied: bool
    to_target: Estimate
    median_to_target: float | None
    seconds_per_epoch: Estimate | None
    validation: Band
    training: Band
    replicates: tuple[Replicate, ...]
    further: Mapping[str, Estimate] = field(default_factory=dict, metadata=WHERE_GIVEN)

    @property
    def ended(self) -> int:
        """Count the replicates that are over, failed ones among them."""
        return len(self.replicates)


def arm_result(
    record: StudyRecord, arm: Arm, own: Ended, baseline: Values | None, *, tied: bool
) -> ArmResult:
    """Compute the numbers of an arm.

    Args:
        record: The comparison.
        arm: The arm.
        own: Its replicates that have ended.
        baseline: The values of the baseline; None if the arm is the baseline.
        tied: Whether it cannot be distinguished from the best arm.
    """
    best, reached = bests(own), values_of(own, EPOCHS, "best")
    within = bounds_of(record.metric, positive=record.spec.loss_is_positive)
    return ArmResult(
        name=arm.name,
        values=dict(arm.values),
        best=estimate(best, within=within),
        final=estimate({number: one.final for number, one in own.items()}, within=within),
        standing=None if baseline is None else stand(best, baseline, minimize=record.minimize),
        tied=tied,
        to_target=estimate(reached, within=bounds_of(EPOCHS)),
        median_to_target=_median([epoch for epoch in reached.values() if epoch is not None], len(own)),
        seconds_per_epoch=_pace(record, own),
        validation=band_of(record.metric, own.values()),
        training=band_of(counterpart(record.metric), own.values()),
        replicates=tuple(own.values()),
        further={name: estimate(values_of(own, name, "best")) for name in record.spec.search.further},
    )


def bests(replicates: Ended) -> Values:
    """Return the metric at the best epoch of each replicate."""
    return {number: one.best for number, one in replicates.items()}


def counterpart(metric: str) -> str:
    """Name the curve of the training set that belongs to a metric; the loss where there is no other."""
    return metric.removeprefix("val_") if metric.startswith("val_") else "loss"


def trained_alone(record: StudyRecord) -> bool:
    """Return whether each run had the machine to itself: one worker, nothing side by side."""
    return record.decisions.workers == 1 and record.decisions.width == 1


def _median(reached: list[float], runs: int) -> float | None:
    """Return the median over all runs, of which those that never reached the target count as the longest."""
    if 2 * len(reached) <= runs:
        return None
    return median([*reached, *[max(reached)] * (runs - len(reached))])


def _pace(record: StudyRecord, replicates: Ended) -> Estimate | None:
    """Estimate the seconds of an epoch; None where runs shared the machine, or nothing is over."""
    paces = {number: one.seconds_per_epoch for number, one in replicates.items() if not one.failed}
    return estimate(paces, within=bounds_of(SECONDS)) if trained_alone(record) and paces else None
