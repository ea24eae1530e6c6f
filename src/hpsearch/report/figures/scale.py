"""The value axis of a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from hpsearch.report.words.numbers import short

LOG_RATIO = 20.0
CURVES_RATIO = 3.0
"""Between the ends of learning curves, from which their axis is logarithmic."""

DIVERGED = 10.0
"""Times the highest value of the leading curve, beyond which the axis ends."""

DENSE_RATIO = 1000.0
OUTLIER_SPREADS = 8.0
MARGIN = 0.06
LARGEST = 1e150
"""The square of it is a number still, and so is the ratio of two ends of an axis."""


@dataclass(frozen=True)
class Scale:
    """The ends of a value axis, whether it is logarithmic, and how many values lie beyond it."""

    low: float
    high: float
    log: bool
    outside: int

    def place(self, value: float) -> float:
        """Move a value that lies beyond the axis to its edge."""
        return min(max(value, self.low), self.high)

    def share(self, value: float) -> float:
        """Tell how far along the axis a value lies, from 0 at its low end to 1 at its high end."""
        low, high, placed = self.low, self.high, self.place(value)
        if low == high:
            return 0.0
        if self.log:
            return math.log(placed / low) / math.log(high / low)
        return (placed - low) / (high - low)

    def around(self, values: Sequence[float]) -> Scale:
        """Move the ends to the outermost of those values that are on the axis."""
        inside = [value for value in values if self.low <= value <= self.high]
        return replace(self, low=min(inside), high=max(inside)) if inside else self

    def apply(self, axes: Axes) -> None:
        """Set the vertical axis of a plot."""
        axes.set_yscale("log" if self.log else "linear")
        axes.set_ylim(*self._padded())
        self._set_ticks(axes.yaxis)

    def apply_across(self, axes: Axes) -> None:
        """Set the horizontal axis of a plot."""
        axes.set_xscale("log" if self.log else "linear")
        axes.set_xlim(*self._padded())
        self._set_ticks(axes.xaxis)

    def _set_ticks(self, axis: Axis) -> None:
        if self.log:
            steps = (1.0, 2.0, 5.0) if self.high / self.low < DENSE_RATIO else (1.0,)
            axis.set_major_locator(LogLocator(subs=steps))
            axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
            axis.set_minor_formatter(NullFormatter())

    def _padded(self) -> tuple[float, float]:
        if self.log:
            factor = (self.high / self.low) ** MARGIN
            return self.low / factor, self.high * factor
        pad = (self.high - self.low) * MARGIN or abs(self.low) * MARGIN or 1.0
        return self.low - pad, self.high + pad


def fit_scale(values: Sequence[float], *, minimize: bool) -> Scale:
    """Fit an axis to finite values: logarithmic over wide positive ranges, else without far outliers.

    An outlier lies on the worse side of the median, farther than eight times the distance of the best.
    """
    inside = [min(max(value, -LARGEST), LARGEST) for value in values]
    low, high = (min(inside), max(inside)) if inside else (0.0, 1.0)
    if low > 0 and high / max(low, 1 / LARGEST) > LOG_RATIO:
        return Scale(max(low, 1 / LARGEST), high, log=True, outside=0)
    limit = _limit(inside, minimize=minimize)
    if limit is not None:
        low, high = (low, min(high, limit)) if minimize else (max(low, limit), high)
    return Scale(low, high, log=False, outside=sum(not low <= value <= high for value in values))


def fit_curves(values: Sequence[float], leader: Sequence[float] = (), *, minimize: bool) -> Scale:
    """Fit an axis to curves.

    A loss that falls to a fraction of itself is shown on a logarithmic axis, so that its end can be read.

    Args:
        values: All values of the curves.
        leader: Those of the best curve; the axis does not follow curves that diverge beyond it.
        minimize: Whether lower values are better.
    """
    low, high = min(values), min(max(values), DIVERGED * max(leader or values))
    if minimize and low > 0 and high > CURVES_RATIO * low:
        return Scale(low, high, log=True, outside=sum(value > high for value in values))
    return fit_scale(values, minimize=minimize)


def _limit(values: Sequence[float], *, minimize: bool) -> float | None:
    if not values:
        return None
    middle = median(values)
    best = min(values) if minimize else max(values)
    spread = middle - best
    return middle + OUTLIER_SPREADS * spread if spread else None
