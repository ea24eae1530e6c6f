"""What every column of a table is, and the columns of features that are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from hpsearch.data.checks import meant
from hpsearch.data.columns.dates import moments_of, parts_of
from hpsearch.data.columns.declared import declared
from hpsearch.data.columns.kinds import UNREAD, Kind, KindOfColumn, kind_of
from hpsearch.data.columns.views import ABSENT, BOOLEAN, viewed
from hpsearch.data.table import Cells, Table, View
from hpsearch.data.types import Array
from hpsearch.exceptions import DataError
from hpsearch.spec import Data
from hpsearch.spec.sections.data import BY_COLUMN


@dataclass(frozen=True, eq=False)
class UnderstoodColumn:
    """A column of a table.

    Attributes:
        cells: Its cells.
        found: What it is.
        said: Whether the study says so.
        features: The columns that become features in its place.
    """

    cells: Cells
    found: KindOfColumn
    said: bool = False
    features: tuple[Cells, ...] = ()


@dataclass(frozen=True, eq=False)
class UnderstoodTable:
    """A table whose columns are understood.

    Attributes:
        columns: All of them, in the order of the file.
        features: Those that become features, as a table.
        known: Positions of the rows that are trained and judged on, which tell what columns are.
    """

    columns: tuple[UnderstoodColumn, ...]
    features: Table
    known: Array = field(repr=False)


def understand(whole: Table, features: Table, data: Data, known: Array) -> UnderstoodTable:
    """Find out what every column is, as far as the study does not say it.

    Args:
        whole: The table as read.
        features: Its columns without targets and weights, unless the past of a target is a feature.
        data: The data section.
        known: Positions of the rows that are trained and judged on.

    Raises:
        DataError: A column is ambiguous, or is not what the study says; or none is left.
    """
    own = {column.name for column in features.columns} - {data.group}
    columns = tuple(
        _understood(features, cells, data, known) if cells.name in own else _apart(cells, data)
        for cells in whole.columns
    )
    made = tuple(cells for column in columns for cells in column.features)
    if not made:
        told = ", ".join(f"{one.cells.name!r} ({one.found.why or one.found.kind})" for one in columns)
        raise DataError(
            f"{whole.where}: no column is left that a target could be predicted from: {told[:500]}; "
            "'columns' in the data section says what a column is, as in 'columns: {NAME: category}'."
        )
    return UnderstoodTable(columns, replace(features, columns=made), known)


def check_names(where: str, data: Data, names: Mapping[str, Cells]) -> None:
    """Check that the columns that a study speaks of are there, and are no targets or weights.

    Raises:
        DataError: They are not; the message begins with the place in the study file.
    """
    apart = {*data.targets, data.weight}
    for place, name in _named_in(data):
        if name not in names:
            raise DataError(f"{place}: {where}: there is no column {name!r}{meant(name, names)}.")
        if name in apart:
            raise DataError(f"{place}: {where}: column {name!r} is the target or the weight already.")


def _named_in(data: Data) -> Iterator[tuple[str, str]]:
    """Iterate over the columns that a study speaks of, with where it does."""
    for name in () if data.columns is None else dict(data.columns.items()):
        yield f"data.columns.{name}", name
    for number, name in enumerate(data.drop or ()):
        yield f"data.drop.{number}", name
    for option in BY_COLUMN:
        if getattr(data, option) is not None:
            yield f"data.{option}", getattr(data, option)


def _apart(cells: Cells, data: Data) -> UnderstoodColumn:
    roles: dict[str | None, Kind] = {data.weight: "weight", data.group: "group"}
    kind = roles.get(cells.name, "target")
    return UnderstoodColumn(cells, KindOfColumn(kind), said=True)


def _understood(table: Table, cells: Cells, data: Data, known: Array) -> UnderstoodColumn:
    said = None if data.columns is None else data.columns.of(cells.name)
    if cells.name in (data.drop or ()):
        return UnderstoodColumn(cells, KindOfColumn("dropped", why="as the study says"), said=True)
    if said is None:
        found = kind_of(table, cells, known)
    else:
        try:
            found = declared(table, cells, known, said)
        except DataError as failure:
            raise DataError(f"data.columns.{cells.name}: {failure}") from None
    taken = _TAKEN.get("" if said is None else said.name)
    features = [*_features(cells if taken is None else replace(cells, taken_as=taken), found, known)]
    if data.missing_indicators and found.kind not in UNREAD and cells.missing[known].any():
        features.append(viewed(cells, View(cells.name, ABSENT)))
    return UnderstoodColumn(cells, found, said is not None, tuple(features))


_TAKEN: dict[str, Literal["categories", "text"]] = {"category": "categories", "text": "text"}


def _features(cells: Cells, found: KindOfColumn, known: Array) -> Iterator[Cells]:
    if found.left_out:
        return
    if found.kind == "date":
        moments = moments_of(cells.words, found.form)
        used = (moments[code] for code in np.flatnonzero(cells.counts(known)).tolist())
        for part in parts_of([when for when in used if when is not None], found.form):
            yield viewed(cells, View(cells.name, part, found.form))
    elif found.kind == "boolean" and cells.text.any():
        yield viewed(cells, View(cells.name, BOOLEAN))
    else:
        yield cells


def known_rows(splits: Iterable[tuple[Array, Array]]) -> Array:
    """Return the positions of all rows that splits train and judge on."""
    return np.unique(np.concatenate([np.concatenate(pair) for pair in splits]))
