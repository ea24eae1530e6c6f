"""Tables from files: their columns, with the target and the weights apart from the features."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.data.checks import meant
from hpsearch.data.loaded import Loaded, of_themselves
from hpsearch.data.notation import GERMAN, PLAIN, Notation, are_thousands, notations_of
from hpsearch.data.readers.arrow import read_columns
from hpsearch.data.readers.dialect import TextOptions
from hpsearch.data.readers.excel import read_workbook
from hpsearch.data.readers.foreign_files import WORKBOOK, header_hint, kind_of_file
from hpsearch.data.readers.text import Read, read_text
from hpsearch.data.table import Cells, Table
from hpsearch.data.types import Array
from hpsearch.exceptions import DataError
from hpsearch.spec.sections.data import ITSELF

PIECE = 2**16
"""Rows whose text is joined at one time."""

UNNAMED = "Unnamed: "
"""What pandas calls a column whose name is empty, with its position."""


@dataclass(frozen=True)
class TableOptions:
    """How files of tables are read.

    Attributes:
        text: How files of text are written.
        typed: Whether other files than those of text are expected, too.
        decimal: The decimal sign; None to find it.
        thousands: What stands between thousands; None to find it.
        notations: How the numbers of columns are written, by their names; None to find it.
    """

    text: TextOptions = field(default_factory=TextOptions)
    typed: bool = False
    decimal: str | None = None
    thousands: str | None = None
    notations: Mapping[str, Notation] | None = None

    @property
    def notation(self) -> Notation | None:
        """Return how numbers are written; None where nothing is said."""
        if self.decimal is None and self.thousands is None:
            return None
        decimal = self.decimal or ("," if self.thousands == "." else ".")
        return Notation(decimal, self.thousands or "")


@dataclass(frozen=True, eq=False)
class ReadTable:
    """A table as read, with what was found of how its files are written.

    Attributes:
        table: All columns.
        fingerprint: The SHA-256 of the texts of all cells.
        sizes: The number of rows of each file.
        notes: What was found.
    """

    table: Table
    fingerprint: str
    sizes: tuple[int, ...]
    notes: tuple[str, ...]


def read_table(paths: Sequence[Path], options: TableOptions) -> ReadTable:
    """Read a table with all its columns from one file, or from several with the same columns.

    Raises:
        DataError: It cannot be read; the message has the line where there is one.
    """
    return read_parts([_part(path, options) for path in paths], options)


def read_parts(parts: list[Read], options: TableOptions) -> ReadTable:
    """Make a table of columns of text.

    Args:
        parts: The columns of each file, or of a table in memory.
        options: How they were read.

    Raises:
        DataError: The parts have different columns, or a column cannot be understood.
    """
    names = parts[0].names
    for part in parts[1:]:
        _same_columns(parts[0], part)
    chunks = [[part.arrays[part.names.index(name)] for part in parts] for name in names]
    fingerprint = _fingerprint(names, chunks)
    columns = tuple(_cells(name, arrays) for name, arrays in zip(names, chunks, strict=True))
    where = parts[0].where if len(parts) == 1 else f"{parts[0].where} and {len(parts) - 1} more"
    sizes = tuple(part.rows for part in parts)
    table = Table(where, columns, sum(sizes), _Places(tuple(parts)))
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    table, dropped = _without_index(table, sizes)
    table, read = _with_notation(table, options, parts)
    return ReadTable(table, fingerprint, sizes, (*notes, *dropped, *read))


def _part(path: Path, options: TableOptions) -> Read:
    kind = kind_of_file(path) if path.is_file() else None
    if options.typed and kind is not None and ("parquet" in kind or "feather" in kind):
        return read_columns(path, kind)
    if options.typed and kind == WORKBOOK:
        return read_workbook(path, header=options.text.header)
    return read_text(path, options.text)


def _same_columns(first: Read, part: Read) -> None:
    other = set(first.names) ^ set(part.names)
    if other:
        name = min(other)
        has, lacks = (part, first) if name in part.names else (first, part)
        raise DataError(
            f"{has.where}: column {name!r} is not in {lacks.where}; all files need the same columns."
        )


@dataclass(frozen=True)
class _Places:
    """Tell where the rows of files stand."""

    parts: tuple[Read, ...]

    def __call__(self, row: int) -> str:
        starts = np.cumsum([0, *(part.rows for part in self.parts)]).tolist()
        place = bisect_right(starts, row) - 1
        part, own = self.parts[place], row - starts[place]
        return f"{part.where}:{part.lines.of(own)}" if part.lines else f"{part.where}: row {own:,} (from 0)"


def _fingerprint(names: list[str], chunks: list[list[Any]]) -> str:
    """Return the SHA-256 of all cells, with marks between cells and between rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    digest = hashlib.sha256("\x1f".join(names).encode())
    for part in range(len(chunks[0])):
        for start in range(0, len(chunks[0][part]), PIECE):
            cells = [arrays[part].slice(start, PIECE).combine_chunks() for arrays in chunks]
            cells[0] = pc.binary_join_element_wise("\x1e", cells[0], "")
            rows = cells[0] if len(cells) == 1 else pc.binary_join_element_wise(*cells, "\x1f")
            digest.update(b"".join(rows.cast(pa.binary()).to_pylist()))
    return digest.hexdigest()


def _cells(name: str, arrays: list[Any]) -> Cells:
    import pyarrow as pa

    chunks = [chunk for array in arrays for chunk in array.chunks]
    coded = pa.chunked_array(chunks, pa.string()).combine_chunks().dictionary_encode()
    return Cells(name, np.asarray(coded.indices), tuple(coded.dictionary.to_pylist()))


def _without_index(table: Table, sizes: Sequence[int]) -> tuple[Table, Iterator[str]]:
    """Leave out the index of a pandas table that was written as the first column, or as several of them."""
    index = [column for place, column in enumerate(table.columns) if _is_index(place, column, sizes)]
    if not index and table.columns[0].name == "" and len(table.columns) > 1:
        raise DataError(f"{table.where}: column 1 has no name in the header.")
    left = tuple(column for column in table.columns if column not in index)
    notes = (f"column {column.name!r} numbers the rows, as pandas' index does: left out" for column in index)
    return (replace(table, columns=left) if left else table), notes


def _is_index(place: int, column: Cells, sizes: Sequence[int]) -> bool:
    unnamed = (place == 0 and column.name == "") or column.name.startswith(UNNAMED)
    if not unnamed or column.text.any() or column.missing.any():
        return False
    steps = np.diff(column.numbers) == 1
    steps[np.cumsum(sizes[:-1], dtype=int) - 1] = True  # each file numbers its own rows
    return bool(steps.all())


def _with_notation(table: Table, options: TableOptions, parts: list[Read]) -> tuple[Table, tuple[str, ...]]:
    """Find how the numbers are written that `float` does not read; typed columns are never written so."""
    commas = [part.lines.separator == "," for part in parts if part.lines]
    if len(commas) < len(parts):
        return table, ()
    said = options.notation
    if said is not None or options.notations is not None:
        known = options.notations or {}
        columns = tuple(column.noted(said or known.get(column.name, PLAIN)) for column in table.columns)
        return replace(table, columns=columns), ()
    found = {column.name: notations_of(column.filled) for column in table.columns if column.text.any()}
    certain = {fitting[0].decimal for fitting in found.values() if len(fitting) == 1}
    if certain == {","}:
        plain = [column for column in table.columns if column.name not in found]
        found |= {column.name: [GERMAN] for column in plain if are_thousands(column.filled)}
    sign = certain.pop() if len(certain) == 1 else "." if all(commas) and not certain else None
    chosen = {name: _fitting(table, name, fitting, sign) for name, fitting in found.items() if fitting}
    notes = tuple(f"the numbers of column {name!r} are written as in {way}" for name, way in chosen.items())
    columns = tuple(column.noted(chosen.get(column.name, column.notation)) for column in table.columns)
    return replace(table, columns=columns), notes


def _fitting(table: Table, name: str, notations: list[Notation], sign: str | None) -> Notation:
    """Return the notation of a column, that with the decimal sign of the file where two are possible."""
    if len(notations) == 1:
        return notations[0]
    for notation in notations:
        if notation.decimal == sign:
            return notation
    column = next(column for column in table.columns if column.name == name)
    row = int(column.text.argmax())
    raise DataError(
        f"{table.place(row)}: column {name!r} holds {column.at(row)!r}, whose comma may be a decimal sign or "
        "stand between thousands: say it by 'decimal: \",\"' or 'decimal: .' in the data section."
    )


def load_table(
    paths: Sequence[Path],
    targets: tuple[str, ...],
    weight: str | None = None,
    *,
    tested: Sequence[Path] = (),
    options: TableOptions = TableOptions(),
    classes: bool = False,
    past: bool = False,
) -> Loaded:
    """Read a table and separate its target columns, and that of the weights of the rows.

    Args:
        paths: The files.
        targets: The names of the target columns; `x` alone, if no column has that name, for rows that are
            their own targets.
        weight: The name of the column of weights, which is no feature; None if there is none.
        tested: Further files, whose rows are the test part.
        options: How the files are read.
        classes: Whether the targets are known to be classes, so that numbers may occur among words.
        past: Whether the target's column is a feature too, as of windows, which hold its past.

    Raises:
        DataError: It cannot be read; the message has the line where there is one.
    """
    read = read_table([*paths, *tested], options)
    whole, weights = _without_weights(read.table, weight)
    zeros, tests = np.zeros(whole.rows), sum(read.sizes[len(paths) :])
    loaded = Loaded(
        whole.where,
        whole,
        zeros,
        read.fingerprint,
        weights=weights,
        tested=tests,
        notes=read.notes,
        table=read.table,
    )
    names = [column.name for column in whole.columns]
    if targets == (ITSELF,) and ITSELF not in names and not past:
        return of_themselves(loaded)
    return _with_targets(loaded, whole, targets, classes=classes, past=past)


def _with_targets(
    loaded: Loaded, whole: Table, targets: tuple[str, ...], *, classes: bool, past: bool
) -> Loaded:
    where, columns = whole.where, whole.columns
    names = [column.name for column in columns]
    positions = [_position(where, names, target, "target") for target in targets]
    left = tuple(column for place, column in enumerate(columns) if past or place not in positions)
    if not left:
        raise DataError(f"{where}: there is no column besides the target {', '.join(map(repr, targets))}.")
    table = replace(whole, columns=left)
    if len(positions) == 1:
        return replace(loaded, x=table, y=_target(table, columns[positions[0]], classes=classes))
    y = np.column_stack([_number_target(table, columns[position]) for position in positions])
    return replace(loaded, x=table, y=y, targets=targets)


def _without_weights(whole: Table, weight: str | None) -> tuple[Table, Array | None]:
    """Separate the column of weights from a table that has one."""
    if weight is None:
        return whole, None
    columns = whole.columns
    place = _position(whole.where, [column.name for column in columns], weight, "weight")
    left = (*columns[:place], *columns[place + 1 :])
    if not left:
        raise DataError(f"{whole.where}: there is no column besides the weight {weight!r}.")
    return replace(whole, columns=left), _weights(whole, columns[place])


def _number_target(table: Table, column: Cells) -> Array:
    if column.text.any():
        table.complain_of_numbers(column)
    return _target(table, column, classes=False)


def _position(where: str, header: list[str], name: str, what: str) -> int:
    if name not in header:
        hint = meant(name, dict.fromkeys(header))
        shown = ", ".join(map(repr, header[:10])) + (", ..." if len(header) > 10 else "")
        raise DataError(
            f"{where}: there is no {what} column {name!r}{hint}; the columns are {shown[:500]}."
            f"{header_hint(header)}"
        )
    return header.index(name)


def _target(table: Table, column: Cells, *, classes: bool) -> Array:
    _has_values(table, column, "target")
    if column.text.any():
        if not classes:
            table.complain_of_text(column, np.arange(len(column)), TARGETS)
        return column.spread(column.words, str)
    table.complain_of_numbers(column)
    return column.numbers


def _weights(table: Table, column: Cells) -> Array:
    _has_values(table, column, "weight")
    table.complain_of_numbers(column)
    negative = column.numbers < 0
    if negative.any():
        row = int(negative.argmax())
        raise DataError(
            f"{table.place(row)}: the weight column {column.name!r} holds "
            f"{column.at(row)!r}; a weight must be 0 or more."
        )
    return column.numbers.astype(np.float32)


def _has_values(table: Table, column: Cells, what: str) -> None:
    if column.missing.any():
        row = int(column.missing.argmax())
        raise DataError(f"{table.place(row)}: the {what} column {column.name!r} has no value in this row.")


TARGETS = (
    "Delete rows without a target; if all values are names of classes, write 'task: classification' in the"
    " data section."
)
