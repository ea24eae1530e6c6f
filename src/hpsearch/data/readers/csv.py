"""Tables from csv files: UTF-8, comma-separated, the names of the columns in the first line."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from hpsearch.data.archives import MAX_BYTES
from hpsearch.data.checks import meant
from hpsearch.data.loaded import Loaded, of_themselves
from hpsearch.data.readers.foreign_files import REMEDY, UNNAMED, encoding_of, header_hint, kind_of_file
from hpsearch.data.table import MAX_COLUMNS, Cells, Table
from hpsearch.data.types import Array
from hpsearch.exceptions import DataError
from hpsearch.spec.sections.data import ITSELF

MAX_FILE = 2 * 10**9
MAX_LINE = 64 * 2**20
MAX_CELLS = MAX_BYTES // 64
"""A cell takes some 60 bytes while the file is read."""


def load_csv(
    path: Path,
    targets: tuple[str, ...],
    weight: str | None = None,
    *,
    classes: bool = False,
    past: bool = False,
) -> Loaded:
    """Read a csv file and separate its target columns, and that of the weights of the rows.

    Args:
        path: The file.
        targets: The names of the target columns; `x` alone, if no column has that name, for rows that are
            their own targets.
        weight: The name of the column of weights, which is no feature; None if there is none.
        classes: Whether the targets are known to be classes, so that numbers may occur among words.
        past: Whether the target's column is a feature too, as of windows, which hold its past.

    Raises:
        DataError: It cannot be read; the message has the line where there is one.
    """
    whole, fingerprint = _table(path)
    _refuse_index(whole)
    whole, weights = _without_weights(whole, weight)
    where, columns = whole.where, whole.columns
    names = [column.name for column in columns]
    if targets == (ITSELF,) and ITSELF not in names and not past:
        y = np.zeros(len(whole.lines))
        return of_themselves(Loaded(where, whole, y, fingerprint, weights=weights))
    positions = [_position(where, names, target, "target") for target in targets]
    left = tuple(column for place, column in enumerate(columns) if past or place not in positions)
    if not left:
        raise DataError(f"{where}: there is no column besides the target {', '.join(map(repr, targets))}.")
    table = Table(where, left, whole.lines)
    if len(positions) == 1:
        y = _target(table, columns[positions[0]], classes=classes)
        return Loaded(where, table, y, fingerprint, weights=weights)
    y = np.column_stack([_number_target(table, columns[position]) for position in positions])
    return Loaded(where, table, y, fingerprint, targets=targets, weights=weights)


def _without_weights(whole: Table, weight: str | None) -> tuple[Table, Array | None]:
    """Separate the column of weights from a table that has one."""
    if weight is None:
        return whole, None
    columns = whole.columns
    place = _position(whole.where, [column.name for column in columns], weight, "weight")
    left = (*columns[:place], *columns[place + 1 :])
    if not left:
        raise DataError(f"{whole.where}: there is no column besides the weight {weight!r}.")
    return Table(whole.where, left, whole.lines), _weights(whole, columns[place])


def _number_target(table: Table, column: Cells) -> Array:
    if column.text.any():
        table.complain_of_numbers(column)
    return _target(table, column, classes=False)


def load_rows(path: Path) -> Table:
    """Read a csv file with all its columns.

    Raises:
        DataError: It cannot be read; the message has the line where there is one.
    """
    return _table(path)[0]


def _table(path: Path) -> tuple[Table, str]:
    """Return all columns of a file, and its fingerprint."""
    where = str(path)
    try:
        _refuse_foreign(path)
        header, rows, lines, fingerprint = _read(path)
    except UnicodeDecodeError:
        line, guess = _first_undecodable(path)
        looks = f", but looks like {guess}: save the file as UTF-8" if guess else ""
        raise DataError(f"{where}:{line}: this line is not UTF-8{looks}.") from None
    except (OSError, MemoryError) as failure:
        raise DataError(f"{where}: the file cannot be read ({failure}).") from None
    columns = (Cells(name, texts) for name, texts in zip(header, zip(*rows, strict=True), strict=True))
    return Table(where, tuple(columns), lines), fingerprint


def _refuse_foreign(path: Path) -> None:
    """Refuse what is not a file, is too large, or is not text."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file.")
    size = path.stat().st_size
    if size > MAX_FILE:
        raise DataError(f"{path}: the file has {size / 1e9:.1f} GB; the limit for csv files is 2 GB.")
    kind = kind_of_file(path)
    if kind is not None:
        raise DataError(f"{path}: this is {kind}, not a csv file. {REMEDY}")


def _first_undecodable(path: Path) -> tuple[int, str]:
    """Return the first line that is not UTF-8, and a guess at its encoding."""
    start = b""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            start = start or line
            try:
                line.decode()
            except UnicodeDecodeError:
                return number, encoding_of(line, start)
    return 1, ""


def _read(path: Path) -> tuple[list[str], list[list[str]], list[int], str]:
    digest = hashlib.sha256()
    rows: list[list[str]] = []
    lines: list[int] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = _records(path, file)
        header = _header(path, next(records, (0, []))[1])
        digest.update("\x1f".join(header).encode())
        for line, row in records:
            if len(row) != len(header):
                raise DataError(
                    f"{path}:{line}: this row has {len(row)} cells, but the header has {len(header)}."
                    f"{header_hint(header)}"
                )
            if (len(rows) + 1) * len(header) > MAX_CELLS:
                raise DataError(
                    f"{path}:{line}: the file has more than {MAX_CELLS:,} cells, which is the limit."
                )
            digest.update(b"\x1e" + "\x1f".join(row).encode())
            rows.append(row)
            lines.append(line)
    if not rows:
        raise DataError(f"{path}: the file has no rows below its header.{header_hint(header)}")
    return header, rows, lines, digest.hexdigest()


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    """Iterate over the lines, refusing one that would fill the memory."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise DataError(f"{path}:{number}: this line has more than {MAX_LINE:,} characters.")
        if "\0" in line:
            raise DataError(
                f"{path}:{number}: this line is not UTF-8 text: it holds a NUL byte. A file in UTF-16"
                " does: save it as UTF-8."
            )
        yield line


def _records(path: Path, file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Iterate over the records that are not blank, with the line where each ends."""
    # A blank before a quote is skipped: else the quotes would be letters of the cell.
    reader = csv.reader(_lines(path, file), strict=True, skipinitialspace=True)
    while True:
        first = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as failure:
            raise DataError(f"{path}:{first}: this is not a csv row ({failure}).") from None
        if record is None:
            return
        if record:
            yield reader.line_num, [cell.strip() for cell in record]


def _header(path: Path, names: list[str]) -> list[str]:
    if not names:
        raise DataError(f"{path}: the file is empty.")
    if len(names) > MAX_COLUMNS:
        raise DataError(f"{path}: {len(names)} columns exceed the limit of {MAX_COLUMNS}.")
    if "" in names and len(names) > 1:
        position = names.index("") + 1
        index = f" This looks like the index of a pandas table: {REMEDY}" if position == 1 else ""
        raise DataError(f"{path}: column {position} has no name in the header.{index}")
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(f"{path}: {count} columns are named {name!r}; column names must be unique.")
    return names


def _position(where: str, header: list[str], name: str, what: str) -> int:
    if name not in header:
        hint = meant(name, dict.fromkeys(header))
        shown = ", ".join(map(repr, header[:10])) + (", ..." if len(header) > 10 else "")
        raise DataError(
            f"{where}: there is no {what} column {name!r}{hint}; the columns are {shown[:500]}."
            f"{header_hint(header)}"
        )
    return header.index(name)


def _refuse_index(table: Table) -> None:
    """Refuse the index of a pandas table that was written twice: it would become a feature."""
    for column in table.columns:
        if not column.name.startswith(UNNAMED) or column.text.any() or column.missing.any():
            continue
        if (np.diff(column.numbers) == 1).all():
            raise DataError(
                f"{table.where}: column {column.name!r} numbers the rows: it is the index of a pandas table,"
                f" which is not a feature. {REMEDY}"
            )


def _target(table: Table, column: Cells, *, classes: bool) -> Array:
    _has_values(table, column, "target")
    if column.text.any():
        if not classes:
            table.complain_of_text(column, np.arange(len(column.texts)), TARGETS)
        return np.array(column.texts)
    table.complain_of_numbers(column)
    return column.numbers


def _weights(table: Table, column: Cells) -> Array:
    _has_values(table, column, "weight")
    table.complain_of_numbers(column)
    negative = column.numbers < 0
    if negative.any():
        row = int(negative.argmax())
        raise DataError(
            f"{table.where}:{table.lines[row]}: the weight column {column.name!r} holds "
            f"{column.texts[row]!r}; a weight must be 0 or more."
        )
    return column.numbers.astype(np.float32)


def _has_values(table: Table, column: Cells, what: str) -> None:
    if column.missing.any():
        line = table.lines[int(column.missing.argmax())]
        raise DataError(f"{table.where}:{line}: the {what} column {column.name!r} has no value in this row.")


TARGETS = (
    "Delete rows without a target; if all values are names of classes, write 'task: classification' in the"
    " data section."
)
