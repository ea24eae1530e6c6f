"""The columns by which rows are split: groups that stay together, times, and values in equal shares."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.data.columns.dates import form_of, moments_of
from hpsearch.data.columns.understanding import check_names
from hpsearch.data.table import Cells, Table
from hpsearch.data.types import Array
from hpsearch.exceptions import DataError
from hpsearch.spec import Data
from hpsearch.spec.sections.columns import DateColumn


@dataclass(frozen=True, eq=False)
class SplitColumns:
    """What of each row a split depends on.

    Attributes:
        groups: (n,) int, the group of each row, which is never divided; None where rows have none.
        times: (n,) float64, the later the larger; None where the order does not matter.
        strata: (n,) int, the value of each row that all parts have in equal shares; None for the classes.
        names: The values that the strata stand for.
    """

    groups: Array | None = None
    times: Array | None = None
    strata: Array | None = None
    names: tuple[str, ...] = ()


def split_columns_of(table: Table | None, data: Data) -> SplitColumns:
    """Read the column by which a study splits its rows.

    Raises:
        DataError: There is no such column, a cell of it is empty, or it has no times.
    """
    if table is None:
        return SplitColumns()
    columns = {column.name: column for column in table.columns}
    check_names(table.where, data, columns)
    if data.group is not None:
        return SplitColumns(groups=_filled(table, columns[data.group], "group").codes)
    if data.time is not None:
        return SplitColumns(times=_times(table, _filled(table, columns[data.time], "time"), data))
    if data.stratify is not None:
        cells = columns[data.stratify]
        return SplitColumns(strata=cells.codes, names=cells.words)
    return SplitColumns()


def _filled(table: Table, cells: Cells, option: str) -> Cells:
    if cells.missing.any():
        row = int(cells.missing.argmax())
        raise DataError(
            f"data.{option}: {table.place(row)}: column {cells.name!r} has no value in this row, so it "
            "cannot be split by it."
        )
    return cells


def _times(table: Table, cells: Cells, data: Data) -> Array:
    said = None if data.columns is None else data.columns.of(cells.name)
    form = said.form if isinstance(said, DateColumn) else None
    if form is None and not cells.text.any():
        return cells.numbers
    form = form or form_of(cells.words, table.where, cells.name)
    moments = moments_of(cells.words, form or "")
    if None in moments:
        row = int((cells.codes == moments.index(None)).argmax())
        raise DataError(
            f"data.time: {table.place(row)}: column {cells.name!r} holds {cells.at(row)!r}; expected "
            "numbers, or dates or times in one form."
        )
    ranks = {moment: rank for rank, moment in enumerate(sorted({one for one in moments if one is not None}))}
    return cells.spread([ranks[moment] for moment in moments if moment is not None], float)
