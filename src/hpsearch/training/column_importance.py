"""How much a model relies on each column of a table: what is lost where its cells are shuffled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.training.measure import mean_measure

Array = NDArray[Any]

REPEATS = 5
MOST_COLUMNS = 200
"""Of more columns nothing is measured."""

MOST_ROWS = 100_000
"""Rows that are predicted in all, with every column shuffled so many times."""


@dataclass(frozen=True)
class ColumnImportance:
    """By how much the mean loss grows where a column is shuffled, with its 95 % interval over rows.

    `value` is None where it is not finite; then, and for a single row, there is no interval.
    """

    column: str
    value: float | None
    low: float | None
    high: float | None


def column_importance(
    columns: Mapping[str, Sequence[int]], x: Array, losses_of: Callable[[Array, Array], Array], seed: int
) -> tuple[ColumnImportance, ...]:
    """Measure the permutation importance (Breiman 2001; Fisher et al. 2019) of columns, the largest first.

    The features of a column are shuffled together, among the rows that are measured: all of them, or so many
    that the work is bounded, drawn at random.

    Args:
        columns: The places of the features that each column became, by its name.
        x: (n, ..., features) raw rows.
        losses_of: The losses (k,) of k rows, given their numbers and what stands in their place.
        seed: Draws the rows and shuffles them.
    """
    if not 0 < len(columns) <= MOST_COLUMNS or len(x) < 2:
        return ()
    generator = np.random.default_rng(seed)
    count = min(len(x), max(2, MOST_ROWS // (REPEATS * len(columns))))
    rows = np.sort(generator.permutation(len(x))[:count])
    changed = [x[rows]]
    for places in columns.values():
        for _ in range(REPEATS):
            shuffled = x[rows]
            shuffled[..., list(places)] = x[generator.permutation(rows)][..., list(places)]
            changed.append(shuffled)
    losses = losses_of(np.tile(rows, len(changed)), np.concatenate(changed)).reshape(len(changed), count)
    grown = (losses[1:] - losses[0]).reshape(len(columns), REPEATS, count).mean(axis=1)
    found = [_importance(name, values) for name, values in zip(columns, grown, strict=True)]
    return tuple(sorted(found, key=lambda one: -np.inf if one.value is None else -one.value))


def _importance(column: str, grown: Array) -> ColumnImportance:
    measure = mean_measure("loss", grown)
    return ColumnImportance(column, measure.value, measure.low, measure.high)
