"""What may be wrong with a table: leaks, rows on both sides of a split, an order in time that is ignored."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from hpsearch.data.columns.dates import moments_of
from hpsearch.data.columns.kinds import LEAST_ROWS
from hpsearch.data.columns.understanding import UnderstoodColumn, UnderstoodTable
from hpsearch.data.table import Cells
from hpsearch.data.types import Array, Task
from hpsearch.spec import Data
from hpsearch.spec.sections.parts_of_rows import LastRows, TestRows

SAMPLE = 1_000
"""Rows that a leak is first looked for in, because few columns pass."""

CORRELATED = 1 - 1e-9
"""The correlation from which on a column gives the target."""


def warnings_of(
    table: UnderstoodTable,
    y: Array,
    task: Task,
    split: tuple[Array, Array],
    test: Array | None,
    data: Data,
) -> dict[str, str]:
    """Find what may be wrong with the columns of a table, by their names; with the table, by the empty name.

    Args:
        table: The table.
        y: (n,) or (n, targets).
        task: What is predicted.
        split: Positions of the training and the validation rows.
        test: Those of the test rows; None without a test part.
        data: The data section.
    """
    found: dict[str, str] = {}
    for column in table.columns:
        told = "; ".join(_of_column(column, table.known, y, task, data))
        if told:
            found[column.cells.name] = told
    twice = [] if data.window is not None else list(_twice(table, *split, test))
    return found | ({"": "; ".join(twice)} if twice else {})


def _of_column(column: UnderstoodColumn, known: Array, y: Array, task: Task, data: Data) -> Iterator[str]:
    cells, kind = column.cells, column.found.kind
    if not column.features or cells.name in data.targets:
        return
    rows = known[~cells.missing[known]]
    if len(rows) < max(LEAST_ROWS, 0.9 * len(known)):
        return
    if kind == "date":
        by_time = data.window is not None or data.time is not None
        if not by_time and not isinstance(data.validation, LastRows | TestRows):
            yield from _in_order(column, rows)
    elif y.ndim == 1 and data.window is None:
        if _gives(cells, rows[:SAMPLE], y, task) and _gives(cells, rows, y, task):
            yield "it alone gives the target: is it known before the target is (a leak)?"
        if not cells.text[rows].any() and bool((cells.numbers[rows] - rows == cells.numbers[0]).all()):
            yield "it numbers the rows: an id? ('drop' in the data section leaves it out)"


def _in_order(column: UnderstoodColumn, rows: Array) -> Iterator[str]:
    moments = moments_of(column.cells.words, column.found.form)
    times = [moments[code] for code in column.cells.codes[rows].tolist()]
    pairs = [(one, other) for one, other in pairwise(times) if one is not None and other is not None]
    if all(one <= other for one, other in pairs) or all(one >= other for one, other in pairs):
        yield (
            "the rows are in its order, and a random split trains on what is later than it is judged on "
            "('time' in the data section does not)"
        )


def _gives(cells: Cells, rows: Array, y: Array, task: Task) -> bool:
    """Return whether a column alone gives the target in some rows."""
    codes, targets = cells.codes[rows], y[rows]
    if len(np.unique(targets)) == 1:
        return False
    if not cells.text[rows].any():
        numbers = cells.numbers[rows]
        if task == "classification":
            return _separates(numbers, targets)
        return bool(numbers.std() > 0) and abs(np.corrcoef(numbers, targets)[0, 1]) >= CORRELATED
    first = np.zeros(len(cells.words), targets.dtype)
    first[codes[::-1]] = targets[::-1]
    return len(np.unique(codes)) <= len(rows) / 4 and bool((first[codes] == targets).all())


def _separates(numbers: Array, classes: Array) -> bool:
    """Return whether bounds between numbers separate classes."""
    order = np.lexsort((classes, numbers))
    numbers, classes = numbers[order], classes[order]
    changes = classes[1:] != classes[:-1]
    return int(changes.sum()) == len(np.unique(classes)) - 1 and not bool(
        (changes & (numbers[1:] == numbers[:-1])).any()
    )


def _twice(table: UnderstoodTable, train: Array, validation: Array, test: Array | None) -> Iterator[str]:
    """Tell how many validation and test rows have the cells of a row that is trained or judged on."""
    sums = _sums(table)
    known = np.concatenate([train, validation])
    parts = [("validation", validation, train, "a training row"), ("test", test, known, "one of the others")]
    for name, rows, others, what in parts:
        count = 0 if rows is None else int(np.isin(sums[rows], sums[others]).sum())
        if rows is not None and count:
            yield (
                f"{count:,} of {len(rows):,} {name} rows have the same cells as {what}: where they are the "
                "same thing, results are too good ('group' keeps rows together)"
            )


def _sums(table: UnderstoodTable) -> Array:
    """Return a number for each row that only rows with the same cells share: a sum of random numbers."""
    sources = [column.cells for column in table.columns if column.features or column.found.kind == "target"]
    random, sums = np.random.default_rng(0), np.zeros(table.features.rows, np.uint64)
    for cells in sources:
        sums += random.integers(2**64, size=len(cells.words), dtype=np.uint64)[cells.codes]
    return sums
