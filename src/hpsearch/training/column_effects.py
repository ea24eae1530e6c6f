"""How a model's mean prediction moves with a column of a table: partial dependence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.training.measure import mean_measure

Array = NDArray[Any]
Value = float | str

MOST_VALUES = 9
MOST_ROWS = 1_000
QUANTILES = 0.05, 0.95
"""Between these the values of a column of numbers lie."""


@dataclass(frozen=True)
class ColumnFeatures:
    """What a column became: its name, the places of its features, and the categories they stand for."""

    name: str
    places: tuple[int, ...]
    categories: tuple[str, ...] = ()

    def values(self, x: Array) -> Iterator[tuple[Value, Array]]:
        """Iterate over typical values of the column among rows (n, features), and the features of each."""
        given = x[:, list(self.places)]
        if self.categories:
            frequent = np.argsort(-given.sum(axis=0), kind="stable")[:MOST_VALUES]
            for place in np.sort(frequent):
                yield self.categories[place], np.eye(len(self.places), dtype=x.dtype)[place]
            return
        shares = np.linspace(*QUANTILES, MOST_VALUES)
        for value in np.unique(np.quantile(given, shares, method="nearest")):
            yield float(value), np.full(1, value, x.dtype)


@dataclass(frozen=True)
class EffectAt:
    """The mean prediction where all rows have one value of a column, with its 95 % interval over rows."""

    value: Value
    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ColumnEffect:
    """The partial dependence (Friedman 2001) of a model's prediction on a column.

    Attributes:
        column: Its name.
        of: The class whose probability it is, the one that moves most; empty where a number is predicted.
        values: In the order of the numbers, or of the categories.
    """

    column: str
    of: str
    values: tuple[EffectAt, ...]


def column_effects(
    columns: Sequence[ColumnFeatures],
    x: Array,
    given_of: Callable[[Array], Array],
    labels: Sequence[str],
    seed: int,
) -> tuple[ColumnEffect, ...]:
    """Compute the effects of columns.

    Args:
        columns: The columns.
        x: (n, features) raw rows; of many, a sample is taken.
        given_of: The predictions (k, units) for k rows.
        labels: The names of the classes; empty where a number is predicted.
        seed: Draws the sample.
    """
    if not columns or not len(x):
        return ()
    rows = x[np.sort(np.random.default_rng(seed).permutation(len(x))[:MOST_ROWS])]
    grids = [list(column.values(x)) for column in columns]
    changed = []
    for column, grid in zip(columns, grids, strict=True):
        for _, features in grid:
            changed.append(rows.copy())
            changed[-1][:, list(column.places)] = features
    given = np.asarray(given_of(np.concatenate(changed)), np.float64).reshape(len(changed), len(rows), -1)
    parts = np.split(given, np.cumsum([len(grid) for grid in grids])[:-1])
    return tuple(
        _effect(column.name, [value for value, _ in grid], part, labels)
        for column, grid, part in zip(columns, grids, parts, strict=True)
    )


def _effect(name: str, values: list[Value], given: Array, labels: Sequence[str]) -> ColumnEffect:
    """Summarize predictions (values, rows, units)."""
    means = given.mean(axis=1)
    unit = int(np.argmax(means.max(axis=0) - means.min(axis=0)))
    of = "" if not labels else labels[unit if given.shape[2] > 1 else 1]
    told = (mean_measure("prediction", one) for one in given[:, :, unit])
    return ColumnEffect(
        name,
        of,
        tuple(EffectAt(v, one.value, one.low, one.high) for v, one in zip(values, told, strict=True)),
    )
