"""Columns that are of the kind that a study says, or an error that names the cell that is not."""

from __future__ import annotations

from hpsearch.data.columns.dates import form_of, moment_of
from hpsearch.data.columns.kinds import KindOfColumn, category_of
from hpsearch.data.columns.views import are_boolean
from hpsearch.data.table import Cells, Table
from hpsearch.data.types import Array
from hpsearch.exceptions import DataError
from hpsearch.spec import Component
from hpsearch.spec.sections.columns import DateColumn

SHOWN = 5
"""Cells that a message lists."""


def declared(table: Table, cells: Cells, known: Array, said: Component) -> KindOfColumn:
    """Check that a column is of the kind that a study says.

    Raises:
        DataError: It is not.
    """
    if isinstance(said, DateColumn):
        return _date(table, cells, known, said.form)
    if said.name == "number":
        _numbers(table, cells)
        return KindOfColumn("number")
    if said.name == "category":
        return category_of(cells.distinct(known), int((~cells.missing[known]).sum()))
    if said.name == "boolean":
        return _boolean(table, cells, known)
    return KindOfColumn("dropped", why="as the study says") if said.name == "drop" else KindOfColumn("text")


def _numbers(table: Table, cells: Cells) -> None:
    if cells.text.any():
        row = int(cells.text.argmax())
        raise DataError(
            f"{table.place(row)}: column {cells.name!r} holds {cells.at(row)!r}, which is no number: leave "
            "the cell empty, or write NA, where a value is missing."
        )


def _boolean(table: Table, cells: Cells, known: Array) -> KindOfColumn:
    words = cells.present(known)
    if not are_boolean(words) and not set(words) <= {"0", "1"}:
        raise DataError(
            f"{table.where}: column {cells.name!r} holds {_listed(words)}; expected two words for true and "
            "false, such as yes and no, or 1 and 0."
        )
    return KindOfColumn("boolean")


def _date(table: Table, cells: Cells, known: Array, form: str | None) -> KindOfColumn:
    words = cells.present(known)
    form = form or form_of(words, table.where, cells.name)
    if form is None:
        raise DataError(
            f"{table.where}: column {cells.name!r} holds {_listed(words)}, which are not all dates or times "
            'in one usual form: say the form, as in {date: "%d.%m.%Y"}.'
        )
    wrong = [word for word in words if moment_of(word, form) is None]
    if wrong:
        row = int((cells.codes == cells.words.index(wrong[0])).argmax())
        raise DataError(
            f"{table.place(row)}: column {cells.name!r} holds {wrong[0]!r}, which is not a date in the form "
            f"{form}."
        )
    return KindOfColumn("date", form)


def _listed(words: list[str]) -> str:
    return ", ".join(map(repr, words[:SHOWN])) + (", ..." if len(words) > SHOWN else "")
