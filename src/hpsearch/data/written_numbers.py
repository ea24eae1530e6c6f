"""Numbers in notations that `float` does not read, which are refused with what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

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
