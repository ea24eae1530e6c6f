"""The table of columns as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from hpsearch.data.summary import ColumnSummary
from hpsearch.report.words.numbers import amount

HEADER = ("column", "kind", "missing", "distinct", "range", "becomes")

MOST = 30
"""Columns that are listed when a study starts."""

PLAIN = ("number", "whole number")
"""Kinds that are left out first where there are too many columns."""


def column_lines(columns: Sequence[ColumnSummary], most: int | None = None) -> list[str]:
    """List columns, each on a line, one below the other.

    Args:
        columns: The columns.
        most: How many are listed; of more, those that are no numbers come first. None for all.
    """
    shown = list(columns)
    if most is not None and len(shown) > most:
        shown = sorted(shown, key=lambda column: column.kind in PLAIN)[:most]
    if not shown:
        return []
    rows = [HEADER, *(cells_of(column) for column in shown)]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    more = len(columns) - len(shown)
    return [*lines, f"and {amount(more, 'more column')}: hpsearch validate lists them"] if more else lines


def cells_of(column: ColumnSummary) -> tuple[str, ...]:
    """Return what the table says of a column."""
    counts = (f"{column.missing:,}", f"{column.distinct:,}")
    return (column.name, column.kind, *counts, column.range, column.becomes)
