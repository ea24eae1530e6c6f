"""The table of columns: what each is, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hpsearch.data.columns.dates import moments_of
from hpsearch.data.columns.understanding import UnderstoodColumn, UnderstoodTable
from hpsearch.data.encoding import Column, Encoding
from hpsearch.data.summary import ColumnSummary
from hpsearch.data.table import Cells
from hpsearch.data.types import Array
from hpsearch.spec import Data

MOST_COLUMNS = 1_000
"""Columns that are described, because each takes some tenth of a millisecond."""

LONGEST = 40
"""Letters of a range."""

MOST_WORDS = 3
"""Words that a range names."""

SCALED = {
    "none": "as it is",
    "standard": "standardized",
    "robust": "scaled by quartiles and clipped smoothly",
    "quantile": "as normal scores by quantiles",
}
"""What a scaling of features does, as the table of columns says it."""


def columns_of(
    table: UnderstoodTable | None, encoding: Encoding, data: Data, warnings: Mapping[str, str]
) -> tuple[ColumnSummary, ...]:
    """Describe the columns of a table, the first ones of very many."""
    if table is None:
        return ()
    fitted: dict[str, list[Column]] = {}
    for column in encoding.columns:
        fitted.setdefault(column.source, []).append(column)
    return tuple(
        _described(one, table.known, fitted.get(one.cells.name, []), data, warnings)
        for one in table.columns[:MOST_COLUMNS]
    )


def notes_on(table: UnderstoodTable | None, warnings: Mapping[str, str]) -> Iterator[str]:
    """Tell which columns were left out without being asked to, and what may be wrong."""
    if table is None:
        return
    left = [one for one in table.columns if one.found.left_out and not one.said]
    if left:
        told = ", ".join(f"{one.cells.name!r} ({one.found.kind}: {one.found.why})" for one in left)
        yield f"left out: {told}; 'columns' in the data section says otherwise"
    for name, warning in warnings.items():
        yield f"column {name!r}: {warning}" if name else warning


_ROLES = {
    "target": "what is predicted",
    "weight": "the weight of its row in losses",
    "group": "its rows stay on one side of each split",
}


def _described(
    one: UnderstoodColumn,
    known: Array,
    fitted: Sequence[Column],
    data: Data,
    warnings: Mapping[str, str],
) -> ColumnSummary:
    cells = one.cells
    return ColumnSummary(
        name=cells.name,
        kind=one.found.kind,
        missing=int(cells.missing[known].sum()),
        distinct=cells.distinct(known),
        range=_range(one, known),
        becomes=_becomes(one, fitted, data),
        warning=warnings.get(cells.name, ""),
    )


def _range(one: UnderstoodColumn, known: Array) -> str:
    cells = one.cells
    present = known[~cells.missing[known]]
    if not len(present):
        return ""
    if one.found.kind == "date":
        moments = moments_of(cells.words, one.found.form)
        used = [(moments[code], code) for code in np.flatnonzero(cells.counts(present)).tolist()]
        dated = sorted(pair for pair in used if pair[0] is not None)
        return _short(f"{cells.words[dated[0][1]]} to {cells.words[dated[-1][1]]}")
    if cells.text[present].any() or one.found.kind.endswith("category"):
        return _frequent(cells, present)
    low, high = cells.numbers[present].min(), cells.numbers[present].max()
    return f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"


def _frequent(cells: Cells, present: Array) -> str:
    counts = cells.counts(present)
    order = np.argsort(-counts, kind="stable")[: int((counts > 0).sum())].tolist()
    told = ", ".join(cells.words[code] for code in order[:MOST_WORDS])
    return _short(told + (", ..." if len(order) > MOST_WORDS else ""))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _becomes(one: UnderstoodColumn, fitted: Sequence[Column], data: Data) -> str:
    kind, why = one.found.kind, one.found.why
    if not fitted:
        return "; ".join([_ROLES.get(kind, f"left out: {why}"), *_split_by(one, data)])
    parts = [_feature(column, data) for column in fitted if column.view is None or not _is_part(column)]
    dated = [column.view.part for column in fitted if column.view is not None and _is_part(column)]
    if dated:
        parts.insert(0, _joined_waves(dated) + _scaled(data))
    if one.found.left_out:
        parts.insert(0, f"left out: {why}")
    if one.cells.name in data.targets:
        parts.insert(0, "what is predicted, and its past")
    return "; ".join([*parts, *_split_by(one, data)])


def _split_by(one: UnderstoodColumn, data: Data) -> Iterator[str]:
    if one.cells.name == data.time:
        yield "its latest rows validate"
    if one.cells.name == data.stratify:
        yield "splits keep its shares"


def _is_part(column: Column) -> bool:
    """Return whether a column is a part of a date."""
    return column.view is not None and not column.view.binary


def _feature(column: Column, data: Data) -> str:
    if column.kind == "text":
        return f"bag of words: 0 or 1 for each of {column.width}"
    if column.kind == "categorical":
        pooled = ", the rare ones pooled" if column.pooled else ""
        return f"one-hot, {column.width} feature{'' if column.width == 1 else 's'}{pooled}"
    if column.view is not None:
        return "0 or 1 where missing" if column.view.part == "missing" else "0 or 1"
    return _scaled(data).removeprefix(", ") or "as it is"


def _scaled(data: Data) -> str:
    if data.is_scaled:
        return ", " + " or ".join(SCALED[name] for name in data.scalings)
    return "" if data.rescale is None else f", multiplied by {data.rescale:g}"


def _joined_waves(parts: Sequence[str]) -> str:
    """Name the parts of dates, a sine and a cosine as one cycle."""
    names = dict.fromkeys(part.removesuffix(" sin").removesuffix(" cos") for part in parts)
    told = [name if name in parts else f"{name} (sine, cosine)" for name in names]
    return ", ".join(told)
