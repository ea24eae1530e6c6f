"""Validation errors as sentences for people: place, expected, found, nearest valid name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from hpsearch.exceptions import DataError, DonorError, ModelCodeError, Problem
from hpsearch.spec.sections.confirm import Confirm
from hpsearch.spec.sections.data import Data
from hpsearch.spec.sections.engine import WorkerNeeds
from hpsearch.spec.sections.ensemble import Ensemble
from hpsearch.spec.sections.search import Search
from hpsearch.spec.sections.training import Training
from hpsearch.spec.study_file.distributions import is_distribution
from hpsearch.spec.study_file.parts import MANY, ONE, Part
from hpsearch.spec.study_file.remedies import ALIASES, REMARKS, Accepts, item_of, remedy_of
from hpsearch.spec.study_file.source import Place, Source

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "string_too_short": "text that is not empty",
    "too_long": "a shorter list",
    "int_parsing_size": "a smaller number",
}
_BOUNDS = {
    "greater_than": ("a number above", "gt"),
    "greater_than_equal": ("a number of at least", "ge"),
    "less_than": ("a number below", "lt"),
    "less_than_equal": ("a number of at most", "le"),
}
_EXAMPLES = {"a number": "{uniform: [low, high]}", "a whole number": "{int: [low, high]}"}
SEARCHED = ("model", "training")
"""The sections in which distributions can stand."""

MAX_FOUND = 80

SHOWN = 40
"""Options that are listed."""

SECTIONS: dict[str, type[Part]] = {
    "data": Data,
    "training": Training,
    "search": Search,
    "confirm": Confirm,
    "ensemble": Ensemble,
    "engine": WorkerNeeds,
}


def problems_of(
    failure: ValidationError, source: Source, accepts: Accepts | None = None
) -> tuple[Problem, ...]:
    """Translate every error of a validation, in the order of the lines.

    Args:
        failure: What pydantic raised.
        source: The data that were validated, with their lines.
        accepts: Tells whether a value is valid in a place, so that the first valid candidate can be proposed;
            without it nothing is proposed.
    """
    errors = failure.errors(include_url=False)
    problems = [_problem(line, source, accepts) for line in errors]
    return tuple(sorted(problems, key=lambda problem: problem.line or 0))


def _problem(error: Any, source: Source, accepts: Accepts | None) -> Problem:
    place, context, kind = bare_place(error["loc"]), error.get("ctx", {}), error["type"]
    found = str(context["found"]) if "found" in context else show(error["input"])
    expected, nearest = _expected(error, place)
    if kind == "missing":
        found, place = "none", place[:-1]
    elif kind == "expected":
        place = (*place, *context.get("at", ()))
    if expected in _EXAMPLES and isinstance(error["input"], dict):
        expected += _of_distributions(expected, place)
    remedy = None
    if "word" in context:
        remedy = _remark(str(context["word"]), nearest)
        nearest = nearest if remedy is None else None
    elif accepts is not None and nearest is None and kind != "missing":
        remedy = remedy_of(place, item_of(source.data, place), source.data, accepts)
    file, line = source.file_of(place), source.line_of(place)
    return Problem(file, line, dotted(place), expected, found, nearest, remedy)


def _expected(error: Any, place: Place) -> tuple[str, str | None]:
    """Say what was expected in a place, and what may have been meant."""
    context, kind = error.get("ctx", {}), error["type"]
    if kind == "missing":
        return f"the key {place[-1]!r}", None
    if kind == "expected":
        options = context.get("options", [])
        word = context.get("word") or _word_in(error["input"])
        nearest = nearest_name(word, [*options, *context.get("names", [])])
        shown = "" if nearest is not None or not options else f" ({_first(options)})"
        return f"{context['expected']}{shown}", nearest
    if kind == "literal_error":
        names = [name.strip("'") for name in str(context["expected"]).replace(" or ", ", ").split(", ")]
        return str(context["expected"]), nearest_name(str(error["input"]), names)
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"{words} {context[bound]:g}", None
    return _EXPECTED.get(kind, error["msg"]), None


def _first(options: Collection[str]) -> str:
    return ", ".join(list(options)[:SHOWN]) + (", ..." if len(options) > SHOWN else "")


def bare_place(loc: Iterable[Any]) -> Place:
    """Return a place of a study file as people write it, from that of an error."""
    return tuple(part for part in loc if part not in (ONE, MANY))


def _remark(key: str, nearest: str | None) -> str | None:
    """Return why there is no such key, or in which section there is."""
    if key in REMARKS:
        return REMARKS[key]
    homes = [name for name, section in SECTIONS.items() if key in section.model_fields]
    return f"{key!r} belongs to {' or '.join(homes)}" if homes and nearest is None else None


def _of_distributions(expected: str, place: Place) -> str:
    """Return which distribution can stand in a place, or that none can."""
    if place and place[0] in SEARCHED:
        return f" or a distribution such as {_EXAMPLES[expected]}"
    return f": distributions are only allowed in {' and '.join(map(repr, SEARCHED))}"


PLACES: dict[type[Exception], Place] = {
    DataError: ("data",),
    ModelCodeError: ("model",),
    DonorError: ("model",),
}
"""Where a study file names the files that these failures are of."""


@contextmanager
def placed(
    source: Source, place: Place | None = None, kinds: tuple[type[Exception], ...] = tuple(PLACES)
) -> Iterator[None]:
    """Put the line of the study file before errors about the files that it names.

    Args:
        source: The study file.
        place: Where it names the file; by default the section that `PLACES` has for the type of the error.
        kinds: The types of errors that get a line; by default those of `PLACES`.

    Raises:
        Exception: The error again, of the same type, with its line.
    """
    try:
        yield
    except kinds as failure:
        told = str(failure)
        at = place or next(known for kind, known in PLACES.items() if isinstance(failure, kind))
        at = _named(source, at, told)
        line, path = source.line_of(at), dotted(at)
        where = source.file_of(at) + ("" if line is None else f":{line}")
        raise type(failure)(f"{where}: {'' if told.startswith(path) else f'{path}: '}{told}") from None


def _named(source: Source, at: Place, told: str) -> Place:
    """Return the place within another one that a message begins with; the other one if there is none."""
    within = (place for place in source.lines if place[: len(at)] == at)
    return max((place for place in within if told.startswith(f"{dotted(place)}: ")), key=len, default=at)


def dotted(place: Place) -> str:
    """Write a place as a dotted path, list items by their index."""
    return ".".join(map(_on_one_line, place))


def _on_one_line(key: object) -> str:
    word = str(key)
    return word if word.isprintable() else repr(word)


def show(value: Any) -> str:
    """Show what was found, shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, BaseModel):
        return "the given settings"
    if isinstance(value, Mapping) and is_distribution(value):
        ((word, arguments),) = value.items()
        text = f"the distribution {{{word}: {arguments}}}"
    elif isinstance(value, Mapping):
        text = "a mapping {" + ", ".join(map(_on_one_line, list(value)[:5])) + "}"
    elif isinstance(value, list | tuple):
        text = f"a list {list(value)!r}"
    else:
        text = repr(value)
    return text if len(text) <= MAX_FOUND else text[: MAX_FOUND - 3] + "..."


def nearest_name(word: str | None, names: Any) -> str | None:
    """Find the valid name that a mistyped word most likely meant, or None."""
    if not word:
        return None
    known = list(names)
    alias = ALIASES.get(word.lower())
    if alias in known:
        return alias
    close = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return close[0] if close else None


def _word_in(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    return str(next(iter(value))) if isinstance(value, Mapping) and len(value) == 1 else None
