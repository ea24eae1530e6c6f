"""A model that a function in the user's own file builds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from keyword import iskeyword
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator

from hpsearch.spec.sections.model_component import ModelComponent, in_full
from hpsearch.spec.sections.training import Training
from hpsearch.spec.study_file.distributions import (
    DEFINITION,
    RESERVED,
    Choice,
    Numeric,
    Searchable,
    gather,
    numeric_words,
    one_of,
    problem,
)
from hpsearch.spec.study_file.parts import MAX_ITEMS, Part, PerLayer
from hpsearch.spec.study_file.source import Place

GIVEN = ("features", "outputs")
"""What every function is given, beside the arguments of the study file."""

LARGE = 2**63


def _scalar(raw: Any) -> Any:
    if not isinstance(raw, str | int | float):
        raise problem("a number, a word, true or false, or a list or a distribution of these")
    if not isinstance(raw, str) and not -LARGE < raw < LARGE:
        raise problem("a number that is finite and smaller")
    return raw


_ITEMS = {"type": "array", "items": {DEFINITION: "argument"}, "minItems": 1, "maxItems": MAX_ITEMS}
_SCHEMA = {
    DEFINITION: "argument",
    "anyOf": [
        *({"type": kind} for kind in ("number", "string", "boolean")),
        *numeric_words({"type": "number"}),
        one_of({"choice": _ITEMS}),
        _ITEMS,
    ],
}
_Scalar = Annotated[Any, PlainValidator(_scalar)]
_Row = PerLayer[Searchable[_Scalar]]
_Rows = PerLayer[Searchable[_Row]]  # type: ignore[misc]  # mypy takes an alias inside itself for recursion
Argument = Annotated[Searchable[_Rows], WithJsonSchema(_SCHEMA)]
"""A plain value, or a list of plain values and of lists of them."""


class Arguments(Part):
    """Arguments by the names that the function gives them."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Argument] = Field(init=False)

    @model_validator(mode="wrap")
    @classmethod
    def _unknown_keys_are_named(cls, raw: Any, handler: Callable[[Any], Any]) -> Any:
        """Take every key that can name an argument."""
        if not isinstance(raw, dict):
            return handler(raw)
        if len(raw) > MAX_ITEMS:
            raise problem(f"at most {MAX_ITEMS:,} arguments", found=f"{len(raw):,} arguments")
        reasons = {key: _unsuitable(key, value) for key, value in raw.items()}
        failures: list[tuple[tuple[str | int, ...], Exception, Any]] = [
            ((key,), problem(reason, found=repr(key)), raw[key]) for key, reason in reasons.items() if reason
        ]
        if failures:
            raise gather(cls.__name__, failures)
        return handler(raw)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the arguments and their values."""
        yield from (self.__pydantic_extra__ or {}).items()

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))


def _unsuitable(key: Any, value: Any) -> str | None:
    """Return what is expected in the place of a name that cannot be an argument's; None where it can."""
    if not isinstance(key, str) or not key.isidentifier() or iskeyword(key):
        return "the name of an argument, as Python writes it"
    if key in GIVEN:
        return f"an argument other than {' and '.join(GIVEN)}, which the function always receives"
    if key in RESERVED:
        return "the names of arguments: a distribution replaces the value of one argument"
    if key in (*Training.model_fields, "model", "training") and _searched(value):
        return "another name for the searched argument: the training section has a field with this name"
    return None


def _searched(value: Any) -> bool:
    return isinstance(value, dict | Choice | Numeric) or (
        isinstance(value, list | tuple) and any(map(_searched, value))
    )


def _identifier(name: str) -> str:
    if not name.isidentifier() or iskeyword(name):
        raise problem("the name of a function", found=repr(name))
    return name


File = Annotated[str, Field(min_length=1)]
Identifier = Annotated[str, AfterValidator(_identifier)]


class PythonModel(ModelComponent):
    """A model that `function` of the Python file `file` builds; its path starts from the study file's."""

    name = "python"
    file: File
    function: Identifier = "build"
    arguments: Arguments = Arguments()

    def path(self, directory: Path) -> Path:
        """Return the path of the file, from the directory of the study."""
        return in_full(self.file, directory)

    def from_anywhere(self, directory: Path) -> Self:
        return self.model_copy(update={"file": str(self.path(directory))})


def python_models(model: Any, place: Place = ("model",)) -> Iterator[tuple[Place, PythonModel]]:
    """Iterate over the models of a study that the user's own function builds, with their places."""
    if isinstance(model, PythonModel):
        yield (*place, model.name), model
    elif isinstance(model, Choice):
        for index, option in enumerate(model.options):
            yield from python_models(option, (*place, "choice", index))
