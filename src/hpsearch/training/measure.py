"""A number over rows with its 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Method = Literal["normal", "wilson", "bootstrap"]

LEVEL = 0.95
RESAMPLES = 500
FEWEST_RESAMPLES = 0.9
"""The share of the resamples on which a scorer must give a number; below it there is no interval."""

LONGEST_NAME = 1_000
"""Letters of the name of a measure."""


@dataclass(frozen=True)
class Measure:
    """A number over rows with its 95 % interval, and how that was found.

    Attributes:
        name: `loss`, `accuracy`, `mae`, a scorer of scikit-learn, or a metric that the study records beside.
        value: None if it is not finite.
        low: The lower end of the interval; None if there is no interval.
        high: Its upper end.
        method: How the interval was computed.
        chance: What a constant prediction of the training rows gives on the same rows; None if not known.

    Raises:
        ValueError: No measure can have this name.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    method: Method
    chance: float | None = None

    def __post_init__(self) -> None:
        if not self.name.isprintable() or not 0 < len(self.name) <= LONGEST_NAME:
            raise ValueError(f"{self.name!r} is no measure")

    @property
    def beats_chance(self) -> bool | None:
        """Return whether the value is better than a constant prediction; None where one is not known."""
        if self.value is None or self.chance is None:
            return None
        lower = self.name in ("loss", "mae") or self.name.endswith(("_loss", "_mae"))
        return self.value < self.chance if lower else self.value > self.chance


def mean_measure(name: str, of_rows: Array, most: float = math.inf) -> Measure:
    """Return the mean with its normal interval, which is not below 0 where no row is."""
    from scipy.stats import norm

    rows = of_rows.astype(np.float64)
    value = _finite(rows.mean())
    if value is None or len(rows) < 2:
        return Measure(name, value, None, None, "normal")
    reach = float(norm.ppf((1 + LEVEL) / 2) * rows.std(ddof=1) / math.sqrt(len(rows)))
    least = 0.0 if rows.min() >= 0 else -math.inf
    return Measure(name, value, max(value - reach, least), min(value + reach, most), "normal")


def accuracy_measure(hits: Array, name: str = "accuracy") -> Measure:
    """Return the share of the rows that are right, with its interval by Wilson."""
    from scipy.stats import binomtest

    found = binomtest(int(hits.sum()), len(hits)).proportion_ci(LEVEL, method="wilson")
    return Measure(name, float(hits.mean()), float(found.low), float(found.high), "wilson")


def resampled_measure(name: str, on: Callable[[Any], float], rows: int, seed: int) -> Measure:
    """Measure all of some rows, with the interval of the bootstrap.

    Args:
        name: Of the measure.
        on: The measure of some rows, by their numbers or a slice; NaN where it is undefined.
        rows: How many there are.
        seed: Draws the resamples.
    """
    value = _finite(on(slice(None)))
    low, high = (None, None) if value is None else _resampled(on, rows, seed)
    return Measure(name, value, low, high, "bootstrap")


def _resampled(on: Callable[[Array], float], rows: int, seed: int) -> tuple[float, float] | tuple[None, None]:
    """Return the percentile interval of the bootstrap (Efron 1979) over rows."""
    generator = np.random.default_rng(seed)
    return percentiles(np.array([on(generator.integers(rows, size=rows)) for _ in range(RESAMPLES)]))


def percentiles(found: Array) -> tuple[float, float] | tuple[None, None]:
    """Return the interval of what resamples gave; none where too few gave a number, or all the same one."""
    finite = found[np.isfinite(found)]
    if len(finite) < FEWEST_RESAMPLES * len(found):
        return None, None
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    # Where every resample gives the same number, as where no row is predicted positive, nothing was learned.
    return (float(low), float(high)) if low < high else (None, None)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
