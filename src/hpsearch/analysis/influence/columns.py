"""The values of each parameter as a column of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpsearch.spec import Numeric
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.store.record import TrialRecord

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class ParameterColumn:
    """One parameter over the trials: logarithms for a log range, the index of the option for a choice.

    `numbers` is NaN where the parameter was not active.
    """

    parameter: Parameter
    numbers: Numbers

    @property
    def active(self) -> NDArray[np.bool_]:
        """Tell for each trial whether the parameter was active."""
        return ~np.isnan(self.numbers)

    @property
    def ends(self) -> tuple[float, float]:
        """Return the least and the largest number that the distribution can reach."""
        distribution = self.parameter.distribution
        if not isinstance(distribution, Numeric):
            return 0.0, len(distribution.options) - 1.0
        low, high, step = distribution.low, distribution.high, distribution.step
        if step is not None:
            high = low + math.floor((high - low) / step + 1e-8) * step
        return to_number(self.parameter, low), to_number(self.parameter, high)


def columns_of(parameters: Sequence[Parameter], trials: Sequence[TrialRecord]) -> list[ParameterColumn]:
    """Make the columns of some parameters."""
    return [ParameterColumn(parameter, _numbers(parameter, trials)) for parameter in parameters]


def _numbers(parameter: Parameter, trials: Sequence[TrialRecord]) -> Numbers:
    values = [trial.parameters.get(parameter.name) for trial in trials]
    # The labels of options are made anew each time that they are asked for.
    known = {value: to_number(parameter, value) for value in set(values) if value is not None}
    return np.array([math.nan if value is None else known[value] for value in values])


def to_number(parameter: Parameter, value: Value) -> float:
    """Return the number that stands for a value in its column."""
    distribution = parameter.distribution
    if not isinstance(distribution, Numeric):
        return float(parameter.options.index(value))
    return math.log(float(value)) if distribution.log else float(value)


def to_value(parameter: Parameter, number: float) -> Value:
    """Return the value that a number in a column stands for, on a step of the distribution, in few digits."""
    distribution = parameter.distribution
    if not isinstance(distribution, Numeric):
        return parameter.options[round(number)]
    value = math.exp(number) if distribution.log else number
    step = 1 if distribution.integer else distribution.step
    if step is not None:
        value = distribution.low + round((value - distribution.low) / step) * step
    if distribution.integer:
        return int(min(max(round(value), distribution.low), distribution.high))
    value = min(max(float(f"{value:.5g}"), distribution.low), distribution.high)
    return float(value)
