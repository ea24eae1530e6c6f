"""The columns of a table as text and as numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from hpsearch.data.checks import WIDEST
from hpsearch.data.notation import PLAIN, Notation, numbers_in, why_not_read, written_numbers
from hpsearch.data.types import Array
from hpsearch.exceptions import DataError

MISSING = frozenset(("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "?"))
"""Cells that stand for a missing value."""

MAX_COLUMNS = 100_000

DIGIT = re.compile(r"\d")

SHOWN = 5
"""Words that a message lists."""


@dataclass(frozen=True)
class View:
    """What is taken of a column in the place of its cells.

    Attributes:
        source: The name of the column.
        part: What is taken of each cell: a part of a date, `boolean`, or `missing`.
        form: How dates are written.
    """

    source: str
    part: str
    form: str = ""

    @property
    def name(self) -> str:
        """Return the name of what is taken, as a column."""
        return self.source if self.part == "boolean" else f"{self.source} {self.part}"

    @property
    def binary(self) -> bool:
        """Return whether it is 0 or 1 for what is not a number, which is never scaled."""
        return self.part in ("boolean", "missing")

    @property
    def expected(self) -> str:
        """Say what a cell has to be."""
        return "true or false" if self.part == "boolean" else f"a date ({self.form})"


@dataclass(frozen=True, eq=False)
class Cells:
    """One column of texts without surrounding whitespace.

    Attributes:
        name: The name of the column.
        codes: (n,) int, the position of each row's text among the words.
        words: The different texts.
        notation: How the numbers of the column are written.
        view: What the column was taken of; None for a column of the table.
        taken_as: What its cells are by the word of the study: categories, though they may be numbers, or text
            that becomes a bag of words; empty where they tell it themselves.
    """

    name: str
    codes: Array
    words: tuple[str, ...]
    notation: Notation = PLAIN
    view: View | None = None
    taken_as: Literal["", "categories", "text"] = ""

    @classmethod
    def of(cls, name: str, texts: Iterable[str]) -> Cells:
        """Return a column of texts, one for each row."""
        places: dict[str, int] = {}
        codes = [places.setdefault(text.strip(), len(places)) for text in texts]
        return cls(name, np.array(codes, dtype=np.int32), tuple(places))

    def __len__(self) -> int:
        return len(self.codes)

    def at(self, row: int) -> str:
        """Return the text of a row."""
        return self.words[int(self.codes[row])]

    @cached_property
    def missing(self) -> Array:
        """Return which rows have no value: (n,) bool."""
        return self.spread([word in MISSING for word in self.words], bool)

    @property
    def numbers(self) -> Array:
        """Return the cells as numbers: (n,) float64, NaN where a cell is missing or is text."""
        return self._parsed[0]

    @property
    def text(self) -> Array:
        """Return which rows hold something other than a number: (n,) bool."""
        return self._parsed[1]

    def spread(self, values: Sequence[object], kind: type) -> Array:
        """Return for each row what was found of its word: (n,)."""
        found: Array = np.array(values, dtype=kind)[self.codes]
        return found

    def counts(self, rows: Array) -> Array:
        """Return how many of some rows have each word: (words,) int."""
        return np.bincount(self.codes[rows], minlength=len(self.words))

    def present(self, rows: Array) -> list[str]:
        """Return the different texts of some rows that are not missing, sorted."""
        used = np.unique(self.codes[rows]).tolist()
        return sorted(word for word in (self.words[code] for code in used) if word not in MISSING)

    def distinct(self, rows: Array) -> int:
        """Return how many different texts some rows have that are not missing."""
        return int(np.count_nonzero(self.counts(rows[~self.missing[rows]])))

    def noted(self, notation: Notation) -> Cells:
        """Return the column with its numbers written in a notation."""
        return replace(self, notation=notation)

    @property
    def filled(self) -> list[str]:
        """Return the different texts that are not missing."""
        return [word for word in self.words if word not in MISSING]

    @cached_property
    def _parsed(self) -> tuple[Array, Array]:
        found = numbers_in(["nan" if word in MISSING else word for word in self.words], self.notation)
        if None not in found:
            return self.spread(found, float), np.zeros(len(self), dtype=bool)
        numbers = [np.nan if number is None else number for number in found]
        return self.spread(numbers, float), self.spread([number is None for number in found], bool)


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of a table.

    Attributes:
        where: The file, with which each error message begins.
        columns: The columns.
        rows: The number of rows.
        place: Tells the file and the line of a row, for messages.
    """

    where: str
    columns: tuple[Cells, ...]
    rows: int
    place: Callable[[int], str]

    def complain_of_numbers(self, column: Cells) -> None:
        """Check that a column of numbers holds no text, and no number beyond float32.

        Raises:
            DataError: It does; the message names the first such cell.
        """
        if column.text.any():
            row = int(column.text.argmax())
            name, expected = column.name, "a number"
            if column.view is not None:
                name, expected = column.view.source, column.view.expected
            raise DataError(
                f"{self.place(row)}: column {name!r} holds {column.at(row)!r}, which is not {expected} as in"
                " the training rows."
            )
        # The negation finds a cell such as NAN, too, which reads as a number that is none.
        wrong = ~(np.abs(column.numbers) <= WIDEST) & ~column.missing
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(
                f"{self.place(row)}: column {column.name!r} holds {column.at(row)!r};"
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
        counts = column.counts(rows)
        words = Counter({column.words[place]: int(counts[place]) for place in np.flatnonzero(counts)})
        present = int((~column.missing[among]).sum())
        if len(rows) == present and not any(map(DIGIT.search, words)):
            return
        written = written_numbers(words)
        others = Counter({word: count for word, count in words.items() if word not in written})
        if not others:
            cell = column.at(int(rows[0]))
            raise DataError(
                f"{self.place(int(rows[0]))}: column {column.name!r} holds {cell!r}; {why_not_read(cell)}."
            )
        numbers = present - others.total()
        if 2 * numbers > present:
            row = next(row for row in rows.tolist() if column.at(row) in others)
            raise DataError(
                f"{self.place(row)}: column {column.name!r} holds numbers in "
                f"{numbers:,} of {present:,} cells, and words in the other cells: "
                f"{_counted(others, column, rows)}. {remedy}"
            )


def _counted(words: Counter[str], column: Cells, rows: Array) -> str:
    """Return the words with how often each occurs, those that come first in the file before the others."""
    order = dict.fromkeys(column.at(row) for row in rows.tolist())
    shown = sorted((word for word in order if word in words), key=lambda word: -words[word])[:SHOWN]
    told = [f"{word!r} ({words[word]:,} times)" if words[word] > 1 else repr(word) for word in shown]
    return ", ".join(told) + (f" and {len(words) - SHOWN:,} more" if len(words) > SHOWN else "")
