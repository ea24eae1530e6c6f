"""Columns of text from the first sheet of a workbook of Excel, which openpyxl reads."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from hpsearch.data.archives import opened
from hpsearch.data.readers.arrow import refuse_many
from hpsearch.data.readers.text import MAX_CELLS, NAMED, Read
from hpsearch.exceptions import DataError

ERRORS = frozenset(("#N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!"))
"""What a cell holds whose formula has no value."""

BROKEN = (OSError, zipfile.BadZipFile, zlib.error, ValueError, TypeError, KeyError, SyntaxError)
"""What a damaged workbook raises; of damaged XML it is a syntax error."""


def read_workbook(path: Path, *, header: bool) -> Read:
    """Read the first sheet of a workbook as text: numbers with all their digits, dates as ISO 8601 has them.

    Args:
        path: The file.
        header: Whether the first row holds the names of the columns.

    Raises:
        DataError: It cannot be read, or the package that reads it is missing.
    """
    where = str(path)
    try:
        import openpyxl
    except ImportError:
        raise DataError(
            f"{where}: a workbook of Excel needs a further package: pip install 'hpsearch[excel]', or save "
            "the sheet as csv."
        ) from None
    try:
        with opened(path):  # measured before it is unpacked
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        rows = list(_rows(where, book.worksheets[0]))
        note = f"the sheet {book.sheetnames[0]!r} is read, the first of {len(book.sheetnames)}"
        book.close()
    except BROKEN as failure:
        raise DataError(f"{where}: the workbook cannot be read ({failure}).") from None
    names, rows = _named(where, rows, header=header)
    return Read(where, names, _columns(rows), notes=(note,) if len(book.sheetnames) > 1 else ())


def _rows(where: str, sheet: Any) -> Iterator[list[str]]:
    """Iterate over the rows of a sheet that hold something."""
    sheet.reset_dimensions()  # which a file may declare wrongly
    cells = 0
    for row in sheet.iter_rows(values_only=True):
        texts = [_text(value) for value in row]
        cells += len(texts)
        if cells > MAX_CELLS:
            raise DataError(f"{where}: the sheet has more than {MAX_CELLS:,} cells, which is the limit.")
        if any(texts):
            yield texts


def _text(value: Any) -> str:
    if value is None or value in ERRORS:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, date | time) else str(value).strip()


def _named(where: str, rows: list[list[str]], *, header: bool) -> tuple[list[str], list[list[str]]]:
    """Return the names of the columns, and the rows, all of one length."""
    width = max((len(row) - _empty_at_end(row) for row in rows), default=0)
    if len(rows) <= header or not width:
        raise DataError(f"{where}: the sheet has no rows{' below its header' if rows else ''}.")
    rows = [(row + [""] * width)[:width] for row in rows]
    names = rows[0] if header else [f"{NAMED}{number}" for number in range(1, width + 1)]
    if "" in names[1:]:
        raise DataError(f"{where}: column {names.index('', 1) + 1} has no name in the header.")
    rows = rows[int(header) :]
    refuse_many(where, len(rows), names)
    return names, rows


def _empty_at_end(row: Sequence[str]) -> int:
    return next((place for place, text in enumerate(reversed(row)) if text), len(row))


def _columns(rows: list[list[str]]) -> list[Any]:
    import pyarrow as pa

    return [pa.chunked_array([pa.array(column, pa.string())]) for column in zip(*rows, strict=True)]
