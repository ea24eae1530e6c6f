"""A curve of an arm: the mean over its replicates and the 95 % interval of the mean, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hpsearch.analysis.arms.replicates import Replicate
from hpsearch.scheduling.racing.bounds import Bounds, bounds_of
from hpsearch.scheduling.racing.estimates import Estimate, estimate
from hpsearch.store.record import Curve, finite


@dataclass(frozen=True)
class Band:
    """The curve `name` by epoch, from the first, over the replicates that were still training.

    `counts` says how many those were. Replicates that failed are not in it: their mean would end where they
    did.
    """

    name: str
    mean: Curve
    low: Curve
    high: Curve
    counts: tuple[int, ...]

    @property
    def common(self) -> int:
        """Count the epochs that every replicate has."""
        return self.counts.count(self.counts[0]) if self.counts else 0


def band_of(name: str, replicates: Iterable[Replicate]) -> Band:
    """Average a curve over the replicates that did not fail."""
    curves = [one.history.get(name, ()) for one in replicates if not one.failed]
    points = [_at(curves, epoch, bounds_of(name)) for epoch in range(max(map(len, curves), default=0))]
    return Band(
        name,
        mean=tuple(point.mean for point in points),
        low=tuple(point.low for point in points),
        high=tuple(point.high for point in points),
        counts=tuple(point.count + point.failed for point in points),
    )


def _at(curves: list[Curve], epoch: int, bounds: Bounds) -> Estimate:
    there = [curve[epoch] for curve in curves if len(curve) > epoch]
    values = {n: None if value is None else finite(value) for n, value in enumerate(there)}
    return estimate(values, within=bounds)
