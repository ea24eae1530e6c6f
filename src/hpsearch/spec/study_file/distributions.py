"""Distributions of the study file: what may stand wherever a value may."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

T = TypeVar("T")

MAX_OPTIONS = 1_000

MAX_STEPS = 10**15
"""More steps than this in a range are without end."""

NEARLY = Decimal("1e-8")
"""What a last step may lack to a whole one, where bounds and steps are fractions that no float is."""

DEFINITION = "x-definition"
"""The key under which a JSON Schema says by what name it stands among the definitions."""

DEFINED: dict[str, dict[str, Any]] = {}
"""JSON Schemas by that name, of what stands in so many places that it is made only once."""

SEARCHABLE = "searchable"
"""What the name of the definition of a value begins with in whose place a distribution may stand."""


@dataclass(frozen=True)
class Choice:
    """One of several options; an option may hold distributions of its own.

    Where it is `shared` under a name, every place with that name has the same value.
    """

    options: tuple[Any, ...]
    shared: str | None = None


@dataclass(frozen=True)
class Numeric:
    """A number between `low` and `high`, both included, on a linear or logarithmic scale."""

    low: float
    high: float
    step: float | None = None
    log: bool = False
    integer: bool = False
    shared: str | None = None

    @property
    def steps(self) -> int | None:
        """Count the steps from the low bound to the last value; None where there is no end of values."""
        if self.step is None and not self.integer:
            return None
        steps = _distance(self.low, self.high) / _decimal(self.step or 1)
        return int(steps + NEARLY) if steps < MAX_STEPS else None

    def at(self, index: int) -> float:
        """Return a value of a finite distribution by its number, from 0."""
        number = self.low + index * (self.step or 1)
        return int(number) if self.integer else min(number, self.high)

    @property
    def last(self) -> float:
        """Return the largest value: the high bound, or what the steps reach below it."""
        if self.step is None or self.steps is None:
            return self.high
        reached = min(_decimal(self.low) + self.steps * _decimal(self.step), _decimal(self.high))
        return int(reached) if self.integer else float(reached)

    @property
    def word(self) -> str:
        """Return the reserved word under which the study file writes this distribution."""
        return ("log_" if self.log else "") + ("int" if self.integer else "uniform")

    @property
    def arguments(self) -> list[float]:
        """List the bounds, and the step where there is one, as the study file writes them."""
        return [self.low, self.high] + ([] if self.step is None else [self.step])


Distribution = Choice | Numeric


@dataclass(frozen=True)
class Shared:
    """What stands under a name that several places share, as the study file has it."""

    name: str
    raw: Any

    def __repr__(self) -> str:
        return f"{self.raw!r}, which is shared as {self.name!r}"


def _decimal(number: float) -> Decimal:
    """Return a number as it is written, in which 0.3 is 0.1 and 0.2; Optuna counts steps so, too."""
    return Decimal(repr(number))


def _distance(low: float, high: float) -> Decimal:
    return _decimal(high) - _decimal(low)


def alternatives(value: Any) -> list[Any]:
    """List what can stand in a place: the options of choices, however deep."""
    if isinstance(value, Choice):
        return [inner for option in value.options for inner in alternatives(option)]
    return [value]


def bounds(value: Any) -> tuple[float, float]:
    """Return the least and the largest number that can stand in a place."""
    if isinstance(value, Choice):
        lows, highs = zip(*map(bounds, value.options), strict=True)
        return min(lows), max(highs)
    return (value.low, value.high) if isinstance(value, Numeric) else (value, value)


RESERVED = ("choice", "uniform", "log_uniform", "int", "log_int")

LOWS, HIGHS = ("low", "min", "from", "start", "lower"), ("high", "max", "to", "end", "upper")
"""Names that other tools have for the bounds of a range."""

_Handler = Callable[[Any], Any]


def is_distribution(raw: object) -> bool:
    """Return whether a mapping reads as a distribution: a reserved word with a list as its value."""
    if not isinstance(raw, dict) or len(raw) != 1:
        return False
    ((word, arguments),) = raw.items()
    return word in RESERVED and isinstance(arguments, list)


def problem(expected: str, **context: object) -> PydanticCustomError:
    """Make an error that says what was expected.

    `at` in `context` names a place inside the part that is validated.
    """
    return PydanticCustomError("expected", "{expected}", {"expected": expected, **context})


def gather(title: str, failures: list[tuple[tuple[str | int, ...], Exception, Any]]) -> ValidationError:
    """Join the errors of several parts into one, each under the place of its part."""
    details: list[InitErrorDetails] = []
    for place, failure, found in failures:
        if isinstance(failure, ValidationError):
            for line in failure.errors(include_url=False):
                context = line.get("ctx", {})
                where = place + line["loc"]
                details.append(
                    InitErrorDetails(type=kind_of(line), loc=where, input=line["input"], ctx=context)
                )
        else:
            error = failure if isinstance(failure, PydanticCustomError) else problem(str(failure))
            details.append(InitErrorDetails(type=error, loc=place, input=found))
    return ValidationError.from_exception_data(title, details)


def kind_of(line: Any) -> Any:
    """Return the type of an error in the form in which it can be raised again."""
    if line["type"] not in {"expected", "value_error"}:
        return line["type"]
    context = line.get("ctx", {})
    text = str(context.get("expected", line["msg"]))
    return PydanticCustomError("expected", "{expected}", {**context, "expected": text})


class _SearchableMarker:
    """Let a distribution over the annotated type stand in the place of its value."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_wrap_validator_function(self.validate, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        inner = handler(schema)
        words = numeric_words(handler.resolve_ref_schema(inner))
        nested = {**one_of({"choice": {"type": "array", "minItems": 1}}), DEFINITION: "choice"}
        options = {"type": "array", "minItems": 1, "items": {"anyOf": [inner, *words, nested]}}
        name = _name_of(inner)
        choice, shared = ({DEFINITION: f"{word}.{name}"} if name else {} for word in ("choice", SEARCHABLE))
        return {"anyOf": [inner, *words, {**one_of({"choice": options}), **choice}], **shared}

    def validate(self, raw: Any, handler: _Handler) -> Any:
        if isinstance(raw, Choice | Numeric):
            return raw
        if isinstance(raw, Shared):
            accepted = self.validate(raw.raw, handler)
            return replace(accepted, shared=raw.name) if isinstance(accepted, Choice | Numeric) else accepted
        if not is_distribution(raw):
            return handler(raw)
        ((word, arguments),) = raw.items()
        if word == "choice":
            return self._choice(arguments, handler)
        return _numeric(word, arguments, handler)

    def _choice(self, options: list[Any], handler: _Handler) -> Choice:
        if not options:
            raise problem("at least one option in 'choice'")
        if len(options) > MAX_OPTIONS:
            raise problem(f"at most {MAX_OPTIONS} options in 'choice'", found=f"{len(options)} options")
        accepted: list[Any] = []
        failures: list[tuple[tuple[str | int, ...], Exception, Any]] = []
        for index, option in enumerate(options):
            try:
                accepted.append(self.validate(option, handler))
            except (ValidationError, PydanticCustomError) as failure:
                failures.append((("choice", index), failure, option))
        if failures:
            raise gather("choice", failures)
        for index, value in enumerate(accepted):
            if any(value == earlier for earlier in accepted[:index]):
                failures.append(
                    (("choice", index), problem("options that differ from each other"), options[index])
                )
        if failures:
            raise gather("choice", failures)
        return Choice(tuple(accepted))


BOUNDS = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}
"""The bounds of JSON Schema, and how they are called in the name of a definition."""


def _name_of(inner: dict[str, Any]) -> str | None:
    """Name a component, a flag, or a plain number by its bounds; None for what no other field shares."""
    if DEFINITION in inner:
        return str(inner[DEFINITION])
    bounds = {key: value for key, value in inner.items() if key not in ("type", "title")}
    if inner.get("type") not in ("number", "integer", "boolean") or not set(bounds) <= set(BOUNDS):
        return None
    told = sorted(f"{BOUNDS[key]}_{value:g}" for key, value in bounds.items())
    return ".".join([str(inner["type"]), *told])


def numeric_words(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the JSON Schema of the ranges that can stand in the place of a value."""
    kinds = {part.get("type") for part in (schema, *schema.get("anyOf", ()))}
    if not kinds & {"number", "integer"}:
        return []
    whole = "number" not in kinds
    name, kind = ("whole_range", "integer") if whole else ("range", "number")
    words = [word for word in RESERVED if word != "choice" and not (whole and word.endswith("uniform"))]
    bounds = {"type": "array", "items": {"type": kind}, "minItems": 2}
    ranges = {word: {**bounds, "maxItems": 2 if word.startswith("log_") else 3} for word in words}
    return [{**one_of(ranges), DEFINITION: name}]


def one_of(words: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of a mapping that has exactly one of these keys."""
    return {
        "type": "object",
        "properties": words,
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


def _numeric(word: str, arguments: list[Any], handler: _Handler) -> Numeric:
    low, high, step = _range_of(word, arguments)
    kind: type[int | float] = int if word.endswith("int") else float
    failures: list[tuple[tuple[str | int, ...], Exception, Any]] = []
    for index, number in enumerate((low, high)):
        try:
            handler(kind(number))
        except (ValidationError, PydanticCustomError) as failure:
            failures.append(((word, index), failure, number))
    if len(failures) == 2 and not any(_out_of_bounds(failure) for _, failure, _ in failures):
        raise _no_number_fits(failures[0][1], {word: arguments})
    if failures:
        raise gather(word, failures)
    log, size = word.startswith("log_"), None if step is None else kind(step)
    return Numeric(kind(low), kind(high), size, log, integer=kind is int)


def _range_of(word: str, arguments: list[Any]) -> tuple[float, float, float | None]:
    """Check that a range is one, whatever its place takes."""
    log, integer = word.startswith("log_"), word.endswith("int")
    shape = "[low, high]" if log else "[low, high] or [low, high, step]"
    if len(arguments) not in ((2,) if log else (2, 3)) or not all(map(_is_finite, arguments)):
        raise problem(f"{word!r} with {shape}, all finite numbers")
    if integer and not all(float(number).is_integer() for number in arguments):
        raise problem(f"whole numbers in {word!r}")
    low, high = arguments[:2]
    if low >= high:
        raise problem(f"a low bound below the high bound in {word!r}", found=f"{low} and {high}")
    if log and low <= 0:
        raise problem(f"a low bound above 0 in {word!r}", found=str(low))
    step = arguments[2] if len(arguments) == 3 else None
    if step is not None and not 0 < _decimal(step) <= max(_distance(low, high), _decimal(high - low)):
        raise problem(f"a step above 0 and at most {_distance(low, high):g}", found=str(step))
    return low, high, None if step is None else _exact(low, high, step)


ROUNDING = Decimal("1e-12")
"""By how much, as a share, a step may miss a whole part of its range and still be meant to be one."""


def _exact(low: float, high: float, step: float) -> float:
    """Return a step that reaches the high bound where it was computed to, but for its last bits.

    `0.8 - 0.1` is above 0.7, so that the last value would be lost.
    """
    distance = _distance(low, high)
    count = distance / _decimal(step)
    whole = round(count) if count < MAX_STEPS else 0
    beside = abs(whole * _decimal(step) - distance)
    return float(distance / whole) if beside and beside <= ROUNDING * distance else step


def _out_of_bounds(failure: Exception) -> bool:
    """Return whether a bound was refused for its size, so that other bounds might fit."""
    if not isinstance(failure, ValidationError):
        return False
    return all(line["type"].startswith(("greater_than", "less_than")) for line in failure.errors())


def _no_number_fits(failure: Exception, raw: dict[str, Any]) -> Exception:
    """Say once, of the distribution and not of its bounds, what stands here instead."""
    if not isinstance(failure, ValidationError):
        return failure
    whole = gather("distribution", [((), failure, raw)])
    details = [
        InitErrorDetails(type=kind_of(line), loc=line["loc"], input=raw, ctx=line.get("ctx", {}))
        for line in whole.errors(include_url=False)[:1]
    ]
    return ValidationError.from_exception_data("distribution", details)


Searchable = Annotated[T, _SearchableMarker()]
"""A value of type T in a configuration; in a spec, a distribution over T may stand in its place.

Static types are the configuration's: only `search_space` meets the distributions."""
