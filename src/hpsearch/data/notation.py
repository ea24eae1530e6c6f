"""How numbers are written: those with other decimal signs or thousands are read, the rest is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SYMBOLS = "$€£¥₹₽₩₺₫₪฿¢"
CODES = "EUR|USD|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|AUD|CAD|BRL|Rs"

_BODY = r"(?:\d{1,3}(?:[.,'\u2019_\s]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?"
_MONEY = rf"(?:[{SYMBOLS}]|(?:{CODES})\b\.?)"
_SIGN = r"[-+\u2212\u2013]"
_UNIT = r"(?P<unit>[^\W\d_]{1,10}(?:/[^\W\d_]{1,5})?|°\s?[CF]?)"

WRITTEN = re.compile(
    rf"=?[\"'\u2019(]?\s*{_SIGN}?\s*{_MONEY}?\s*{_SIGN}?\s*{_BODY}\s*(?:[%‰]|{_MONEY})?\s*[-\u2212\"')]?"
)
"""One number with a sign, separators, a percent sign or a currency, brackets or quotes around it."""

MEASURED = re.compile(rf"{_SIGN}?\s*{_BODY}\s*{_UNIT}")

FEW_LEVELS = 20
"""Up to so many different texts with one unit, such as `20s` and `30s`, are names of levels."""

GROUPS = (",", ".", " ", "'", "\u2019", "\u00a0", "\u202f", "\u2009")
"""What may stand between the thousands of a number."""


@dataclass(frozen=True)
class Notation:
    """How the numbers of a column are written.

    Attributes:
        decimal: The decimal sign.
        thousands: What stands between groups of three digits; empty if nothing does.
    """

    decimal: str = "."
    thousands: str = ""

    def __str__(self) -> str:
        return f"1{self.thousands}234{self.decimal}5"


PLAIN = Notation()
GERMAN = Notation(",", ".")


def number_in(text: str, notation: Notation = PLAIN) -> float | None:
    """Return the number that a text is in a notation; None if it is none."""
    if notation != PLAIN:
        return _noted(text, notation)
    if "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        bare = _unquoted(text)
    try:
        return None if bare == text else float(bare)
    except ValueError:
        return None


def numbers_in(texts: Sequence[str], notation: Notation = PLAIN) -> list[float | None]:
    """Return the numbers that texts are in a notation, None for those that are none."""
    if notation == PLAIN and not any("_" in text for text in texts):
        try:
            return list(map(float, texts))
        except ValueError:
            pass
    return [number_in(text, notation) for text in texts]


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'" else text


def _noted(text: str, notation: Notation) -> float | None:
    bare = _unquoted(text).strip()
    if bare == "nan":
        return math.nan
    if re.fullmatch(_form(notation), bare) is None:
        return None
    if notation.thousands:
        bare = bare.replace(notation.thousands, "")
    return float(bare.replace(notation.decimal, "."))


def _form(notation: Notation) -> str:
    decimal, group = re.escape(notation.decimal), re.escape(notation.thousands)
    whole = rf"(?:\d{{1,3}}(?:{group}\d{{3}})+|\d+)" if group else r"\d+"
    return rf"[-+]?(?:{whole}(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][-+]?\d+)?"


def notations_of(texts: Sequence[str]) -> list[Notation]:
    """Return the notations in which all of some texts are numbers, one for each decimal sign at most."""
    if not texts or WRITTEN.fullmatch(texts[0]) is None:
        return []
    joined, found = "".join(texts), []
    for decimal in (".", ","):
        groups = [mark for mark in GROUPS if mark in joined and mark != decimal]
        for thousands in ("", *groups):
            notation = Notation(decimal, thousands)
            if all(_noted(text, notation) is not None for text in texts):
                found.append(notation)
                break
    return found


def are_thousands(texts: Sequence[str]) -> bool:
    """Return whether all points of some numbers may stand between thousands, and there are points."""
    pointed = [text for text in texts if "." in text]
    return bool(pointed) and all(_noted(text, GERMAN) is not None for text in texts)


REMEDIES: Mapping[str, tuple[re.Pattern[str], str]] = {
    "a percent sign": (re.compile(r"[%‰]"), "write 62.9 for 62.9 %"),
    "a currency": (re.compile(rf"[{SYMBOLS}]|\b(?:{CODES})\b"), "write only the amount"),
    "quotes or brackets": (
        re.compile(r"^=|[\"'\u2019()]\s*$|^[\"'\u2019(]"),
        "write only the number, -5 for (5)",
    ),
    "another minus sign": (re.compile(r"[\u2212\u2013]|-$"), "write -5 with a hyphen before the number"),
    "separators": (
        re.compile(r"[.,'\u2019_\s]"),
        "write numbers without commas, spaces or other separators, and with a decimal point: 1234.5",
    ),
}


def written_numbers(texts: Iterable[str]) -> frozenset[str]:
    """Return the texts that are numbers in a notation that `float` does not read.

    A number with a unit counts if all such texts have the same unit, and either some have decimals or there
    are too many to be names of a few levels.
    """
    distinct = set(texts)
    written = {text for text in distinct if WRITTEN.fullmatch(text)}
    measured = [match for text in distinct - written if (match := MEASURED.fullmatch(text))]
    units = {match["unit"] for match in measured}
    decimals = any(re.search(r"\d[.,]\d", match.string) for match in measured)
    if len(units) == 1 and (len(measured) > FEW_LEVELS or decimals):
        written |= {match.string for match in measured}
    return frozenset(written)


def why_not_read(text: str) -> str:
    """Return why a text of `written_numbers` is not read, and what to write instead."""
    for what, (pattern, remedy) in REMEDIES.items():
        if pattern.search(text) and MEASURED.fullmatch(text) is None:
            return remedy if what == "separators" else f"a number with {what} is not read: {remedy}"
    return "a number with a unit is not read: write only the number, and put the unit into the column name"
