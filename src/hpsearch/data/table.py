"""The columns of a table as text and as numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hpsearch.data.checks import WIDEST
from hpsearch.data.types import Array
from hpsearch.data.written_numbers import why_not_read, written_numbers
from hpsearch.exceptions import DataError

MISSING = frozenset(("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "?"))
"""Cells that stand for a missing value."""

MAX_COLUMNS = 100_000

DIGIT = re.compile(r"\d")

SHOWN = 5
"""Words that a message lists."""


@dataclass(frozen=True)
class Cells:
    """One column as text, one for each row, without surrounding whitespace."""

    name: str
    texts: tuple[str, ...]

    @cached_property
    def missing(self) -> Array:
        """Return which rows have no value: (n,) bool."""
        return np.fromiter((text in MISSING for text in self.texts), dtype=bool, count=len(self.texts))

    @property
    def numbers(self) -> Array:
        """Return the cells as numbers: (n,) float64, NaN where a cell is missing or is text."""
        return self._parsed[0]

    @property
    def text(self) -> Array:
        """Return which rows hold something other than a number: (n,) bool."""
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
    """The columns of a csv file.

    Attributes:
        where: The file, with which each error message begins.
        columns: The columns.
        lines: The line on which each row ends, for messages.
    """

    where: str
    columns: tuple[Cells, ...]
    lines: Sequence[int]

    def complain_of_numbers(self, column: Cells) -> None:
        """Check that a column of numbers holds no text, and no number beyond float32.

        Raises:
            DataError: It does; the message names the first such cell.
        """
        if column.text.any():
            row = int(column.text.argmax())
            raise DataError(
                f"{self.where}:{self.lines[row]}: column {column.name!r} holds {column.texts[row]!r},"
                " which is not a number as in the training rows."
            )
        # The negation finds a cell such as NAN, too, which reads as a number that is none.
        wrong = ~(np.abs(column.numbers) <= WIDEST) & ~column.missing
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(
                f"{self.where}:{self.lines[row]}: column {column.name!r} holds {column.texts[row]!r};"
                " every number must be finite and fit a float32."
            )

    def complain_of_text(self, column: Cells, among: Array, remedy: str) -> None:
        """Check that a column with text really holds words, not numbers in another notation.

        A column of which more than half of the cells are numbers is not taken for words either.

        Args:
            column: The column.
            among: Positions of the rows to check.
            remedy: What the message recommends where words stand among numbers.

        Raises:
            DataError: The column is ambiguous.
        """
        rows = among[column.text[among]]
        words = Counter(column.texts[row] for row in rows.tolist())
        present = int((~column.missing[among]).sum())
        if len(rows) == present and not any(map(DIGIT.search, words)):
            return
        written = written_numbers(words)
        others = Counter({word: count for word, count in words.items() if word not in written})
        where, cell = f"{self.where}:{self.lines[int(rows[0])]}", column.texts[int(rows[0])]
        if not others:
            raise DataError(f"{where}: column {column.name!r} holds {cell!r}; {why_not_read(cell)}.")
        numbers = present - others.total()
        if 2 * numbers > present:
            raise DataError(
                f"{self._line_of(column, rows, others)}: column {column.name!r} holds numbers in "
                f"{numbers:,} of {present:,} cells, and words in the other cells: {_counted(others)}. "
                f"{remedy}"
            )

    def _line_of(self, column: Cells, rows: Array, words: Counter[str]) -> str:
        row = next(row for row in rows.tolist() if column.texts[row] in words)
        return f"{self.where}:{self.lines[row]}"


def _counted(words: Counter[str]) -> str:
    shown = [
        f"{word!r} ({count:,} times)" if count > 1 else repr(word) for word, count in words.most_common(SHOWN)
    ]
    return ", ".join(shown) + (f" and {len(words) - SHOWN:,} more" if len(words) > SHOWN else "")


def _number(text: str) -> float:
    if "_" in text:
        raise ValueError(text)
    try:
        return float(text)
    except ValueError:
        if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'":
            return float(text[1:-1])
        raise


def _number_or_none(text: str) -> float | None:
    try:
        return _number(text)
    except ValueError:
        return None
