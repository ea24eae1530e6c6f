"""Markdown as the dashboard renders it (GitHub's), in which the words of a study stay text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from hpsearch.report.tables.tables import ReportTable

LONGEST = 1_000
"""Letters of a text that are shown; the cause of a failure may be a whole listing."""

_CONTROLS = {"Cc", "Cs", "Cn"}
_DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Characters that reverse the direction of the text after them."""

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~&!$]")
_LINK = re.compile(r"https?://|www\.|@", re.IGNORECASE)
_LIST_ITEM = re.compile(r"(\d+)([.)])(?!\S)")
_TICKS = re.compile(r"`+")


def text(plain: str) -> str:
    """Write words on one line so that none of them is taken for markup, a link or a name to mention."""
    words = (code(word) if _LINK.search(word) else _SPECIAL.sub(r"\\\g<0>", word) for word in _words(plain))
    line = " ".join(words)
    if line[:1] in {"-", "+", "="}:
        return f"\\{line}"
    return _LIST_ITEM.sub(r"\1\\\2", line, count=1) if _LIST_ITEM.match(line) else line


def _words(plain: str) -> list[str]:
    clean = "".join(map(_visible, plain)).split()
    line = " ".join(clean)
    return (line if len(line) <= LONGEST else f"{line[:LONGEST]}\N{HORIZONTAL ELLIPSIS}").split(" ")


def _visible(letter: str) -> str:
    """Replace what cannot be seen, but for white space; half of a surrogate pair is such a letter."""
    hidden = unicodedata.category(letter) in _CONTROLS and not letter.isspace()
    turned = unicodedata.bidirectional(letter) in _DIRECTIONS
    return "\N{REPLACEMENT CHARACTER}" if hidden or turned else letter


def code(word: str) -> str:
    """Write a word as code, in which nothing is markup."""
    ticks = "`" * (max(map(len, _TICKS.findall(word)), default=0) + 1)
    room = " " if word[:1] == "`" or word[-1:] == "`" else ""
    return f"{ticks}{room}{word}{room}{ticks}"


def heading(plain: str) -> str:
    """Write a heading; those of the dashboard are larger."""
    return f"#### {text(plain)}"


def bullets(items: Iterable[str]) -> str:
    """Write Markdown as a list."""
    return "\n".join(f"- {item}" for item in items)


def table(rows: Iterable[Sequence[str]], columns: Sequence[str]) -> str:
    """Write words as a table."""
    lines = [columns, *rows]
    rendered = [_row(map(_cell, line)) for line in lines]
    return "\n".join([rendered[0], _row(":---" for _ in columns), *rendered[1:]])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(plain: str) -> str:
    # A bar parts cells even inside of code. The dashboard has no style that holds columns apart.
    return re.sub(r"(?<!\\)\|", r"\\|", text(plain)) + "\N{EM SPACE}"


def report_table(made: ReportTable, columns: Sequence[str], most: int) -> str:
    """Write some columns of a table of the report, and at most so many of its rows."""
    places = [made.columns.index(column) for column in columns]
    rows = [[row[place].text for place in places] for row in made.rows[:most]]
    rendered = table(rows, columns)
    left = len(made.rows) - len(rows)
    return rendered if not left else f"{rendered}\n\nThe report lists {left:,} more."


def note(*parts: str) -> str:
    """Put the parts of a note below each other, those left out that are empty."""
    return "\n\n".join(filter(None, parts))
