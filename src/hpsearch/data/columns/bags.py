"""Bags of words: which words the cells of a column of text hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from hpsearch.data.table import MISSING, Cells
from hpsearch.data.types import Array

WORD = re.compile(r"\w\w+")
"""A word has two letters or more, as in scikit-learn's CountVectorizer."""

MOST_WORDS = 255
"""Words of one column that become features."""

LEAST_ROWS = 5
"""Training rows that each of them occurs in at least."""


def words_in(text: str) -> set[str]:
    """Return the words of a text, in small letters."""
    return set() if text in MISSING else set(WORD.findall(text.lower()))


def frequencies(cells: Cells, rows: Array) -> Counter[str]:
    """Return in how many of some rows each word occurs."""
    counts, found = cells.counts(rows), Counter[str]()
    for code in np.flatnonzero(counts).tolist():
        found.update(dict.fromkeys(words_in(cells.words[code]), int(counts[code])))
    return found


def vocabulary(cells: Cells, rows: Array) -> list[str]:
    """Return the words that most of some rows hold, sorted."""
    common = sorted(frequencies(cells, rows).items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS]
    return sorted(word for word, count in common if count >= LEAST_ROWS)


def bag_of(cells: Cells, words: Sequence[str]) -> Array:
    """Return which rows hold which words: (words, n) bool."""
    places = {word: place for place, word in enumerate(words)}
    held = np.zeros((len(cells.words), len(words)), bool)
    for code, text in enumerate(cells.words):
        held[code, _among(places, words_in(text))] = True
    return held[cells.codes].T


def _among(places: dict[str, int], words: Iterable[str]) -> list[int]:
    return [places[word] for word in words if word in places]
