"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Iterable

from hpsearch.spec.space.parameter import Value

DASH = "\N{EN DASH}"
"""Stands where there is no value."""


MOST_WRITTEN_OUT = 1e9
"""Larger whole numbers have four digits and a power of ten."""


def short(value: Value | None) -> str:
    """Write a value with four significant digits; whole numbers and words are written out.

    A truth value is written as the study file does, and nothing as an en dash.
    """
    if value is None:
        return DASH
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < MOST_WRITTEN_OUT:
        return str(int(value))
    return four_digits(value) if isinstance(value, float) else str(value)


def four_digits(value: float) -> str:
    """Write a number with at most four significant digits."""
    return f"{value:.4g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def exact(value: Value | None) -> str | None:
    """Write a number so that it reads back as the same number; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return repr(float(value)) if isinstance(value, float) else str(value)


def replicates_words(splits: str, count: int) -> str:
    """Count replicates by what is fresh about each of them: `5 fresh seeds`, `5 fresh splits and seeds`."""
    if splits == "own":
        return amount(count, "fresh seed")
    return f"{amount(count, 'fresh split')} and seed{'' if count == 1 else 's'}"


def listed(words: Iterable[str]) -> str:
    """Write words one after another: `a`, `a and b`, `a, b and c`; nothing where there are none."""
    *some, last = (*words,) or ("",)
    return f"{', '.join(some)} and {last}" if some else last


def amount(count: int, noun: str) -> str:
    """Write a count with its noun: `1 trial`, `1,000 trials`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
