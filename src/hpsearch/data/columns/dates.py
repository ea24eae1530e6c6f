"""Dates and times of day in words: in which form they are written, and the numbers that they become."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from hpsearch.exceptions import DataError

ISO = "ISO 8601"
"""The form that stands for all of that standard: `2024-01-31`, `2024-01-31 17:05`, `2024-01-31T17:05Z`."""

_DAYS = ("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%Y.%m.%d", "%d-%m-%Y")
_MONTHS = ("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
TIMES_OF_DAY = ("%H:%M", "%H:%M:%S", "%I:%M %p")

FORMS = (ISO, "%Y-%m", *(day + time for day in (*_DAYS, *_MONTHS) for time in _TIMES), *TIMES_OF_DAY)
"""The forms that are found, those of `strptime`."""

CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?")
"""A time of day has two digits behind the colon, which the score of a match need not have."""


KEPT = 2**17
"""Dates that are kept, because each is read to find the form, and again in it."""


@lru_cache(maxsize=KEPT)
def moment_of(word: str, form: str) -> datetime | None:
    """Return the date and time that a word is in a form; None if it is none. Zones become UTC."""
    try:
        if form != ISO:
            written = form not in TIMES_OF_DAY or CLOCK.fullmatch(word)
            return datetime.strptime(word, form) if written else None  # noqa: DTZ007 - tables have no zone
        found = datetime.fromisoformat(word)
    except ValueError:
        return None
    return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)


@lru_cache(maxsize=4)
def moments_of(words: tuple[str, ...], form: str) -> tuple[datetime | None, ...]:
    """Return the dates and times that words are, which several numbers are taken from."""
    return tuple(moment_of(word, form) for word in words)


def forms_of(words: Sequence[str]) -> list[str]:
    """Return the forms in which every one of some words is a date or a time."""
    if not words or not any(map(str.isdigit, words[0])):
        return []
    fitting = [form for form in FORMS if moment_of(words[0], form) is not None]
    return [form for form in fitting if all(moment_of(word, form) is not None for word in words)]


def form_of(words: Sequence[str], where: str, name: str) -> str | None:
    """Return the form in which every one of some words is a date or a time; None if there is none.

    Raises:
        DataError: The day and the month may be either.
    """
    forms = forms_of(words)
    if len(forms) > 1 and forms[0].startswith("%m/%d"):
        other = f'"{forms[1]}"'
        raise DataError(
            f"{where}: column {name!r} holds dates such as {words[0]!r}, whose first number may be the day "
            f"or the month: say it by 'columns: {{{name}: {{date: {other}}}}}' in the data section, or by "
            f'"{forms[0]}" there.'
        )
    return forms[0] if forms else None


def _months(when: datetime) -> float:
    return (when.month - 1 + (when.day - 1) / 31) / 12


def _hours(when: datetime) -> float:
    return (when.hour + when.minute / 60 + when.second / 3600) / 24


CYCLES: Mapping[str, Callable[[datetime], float]] = {
    "month": _months,
    "weekday": lambda when: when.weekday() / 7,
    "hour": _hours,
}
"""How far a date is in a cycle, from 0 to 1."""

YEAR = "year"


def parts_of(moments: Sequence[datetime], form: str) -> list[str]:
    """Return the numbers that dates become: the year, and a sine and a cosine of each cycle.

    What is the same for all of them is left out.
    """
    cycles = list(CYCLES)
    if form in TIMES_OF_DAY:
        cycles = ["hour"]
    elif form == "%Y-%m":
        cycles = ["month"]
    years = [YEAR] if form not in TIMES_OF_DAY and len({when.year for when in moments}) > 1 else []
    going = [name for name in cycles if len({CYCLES[name](when) for when in moments}) > 1]
    return [*years, *(f"{name} {wave}" for name in going for wave in ("sin", "cos"))]


def number_of(when: datetime, part: str) -> float:
    """Return a part of a date as a number."""
    if part == YEAR:
        return float(when.year)
    cycle, _, wave = part.rpartition(" ")
    angle = 2 * math.pi * CYCLES[cycle](when)
    return math.sin(angle) if wave == "sin" else math.cos(angle)
