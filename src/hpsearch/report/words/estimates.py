"""Estimates as people read them: as many digits as their intervals justify."""

from __future__ import annotations

import math

from hpsearch.report.words.numbers import DASH, four_digits, short
from hpsearch.scheduling.racing.estimates import Estimate

MOST_DECIMALS = 6
MOST_DIGITS = 5


def mean_text(estimate: Estimate) -> str:
    """Write a mean to two digits of its interval's half width; an en dash where there is none."""
    return DASH if estimate.mean is None else _text(estimate.mean, estimate)


def interval_text(estimate: Estimate) -> str:
    """Write an interval: `0.355 to 0.389`; an en dash where there is none."""
    if estimate.low is None or estimate.high is None:
        return DASH
    return f"{_text(estimate.low, estimate)} to {_text(estimate.high, estimate)}"


def with_interval(estimate: Estimate) -> str:
    """Write a mean with its interval: `0.372 (95 % interval 0.355 to 0.389)`."""
    interval = interval_text(estimate)
    return mean_text(estimate) + ("" if interval == DASH else f" (95 % interval {interval})")


def half_text(estimate: Estimate) -> str:
    """Write a mean with half of its interval: `0.372 \N{PLUS-MINUS SIGN}0.017`.

    Where a bound of the metric cuts one side off, it is written with both ends.
    """
    if estimate.low is None or estimate.high is None:
        return mean_text(estimate)
    half, decimals = (estimate.high - estimate.low) / 2, _decimals(estimate)
    if estimate.mean is not None and not math.isclose(
        estimate.low + half, estimate.mean, abs_tol=1e-6 * half
    ):
        return f"{mean_text(estimate)} ({interval_text(estimate)})"
    if decimals is None or half < 10.0**-decimals:
        return f"{mean_text(estimate)} \N{PLUS-MINUS SIGN}{short(float(f'{half:.2g}'))}"
    return f"{mean_text(estimate)} \N{PLUS-MINUS SIGN}{half:.{decimals}f}"


def _text(value: float, estimate: Estimate) -> str:
    """Write one number of an estimate; all of them have the same decimals."""
    decimals = _decimals(estimate)
    return short(float(value)) if decimals is None else f"{value:.{decimals}f}"


def _decimals(estimate: Estimate) -> int | None:
    """Count the decimals that an estimate is worth, for at most five digits of its mean.

    None without an interval, and where the numbers are too large or too small for plain decimals.
    """
    if estimate.mean is None or estimate.low is None or estimate.high is None:
        return None
    half, size = (estimate.high - estimate.low) / 2, abs(estimate.mean)
    if not half or size >= 10**MOST_DECIMALS:
        return None
    decimals = 1 - math.floor(math.log10(half))
    if size > half:
        decimals = min(decimals, MOST_DIGITS - 1 - math.floor(math.log10(size)))
    return max(decimals, 0) if decimals <= MOST_DECIMALS else None


def three_digits(value: float) -> str:
    """Write a number with three significant digits, zeros among them: `0.370`."""
    if value and not 1e-3 <= abs(value) < 1e4:
        return four_digits(float(f"{value:.3g}"))
    return f"{value:#.3g}".rstrip(".") if abs(value) < 1e3 else f"{value:.0f}"
