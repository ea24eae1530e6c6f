"""Numbers that are taken of columns of words: parts of dates, true and false, whether there is one."""

from __future__ import annotations

from collections.abc import Sequence

from hpsearch.data.columns.dates import moments_of, number_of
from hpsearch.data.table import MISSING, Cells, View

BOOLEANS = (
    ("no", "yes"),
    ("n", "y"),
    ("false", "true"),
    ("nein", "ja"),
    ("falsch", "wahr"),
    ("non", "oui"),
    ("off", "on"),
)
"""Words for false and true, in small letters."""

BOOLEAN, ABSENT = "boolean", "missing"
"""Views that are no part of a date."""


def are_boolean(words: Sequence[str]) -> bool:
    """Return whether words stand for true and false, both of them."""
    found = {word.lower() for word in words}
    return any(found == set(pair) for pair in BOOLEANS)


def viewed(cells: Cells, view: View) -> Cells:
    """Return the numbers that are taken of a column, as a column; a word that is none stays what it is."""
    if view.part == BOOLEAN:
        words = [_TRUTH.get(word.lower(), word) for word in cells.words]
    elif view.part == ABSENT:
        words = [str(int(word in MISSING)) for word in cells.words]
    else:
        words = _parts(cells.words, view)
    return Cells(view.name, cells.codes, tuple(words), view=view)


_TRUTH = {word: str(value) for pair in BOOLEANS for value, word in enumerate(pair)}


def _parts(words: tuple[str, ...], view: View) -> list[str]:
    moments = moments_of(words, view.form)
    return [
        word if when is None else repr(number_of(when, view.part))
        for word, when in zip(words, moments, strict=True)
    ]
