"""Of what kind a column is, as its cells and its name tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hpsearch.data.columns.dates import form_of
from hpsearch.data.columns.views import are_boolean
from hpsearch.data.encoding import FEATURES, FEW_CATEGORIES, are_many
from hpsearch.data.table import Cells, Table
from hpsearch.data.types import Array

Kind = Literal[
    "number",
    "whole number",
    "boolean",
    "category",
    "high-cardinality category",
    "date",
    "id",
    "constant",
    "text",
    "dropped",
    "target",
    "weight",
    "group",
]

UNREAD: tuple[Kind, ...] = ("id", "dropped")
"""Kinds of which not even what is missing is a feature."""

LEAST_ROWS = 20
"""Rows from which on different cells tell that a column is an id, or text."""

NEARLY_ALL = 0.9
"""The share of rows with a cell of their own from which on words are names of rows, or text."""

EVERY = 0.99
"""The share from which on whole numbers are, if the column is called a key."""

FEW_VALUES = 20
"""Different whole numbers that a column of few has at most."""

SENTENCE = 3
"""Words that the cells of a text have in the mean at least."""

KEYS = frozenset(("id", "uid", "uuid", "guid", "key", "pk", "no", "nr", "rowid"))
"""Names of keys, or last words of such names."""

ENDINGS = ("nummer", "number")


@dataclass(frozen=True)
class KindOfColumn:
    """What a column was found to be.

    Attributes:
        kind: The kind.
        form: How its dates are written.
        why: Why it is left out; empty if it is not.
    """

    kind: Kind
    form: str = ""
    why: str = ""

    @property
    def left_out(self) -> bool:
        """Return whether it becomes no feature."""
        return bool(self.why)


def kind_of(table: Table, cells: Cells, known: Array) -> KindOfColumn:
    """Find the kind of a column in the rows that are trained and judged on.

    Raises:
        DataError: It is ambiguous.
    """
    distinct = cells.distinct(known)
    if distinct <= 1:
        return KindOfColumn("constant", why="one value" if distinct else "empty")
    present = known[~cells.missing[known]]
    if not cells.text[known].any():
        return _of_numbers(cells, cells.numbers[present])
    return _of_words(table, cells, known, cells.present(known), len(present))


def _of_numbers(cells: Cells, numbers: Array) -> KindOfColumn:
    values, rows = np.unique(numbers), len(numbers)
    if len(values) == 1:
        return KindOfColumn("constant", why="one value")
    if not bool((values == np.floor(values)).all()):
        return KindOfColumn("number")
    if rows >= LEAST_ROWS and len(values) >= EVERY * rows and is_name_of_key(cells.name):
        return KindOfColumn("id", why="a key: another value in every row")
    if values.tolist() == [0, 1]:
        return KindOfColumn("boolean")
    return KindOfColumn("whole number" if len(values) <= min(FEW_VALUES, rows // 2) else "number")


def _of_words(table: Table, cells: Cells, known: Array, words: Sequence[str], rows: int) -> KindOfColumn:
    if are_boolean(words):
        return KindOfColumn("boolean")
    form = form_of(words, table.where, cells.name)
    if form is not None:
        return KindOfColumn("date", form)
    table.complain_of_text(cells, known, FEATURES)
    if rows >= LEAST_ROWS and len(words) >= NEARLY_ALL * rows:
        if _are_sentences(words):
            return KindOfColumn("text", why="free text")
        return KindOfColumn("id", why="another value in nearly every row")
    if len(words) > FEW_CATEGORIES and len(words) > rows / 2 and _are_sentences(words):
        return KindOfColumn("text", why="free text")
    return category_of(len(words), rows)


def category_of(words: int, rows: int) -> KindOfColumn:
    """Return the kind of a column of categories."""
    return KindOfColumn("high-cardinality category" if are_many(words, rows) else "category")


def _are_sentences(words: Sequence[str]) -> bool:
    return sum(len(word.split()) for word in words) >= SENTENCE * len(words)


def is_name_of_key(name: str) -> bool:
    """Return whether a column is called what keys are: `id`, `customer_id`, `PassengerId`, `Kundennummer`."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    words = [part.lower() for part in parts] or [""]
    return words[0] == "id" or words[-1] in KEYS or name.lower().endswith(ENDINGS)
