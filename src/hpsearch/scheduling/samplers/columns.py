"""A search space as columns of numbers: a row for each configuration, NaN where a parameter is not active."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hpsearch.scheduling.samplers.base import Values, collect, is_computed, value_at
from hpsearch.spec import Numeric
from hpsearch.spec.space.parameter import AnyOf, AtLeast, Parameter, Value
from hpsearch.spec.space.space import SearchSpace

Rows = NDArray[np.float64]

JUST_BELOW_ONE = math.nextafter(1.0, 0.0)


class Column:
    """One parameter: the share of its range below a number, from 0 to 1, or the index of an option.

    Attributes:
        parameter: The parameter.
        options: The number of options of a choice; 0 for a number.
        cell: The share of the range that one of finitely many numbers has; 0 without an end of them.
    """

    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        self._indices = {(type(option), option): at for at, option in enumerate(parameter.options)}
        self.options = len(self._indices)
        self.cell = 0.0 if self.options else 1 / parameter.count

    def place(self, value: Value) -> float:
        """Return the number that stands for a value; of finitely many the middle of its cell."""
        distribution = self.parameter.distribution
        if not isinstance(distribution, Numeric):
            return float(self._indices[type(value), value])
        number = float(value)
        if not is_computed(distribution):
            return (round((number - distribution.low) / (distribution.step or 1)) + 0.5) * self.cell
        margin = 0.5 if distribution.integer else 0.0
        ends = [distribution.low - margin, distribution.high + margin, number]
        low, high, at = map(math.log, ends) if distribution.log else ends
        return (at - low) / (high - low)

    def value(self, place: float) -> Value:
        """Return the value that a number stands for."""
        if self.options:
            return self.parameter.options[int(place)]
        return value_at(self.parameter, min(max(place, 0.0), JUST_BELOW_ONE))


class Columns:
    """The columns of a space. A row has a number for every parameter, active or not, unless it says so."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.columns = [Column(parameter) for parameter in space.parameters]
        self.at = {column.parameter.name: at for at, column in enumerate(self.columns)}

    def row(self, values: Mapping[str, Value]) -> Rows:
        """Return a configuration as a row, NaN where a parameter is not active."""
        row = np.full(len(self.columns), math.nan)
        for name, value in values.items():
            row[self.at[name]] = self.columns[self.at[name]].place(value)
        return row

    def values(self, row: Rows) -> Values:
        """Return the configuration that a row stands for."""

        def value(parameter: Parameter) -> Value:
            at = self.at[parameter.name]
            return self.columns[at].value(float(row[at]))

        return collect(self.space, value)

    def draw(self, count: int, random: np.random.Generator) -> Rows:
        """Draw rows at random, each parameter from its own distribution."""
        rows = random.random((count, len(self.columns)))
        for at, column in enumerate(self.columns):
            if column.options:
                rows[:, at] = np.floor(rows[:, at] * column.options)
        return rows

    def active(self, rows: Rows) -> Rows:
        """Return rows with NaN where their own choices leave a parameter without meaning."""
        found = rows.copy()
        for at, column in enumerate(self.columns):
            for name, wanted in column.parameter.conditions:
                parent = self.at[name]
                found[~_holds(self.columns[parent], wanted, rows[:, parent]), at] = math.nan
        return found


def _holds(column: Column, wanted: Value | AtLeast | AnyOf, places: Rows) -> NDArray[np.bool_]:
    """Tell for each place whether a condition on its column holds."""
    unique, where = np.unique(places, return_inverse=True)
    return np.array([_is(column.value(place), wanted) for place in unique], bool)[where]


def _is(value: Value, wanted: Value | AtLeast | AnyOf) -> bool:
    if isinstance(wanted, AtLeast):
        return float(value) >= wanted.least
    return value in wanted.values if isinstance(wanted, AnyOf) else value == wanted
