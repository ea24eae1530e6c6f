"""A model that a function in the user's own file builds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from keyword import iskeyword
from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from hpsearch.spec.sections.own_model import OwnModel, Scalar, scalar
from hpsearch.spec.sections.training import Training
from hpsearch.spec.study_file.distributions import (
    DEFINITION,
    HIGHS,
    LOWS,
    RESERVED,
    Choice,
    Numeric,
    Searchable,
    gather,
    is_distribution,
    numeric_words,
    one_of,
    problem,
)
from hpsearch.spec.study_file.named_values import NamedValues
from hpsearch.spec.study_file.parts import MAX_ITEMS, Part, PerLayer, holds_distribution, label_of

GIVEN = ("features", "outputs")
"""What every function is given, beside the arguments of the study file."""


def _schema_of(name: str, *others: dict[str, Any]) -> dict[str, Any]:
    items = {"type": "array", "items": {DEFINITION: name}, "minItems": 1, "maxItems": MAX_ITEMS}
    plain = [{"type": kind} for kind in ("number", "string", "boolean")]
    words = [*numeric_words({"type": "number"}), one_of({"choice": items})]
    return {DEFINITION: name, "anyOf": [*plain, *words, items, *others]}


_Row = PerLayer[Searchable[Scalar]]
_Rows = PerLayer[Searchable[_Row]]  # type: ignore[misc]  # mypy takes an alias inside itself for recursion
Argument = Annotated[Searchable[_Rows], WithJsonSchema(_schema_of("argument"))]
"""A plain value, or a list of plain values and of lists of them."""


def _misspelt(word: str) -> Iterator[str]:
    """Iterate over patterns of a word in which one letter is wrong, missing, added, or in another's place."""
    for at in range(len(word)):
        before, letter, after = word[:at], word[at], word[at + 1 :]
        yield f"{before}.{after}"
        yield f"{before}{after}"
        yield f"{before}{letter}.{after}"
        yield f"{before}{after[:1]}{letter}{after[1:]}"


_DISTRIBUTION = "|".join(pattern for word in RESERVED for pattern in _misspelt(word))


def _mapping_schema() -> Iterator[dict[str, Any]]:
    for most, names in ((1, {"pattern": f"^({_DISTRIBUTION})$"}), (MAX_ITEMS, {"enum": list(RESERVED)})):
        yield {
            "type": "object",
            "minProperties": min(most, 2),
            "maxProperties": most,
            "propertyNames": {"not": names},
            "additionalProperties": {DEFINITION: "python_argument"},
        }


def _scalar_or_mapping(raw: Any) -> Any:
    return ArgumentMapping.model_validate(raw) if isinstance(raw, dict | ArgumentMapping) else scalar(raw)


_Value = Annotated[Any, PlainValidator(_scalar_or_mapping)]
_Values = PerLayer[Searchable[_Value]]
_Lists = PerLayer[Searchable[_Values]]  # type: ignore[misc]  # as above
PythonArgument = Annotated[
    Searchable[_Lists], WithJsonSchema(_schema_of("python_argument", *_mapping_schema()))
]
"""An argument, or a mapping of arguments."""


class ArgumentMapping(NamedValues):
    """Arguments by their names."""

    __pydantic_extra__: dict[str, PythonArgument] = Field(init=False)

    @model_validator(mode="wrap")
    @classmethod
    def _unknown_keys_are_named(cls, raw: Any, handler: Callable[[Any], Any]) -> Any:
        """Take every key that can name an argument."""
        if not isinstance(raw, dict):
            return handler(raw)
        if len(raw) > MAX_ITEMS:
            raise problem(f"at most {MAX_ITEMS:,} arguments", found=f"{len(raw):,} arguments")
        if cls._is_range(raw):
            raise problem("a distribution, as in {uniform: [low, high]}, or a mapping of arguments")
        failures: list[tuple[tuple[str | int, ...], Exception, Any]] = [
            ((key,), reason, raw[key]) for key in raw if (reason := cls._problem_of(key, raw)) is not None
        ]
        if failures:
            raise gather(cls.__name__, failures)
        return handler(raw)

    @classmethod
    def _problem_of(cls, key: Any, raw: dict[Any, Any]) -> Exception | None:
        """Return what is wrong with a key; None where it can be an argument's."""
        if _is_no_name(key):
            return problem(NAME, found=repr(key))
        if key in RESERVED or (len(raw) == 1 and re.fullmatch(_DISTRIBUTION, key)):
            expected = f"a distribution ({', '.join(RESERVED)}) with a list, or a mapping of arguments"
            return problem(expected, names=list(RESERVED), word=key, found=repr(key))
        return None

    @classmethod
    def _is_range(cls, raw: dict[Any, Any]) -> bool:
        """Return whether a mapping is a range as other tools write it."""
        return any(key in raw for key in LOWS) and any(key in raw for key in HIGHS)

    def option_label(self) -> str:
        """Name this mapping by what is fixed in it, words without their keys, or else by its keys."""
        told = [_label_of(name, value) for name, value in self.items() if not holds_distribution(value)]
        return ", ".join(told or [name for name, _ in self.items()]) or "empty"

    def inner_name(self) -> str | None:
        """Return the only key, or the first word that is fixed; None where there is neither."""
        words = [value for _, value in self.items() if isinstance(value, str) and value.isidentifier()]
        keys = [name for name, _ in self.items()]
        return keys[0] if len(keys) == 1 else next(iter(words), None)


def _label_of(name: str, value: Any) -> str:
    if isinstance(value, ArgumentMapping):
        return f"{name}({label_of(value)})"
    return value if isinstance(value, str) else f"{name}={label_of(value)}"


class Arguments(ArgumentMapping):
    """Arguments by the names that the function gives them."""

    def option_label(self) -> str:
        """Name the arguments with their keys, as earlier studies have them."""
        return Part.option_label(self)

    @classmethod
    def _is_range(cls, raw: dict[Any, Any]) -> bool:
        del raw
        return False

    @classmethod
    def _problem_of(cls, key: Any, raw: dict[Any, Any]) -> Exception | None:
        reason = _unsuitable(key, raw[key])
        return None if reason is None else problem(reason, found=repr(key))


NAME = "the name of an argument, as Python writes it"


def _is_no_name(key: Any) -> bool:
    return not isinstance(key, str) or not key.isidentifier() or iskeyword(key)


def _unsuitable(key: Any, value: Any) -> str | None:
    """Return what is expected in the place of a name that cannot be an argument's; None where it can."""
    if _is_no_name(key):
        return NAME
    if key in GIVEN:
        return f"an argument other than {' and '.join(GIVEN)}, which the function always receives"
    if key in RESERVED:
        return "the names of arguments: a distribution replaces the value of one argument"
    if key in (*Training.model_fields, "model", "training") and _searched(value):
        return "another name for the searched argument: the training section has a field with this name"
    return None


def _searched(value: Any) -> bool:
    if isinstance(value, dict):
        return is_distribution(value) or any(map(_searched, value.values()))
    return isinstance(value, Choice | Numeric) or (
        isinstance(value, list | tuple) and any(map(_searched, value))
    )


class PythonModel(OwnModel):
    """A model that `function` of the Python file `file` builds; its path starts from the study file's."""

    name = "python"
    arguments: Arguments = Arguments()
