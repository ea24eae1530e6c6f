"""Text without what a terminal would obey or a spreadsheet would run."""

from __future__ import annotations

import unicodedata
from typing import Any

JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Format characters that words of some languages are spelled with."""

OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of characters that a terminal obeys, or that cannot be seen: controls, directions, line ends."""

FORMULAS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""What a formula begins with in a spreadsheet, also as the wide letters of East Asian keyboards."""


def clean(text: str, *, line: bool = False) -> str:
    r"""Escape the characters that a terminal would interpret, such as `\u001b`.

    JSON and quoted YAML read the escapes back as the characters that they stand for.

    Args:
        text: Any text, from whatever source.
        line: Whether the result must be a single line: tabs and line ends are then escaped too.
    """
    if text.isascii() and text.isprintable():
        return text
    kept = JOINERS if line else JOINERS + "\n\t"
    return "".join(letter if letter in kept or not _is_obeyed(letter) else visible(letter) for letter in text)


def cell(value: Any) -> Any:
    """Return a value as a cell of csv that no spreadsheet takes for a formula.

    Text that it would take for one begins with an apostrophe. A number stays a number, also one that is
    written as text, such as -0.5.
    """
    if not isinstance(value, str):
        return value
    text = clean(value, line=True)
    return f"'{text}" if text.lstrip().startswith(FORMULAS) and not is_number(text) else text


def is_number(text: str) -> bool:
    """Return whether text is a number; so are `nan` and `inf`."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_clean(text: str) -> bool:
    """Return whether a word can be shown as it is, on one line."""
    return clean(text, line=True) == text


def _is_obeyed(letter: str) -> bool:
    return unicodedata.category(letter) in OBEYED


def visible(letter: str) -> str:
    """Write a character by its number, as JSON does."""
    code = ord(letter)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
