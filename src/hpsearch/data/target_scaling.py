"""The transform of regression targets that networks are trained on, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hpsearch.data.types import Array
from hpsearch.exceptions import DataError
from hpsearch.spec import Component

NUMBERS = ("centre", "deviation", "unit", "exponent", "low", "high")

BEYOND = 1.0
"""How far outputs may lie beyond the training targets where a power is taken back, in ranges of the
transformed targets: what an exponential makes of more is soon infinite."""

NO_POWER = 1e-6
"""Exponents that are closer to 0, or to 2, are taken for it: there a power is a logarithm."""


@dataclass(frozen=True, eq=False)
class TargetScaling:
    """A transform of targets, `(power(target) - centre) / deviation`, column by column.

    Attributes:
        centre: (targets,) float64, the mean of the powers of the training targets.
        deviation: (targets,) float64, their deviation (of the population); 1 where they are constant.
        unit: (targets,) float64, the deviation of the training targets themselves.
        exponent: (targets,) float64, that of the power of Yeo and Johnson, which at 0 is the logarithm of
            1 + target; None where targets are taken as they are.
        low: (targets,) float64, the least transformed target that an output stands for; None without limits.
        high: The largest one.
    """

    centre: Array
    deviation: Array
    unit: Array
    exponent: Array | None = None
    low: Array | None = None
    high: Array | None = None

    def numbers(self) -> dict[str, Array]:
        """Return the arrays by their names, (targets,) float32, as programs take them."""
        known = ((name, getattr(self, name)) for name in NUMBERS)
        return {name: value.astype(np.float32) for name, value in known if value is not None}

    def fed(self, numbers: Mapping[str, Any]) -> TargetScaling:
        """Return the transform with other numbers, which may be traced."""
        return replace(self, **numbers)

    def told(self) -> Any:
        """Return plain values that part two transforms."""
        return {name: value.tolist() for name, value in self.numbers().items()}

    def of(self, columns: slice) -> TargetScaling:
        """Return the transform of some of the targets."""
        known = {name: getattr(self, name) for name in NUMBERS}
        return replace(self, **{name: value[columns] for name, value in known.items() if value is not None})

    def apply(self, y: Array) -> Array:
        """Transform targets.

        Args:
            y: (n,) or (n, targets).

        Returns:
            float32 of the same shape, computed in float64.
        """
        powers = _powers(_columns(y), self.exponent)
        return ((powers - self.centre) / self.deviation).astype(np.float32).reshape(y.shape)


def fit_target_scaling(
    transform: Component | None, y: Array, columns: Array | None = None, *, clamp: bool = False
) -> TargetScaling | None:
    """Fit a transform on the targets of training rows.

    Args:
        transform: That of the study file.
        y: (n,) or (n, targets), 0 or more for a logarithm.
        columns: (targets,) bool, which are transformed; by default all.
        clamp: Whether outputs are kept within the range of these targets.

    Returns:
        None where targets stay as they are.
    """
    if transform is None or transform.name == "none" or not (columns is None or columns.any()):
        return None
    flat = _columns(y)
    kept = np.zeros(flat.shape[1], bool) if columns is None else ~columns
    exponent = _exponents(transform, flat, kept)
    powers = _powers(flat, exponent)
    centre = np.where(kept, 0.0, powers.mean(axis=0))
    deviation, unit = (np.where(kept, 1.0, _deviation(values)) for values in (powers, flat))
    low, high = _limits(powers, exponent, clamp=clamp)
    limits = [None if one is None else (one - centre) / deviation for one in (low, high)]
    return TargetScaling(centre, deviation, unit, exponent, *limits)


def check_transform(where: str, transform: Component | None, y: Array) -> None:
    """Check that a transform is defined for all targets.

    Raises:
        DataError: It is a logarithm, and a target is below 0.
    """
    if transform is not None and transform.name == "log" and y.size and y.min() < 0:
        raise DataError(
            f"{where}: expected targets of 0 or more for 'target_transform: log', the logarithm of 1 + "
            f"target; found {y.min():g}: use 'power', which takes every number, or 'standard'."
        )


def yeo_johnson(y: Array, exponent: Array) -> Array:
    """Return the power transform of Yeo and Johnson (Biometrika 87, 2000, equation 2.1), column by column."""
    size = np.log1p(np.abs(y))
    transformed: Array = np.where(y >= 0, _power(size, exponent), -_power(size, 2.0 - exponent))
    return transformed


def _power(logarithm: Array, exponent: Array) -> Array:
    """Return ((1 + y) ** exponent - 1) / exponent, from the logarithm of 1 + y, which it is at 0."""
    flat = np.abs(exponent) < NO_POWER
    some = np.where(flat, 1.0, exponent)
    return np.where(flat, logarithm, np.expm1(some * logarithm) / some)


def _powers(y: Array, exponent: Array | None) -> Array:
    return y if exponent is None else yeo_johnson(y, exponent)


def _columns(y: Array) -> Array:
    return y.reshape(len(y), -1).astype(np.float64)


def _exponents(transform: Component, y: Array, kept: Array) -> Array | None:
    """Return exponents: for a power the one that is given or the most likely ones; 1 for what is kept."""
    if transform.name == "log":
        return np.where(kept, 1.0, 0.0)
    if transform.name != "power":
        return None
    given = getattr(transform, "exponent", None)
    if given is not None:
        return np.where(kept, 1.0, _exact(np.array(given)))
    constant = kept | (y.min(axis=0) == y.max(axis=0))
    # SciPy is imported only where a power is fitted.
    from scipy.stats import yeojohnson_normmax

    pairs = zip(y.T, constant, strict=True)
    return _exact(np.array([1.0 if same else float(yeojohnson_normmax(column)) for column, same in pairs]))


def _exact(exponents: Array) -> Array:
    """Take exponents that are nearly those of a logarithm for these."""
    for logarithm in (0.0, 2.0):
        exponents = np.where(np.abs(exponents - logarithm) < NO_POWER, logarithm, exponents)
    return exponents


def _deviation(y: Array) -> Array:
    return np.where(y.min(axis=0) == y.max(axis=0), 1.0, y.std(axis=0))


def _limits(powers: Array, exponent: Array | None, *, clamp: bool) -> tuple[Array | None, Array | None]:
    """Return between which powers outputs are kept; None where they may be anything."""
    low, high = powers.min(axis=0), powers.max(axis=0)
    if clamp:
        return low, high
    if exponent is None:
        return None, None
    reach = BEYOND * np.where(high > low, high - low, 1.0)
    # Below 0 a power ends at an asymptote, and nothing beyond it can be taken back.
    ends = np.where(exponent > 2, low, low - reach), np.where(exponent < 0, high, high + reach)
    # A logarithm is one of targets of 0 or more.
    return np.where((exponent == 0) & (low >= 0), np.maximum(ends[0], 0.0), ends[0]), ends[1]
