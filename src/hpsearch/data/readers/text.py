"""Columns of text from csv files, which pyarrow reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from hpsearch.data.archives import MAX_BYTES
from hpsearch.data.readers.compression import MAX_LINE, content, is_archive_of_text
from hpsearch.data.readers.dialect import TextOptions, decoded, records, separator_of, with_checked_quotes
from hpsearch.data.readers.foreign_files import COMPRESSED, WORKBOOK, header_hint, kind_of_file
from hpsearch.data.table import MAX_COLUMNS
from hpsearch.exceptions import DataError

MAX_CELLS = MAX_BYTES // 64
"""A cell takes some 60 bytes while the file is read."""

NAMED = "column_"
"""What columns are called that have no names, with their number from 1."""


@dataclass(frozen=True, eq=False)
class Read:
    """The columns of a file as arrow arrays of text.

    Attributes:
        where: The file.
        names: The names of the columns.
        arrays: The columns, each a chunked array of text without surrounding whitespace.
        lines: Where the rows of a file of text stand; None for other files.
        notes: What was found of how the file is written.
    """

    where: str
    names: list[str]
    arrays: list[Any]
    lines: LinesOfText | None = None
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return len(self.arrays[0])


@dataclass(frozen=True)
class LinesOfText:
    """Where the rows of a csv file stand, which only messages ask for: the file is read again for them."""

    path: Path
    separator: str
    encoding: str
    header: bool

    def of(self, row: int) -> int:
        """Return the line on which a row ends."""
        text = decoded(str(self.path), content(self.path), self.encoding).content
        rows = records(str(self.path), text, self.separator)
        return next(islice(rows, row + self.header, None))[0]


def read_text(path: Path, options: TextOptions) -> Read:
    """Read a csv file.

    Raises:
        DataError: It cannot be read; the message has the line where there is one.
    """
    where = str(path)
    _refuse_foreign(path)
    text = decoded(where, content(path), options.encoding)
    separator = options.separator or separator_of(text.content)
    names = _names(where, text.content, separator, header=options.header)
    checked = with_checked_quotes(where, text.content, separator)
    lines = LinesOfText(path, separator, text.encoding, options.header)
    _refuse_many_cells(where, checked, separator, lines, len(names))
    arrays = _arrays(where, checked, separator, lines, names)
    notes = tuple(_notes(text.encoding, separator, options))
    return Read(where, names, arrays, lines, notes)


def _refuse_foreign(path: Path) -> None:
    """Refuse what is no file of text, though it may be compressed."""
    kind = kind_of_file(path) if path.is_file() else None
    if kind is None or kind.endswith(COMPRESSED) or is_archive_of_text(path):
        return
    typed = kind == WORKBOOK or "parquet" in kind or "feather" in kind
    hint = " Write 'table' instead of 'csv'." if typed else ""
    raise DataError(f"{path}: this is {kind}, not a csv file.{hint}")


def _notes(encoding: str, separator: str, options: TextOptions) -> Iterator[str]:
    if options.encoding is None and encoding != "utf-8":
        yield f"the file is read as {encoding}: 'encoding' in the data section says otherwise"
    if options.separator is None and separator != ",":
        yield f"the cells are separated by {separator!r}"


def _names(where: str, text: bytes, separator: str, *, header: bool) -> list[str]:
    """Return the names of the columns: those of the first row, or numbered ones."""
    first = next(records(where, text, separator), (0, []))[1]
    if not first:
        raise DataError(f"{where}: the file is empty.")
    if len(first) > MAX_COLUMNS:
        raise DataError(f"{where}: {len(first)} columns exceed the limit of {MAX_COLUMNS}.")
    if not header:
        return [f"{NAMED}{number}" for number in range(1, len(first) + 1)]
    names = [name.strip() for name in first]
    if "" in names[1:]:
        raise DataError(f"{where}: column {names.index('', 1) + 1} has no name in the header.")
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(f"{where}: {count} columns are named {name!r}; column names must be unique.")
    return names


def _refuse_many_cells(where: str, text: bytes, separator: str, lines: LinesOfText, columns: int) -> None:
    """Refuse a file of so many cells that reading it would fill the memory."""
    if (text.count(separator.encode()) + text.count(b"\n") + text.count(b"\r")) <= MAX_CELLS:
        return
    last = MAX_CELLS // columns
    rows = records(where, text, separator)
    beyond = next(islice(rows, last + lines.header, None), None)
    if beyond is not None:
        raise DataError(
            f"{where}:{beyond[0]}: the file has more than {MAX_CELLS:,} cells, which is the limit."
        )


def _arrays(where: str, text: bytes, separator: str, lines: LinesOfText, names: Sequence[str]) -> list[Any]:
    # pyarrow takes a tenth of a second to import, and most commands read no table.
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    wrong: list[tuple[int, int]] = []
    keys = [str(number) for number in range(len(names))]

    def refuse(row: Any) -> str:
        wrong.append((row.number, row.actual_columns))
        return "error"

    try:
        table = csv.read_csv(
            pa.py_buffer(text),
            csv.ReadOptions(column_names=keys, use_threads=False, block_size=min(MAX_LINE, len(text) + 1)),
            csv.ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=refuse),
            csv.ConvertOptions(column_types=dict.fromkeys(keys, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid as failure:
        raise _told(where, text, separator, names, str(failure), ragged=bool(wrong)) from None
    if len(table) <= lines.header:
        raise DataError(f"{where}: the file has no rows below its header.{header_hint(names)}")
    rows = table.slice(int(lines.header))
    return [pc.utf8_trim_whitespace(column) for column in rows.columns]


def _told(
    where: str, text: bytes, separator: str, names: Sequence[str], failure: str, *, ragged: bool
) -> DataError:
    """Say in which line a file is broken."""
    if ragged:
        for line, row in records(where, text, separator):
            if len(row) != len(names):
                return DataError(
                    f"{where}:{line}: this row has {len(row)} cells, but the header has {len(names)}."
                    f"{header_hint(names)}"
                )
    return DataError(f"{where}: the file cannot be read ({failure}).")
