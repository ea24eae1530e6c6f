"""Tables from csv files: UTF-8, comma-separated, the names of the columns in the first line."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from hpsearch.datasets._loaded import MAX_BYTES, WIDEST, Loaded
from hpsearch.datasets._target import meant
from hpsearch.exceptions import DataError

if TYPE_CHECKING:
    from hpsearch.datasets._rows import Array

MISSING = frozenset(("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "?"))
"""Cells that stand for a missing value."""

MAX_FILE = 2 * 10**9
MAX_COLUMNS = 100_000
MAX_LINE = 64 * 2**20
MAX_CELLS = MAX_BYTES // 64
"""A cell takes some 60 bytes while the file is read."""

SEPARATED = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")
"""A number with a comma between the thousands."""


@dataclass(frozen=True)
class Cells:
    """One column as written: its name and one text for each row, without surrounding blanks."""

    name: str
    texts: tuple[str, ...]

    @cached_property
    def missing(self) -> Array:
        """Mark the rows without a value: (n,) bool."""
        return np.fromiter((text in MISSING for text in self.texts), dtype=bool, count=len(self.texts))

    @property
    def numbers(self) -> Array:
        """Read the cells as numbers: (n,) float64, NaN where a cell is missing or is text."""
        return self._parsed[0]

    @property
    def text(self) -> Array:
        """Mark the rows that hold something other than a number: (n,) bool."""
        return self._parsed[1]

    @cached_property
    def _parsed(self) -> tuple[Array, Array]:
        texts = ["nan" if text in MISSING else text for text in self.texts]
        try:
            return np.array([_number(text) for text in texts]), np.zeros(len(texts), dtype=bool)
        except ValueError:
            numbers = [_number_or_none(text) for text in texts]
            return np.array(numbers, dtype=np.float64), np.array([number is None for number in numbers])


@dataclass(frozen=True, eq=False)
class Table:
    """The feature columns of a csv file; `lines` holds the line on which each row ends, for messages."""

    where: str
    columns: tuple[Cells, ...]
    lines: Sequence[int]

    def complain_of_numbers(self, column: Cells) -> None:
        """Raise a `DataError` where a column of numbers holds text, or a number beyond float32."""
        if column.text.any():
            row = int(column.text.argmax())
            raise DataError(
                f"{self.where}:{self.lines[row]}: column {column.name!r} holds {column.texts[row]!r},"
                " which is not a number as in the rows for training."
            )
        # The negation finds a cell such as NAN, too, which reads as a number that is none.
        wrong = ~(np.abs(column.numbers) <= WIDEST) & ~column.missing
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(
                f"{self.where}:{self.lines[row]}: column {column.name!r} holds {column.texts[row]!r};"
                " every number must be finite and fit a float32."
            )

    def complain_of_separators(self, column: Cells) -> None:
        """Raise a `DataError` where a column is text only because its thousands are set apart."""
        first = int(column.text.argmax())
        if not SEPARATED.fullmatch(column.texts[first]):
            return
        if all(SEPARATED.fullmatch(column.texts[row]) for row in np.flatnonzero(column.text).tolist()):
            raise DataError(
                f"{self.where}:{self.lines[first]}: column {column.name!r} holds {column.texts[first]!r};"
                " numbers are written without commas."
            )


def load_csv(path: Path, target: str) -> Loaded:
    """Read a csv file and set its target column apart. Raises `DataError`, with the line where it can."""
    whole, fingerprint = _table(path)
    where, columns = whole.where, whole.columns
    position = _position(where, [column.name for column in columns], target)
    table = Table(where, (*columns[:position], *columns[position + 1 :]), whole.lines)
    return Loaded(where, table, _target(table, columns[position]), fingerprint)


def load_rows(path: Path) -> Table:
    """Read a csv file with all its columns. Raises `DataError`, with the line where it can."""
    return _table(path)[0]


def _table(path: Path) -> tuple[Table, str]:
    """Give all columns of a file, and its fingerprint."""
    where = str(path)
    try:
        _refuse_large(path)
        header, rows, lines, fingerprint = _read(path)
    except UnicodeDecodeError:
        raise DataError(f"{where}:{_first_undecodable(path)}: this line is not UTF-8.") from None
    except (OSError, MemoryError) as failure:
        raise DataError(f"{where}: the file cannot be read ({failure}).") from None
    columns = (Cells(name, texts) for name, texts in zip(header, zip(*rows, strict=True), strict=True))
    return Table(where, tuple(columns), lines), fingerprint


def _refuse_large(path: Path) -> None:
    if not path.is_file():
        raise DataError(f"{path}: there is no such file.")
    size = path.stat().st_size
    if size > MAX_FILE:
        raise DataError(f"{path}: the file has {size / 1e9:.1f} GB; csv files of up to 2 GB can be read.")


def _first_undecodable(path: Path) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


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
                raise DataError(f"{path}:{line}: this row has {len(row)} cells, the header {len(header)}.")
            if (len(rows) + 1) * len(header) > MAX_CELLS:
                raise DataError(f"{path}:{line}: more than {MAX_CELLS:,} cells cannot be read.")
            digest.update(b"\x1e" + "\x1f".join(row).encode())
            rows.append(row)
            lines.append(line)
    if not rows:
        raise DataError(f"{path}: the file has no rows below its header.")
    return header, rows, lines, digest.hexdigest()


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    """Iterate over the lines, none of them so long that it fills the memory."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise DataError(f"{path}:{number}: this line has more than {MAX_LINE:,} letters.")
        if "\0" in line:
            raise DataError(f"{path}:{number}: this line is not UTF-8 text: it holds a NUL byte.")
        yield line


def _records(path: Path, file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Iterate over the records that are not blank, with the line on which each ends."""
    reader = csv.reader(_lines(path, file), strict=True)
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
        raise DataError(f"{path}: {len(names)} columns are more than the {MAX_COLUMNS} that can be read.")
    if "" in names and len(names) > 1:
        raise DataError(f"{path}: column {names.index('') + 1} has no name in the header.")
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(f"{path}: {count} columns are named {name!r}; each needs a name of its own.")
    return names


def _position(where: str, header: list[str], target: str) -> int:
    if target not in header:
        hint = meant(target, dict.fromkeys(header))
        shown = ", ".join(map(repr, header[:10])) + (", ..." if len(header) > 10 else "")
        raise DataError(
            f"{where}: there is no target column {target!r}{hint}; the columns are {shown[:500]}."
        )
    if len(header) == 1:
        raise DataError(f"{where}: there is no column besides the target {target!r}.")
    return header.index(target)


def _target(table: Table, column: Cells) -> Array:
    if column.missing.any():
        line = table.lines[int(column.missing.argmax())]
        raise DataError(f"{table.where}:{line}: the target column {column.name!r} has no value in this row.")
    if column.text.any():
        table.complain_of_separators(column)
        return np.array(column.texts)
    table.complain_of_numbers(column)
    return column.numbers


def _number(text: str) -> float:
    if "_" in text:
        raise ValueError(text)
    return float(text)


def _number_or_none(text: str) -> float | None:
    try:
        return _number(text)
    except ValueError:
        return None
