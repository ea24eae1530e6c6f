"""Measures with their intervals in words."""

from __future__ import annotations

from hpsearch.report.words.numbers import short
from hpsearch.training.measure import Measure


def measured_words(measure: Measure) -> str:
    """Write a measure with its interval, where it has one."""
    if measure.low is None or measure.high is None:
        return f"{measure.name} {short(measure.value)}"
    return f"{measure.name} {short(measure.value)} ({short(measure.low)} to {short(measure.high)})"


def gain_words(gain: Measure) -> str:
    """Write a gain with its interval, and what it says."""
    if gain.value is None:
        return "not comparable, for a value is not finite,"
    told = f"{short(abs(gain.value))} {'better' if gain.value >= 0 else 'worse'}"
    if gain.low is None or gain.high is None:
        return f"{told} (no interval)"
    unsure = "" if gain.low > 0 or gain.high < 0 else ", which can be chance"
    return f"{told} (gain {short(gain.low)} to {short(gain.high)}{unsure})"
