"""Frozen building blocks of the spec: parts with fields, and components chosen by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, core_schema

from hpsearch.spec.study_file.distributions import (
    DEFINITION,
    Choice,
    Numeric,
    Searchable,
    gather,
    is_distribution,
    kind_of,
    one_of,
    problem,
)

T = TypeVar("T")

MAX_ITEMS = 1_000

Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=10**9)]


def written_once(name: str) -> Any:
    """Let the JSON Schema write what several fields take once, under this name."""
    return Field(json_schema_extra={DEFINITION: name})


Units = Annotated[Searchable[Count], written_once("units")]
"""The size of a layer, which a search may decide on."""


class Part(BaseModel):
    """A frozen mapping of the study file; unknown keys are errors and nothing is coerced."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        defer_build=True,
    )

    unwritten: ClassVar[frozenset[str]] = frozenset()
    """Fields that `dump` leaves out where they have their defaults."""

    @model_validator(mode="wrap")
    @classmethod
    def _unknown_keys_are_named(cls, raw: Any, handler: Callable[[Any], Any]) -> Any:
        unknown = [key for key in raw if key not in cls.model_fields] if isinstance(raw, dict) else []
        if not unknown:
            return handler(raw)
        names = list(cls.model_fields)
        expected = f"one of {', '.join(names)}" if names else "no arguments"
        failures: list[tuple[tuple[str | int, ...], Exception, Any]] = [
            ((key,), problem(expected, names=names, word=key, found=repr(key)), raw[key]) for key in unknown
        ]
        try:
            handler({key: value for key, value in raw.items() if key in cls.model_fields})
        except ValidationError as failure:
            failures.append(((), failure, raw))
        raise gather(cls.__name__, failures)

    def dump(self) -> Any:
        """Return this part as plain data, defaults written out, as the study file writes it."""
        return {name: dump(value) for name, value in self.items() if self._is_written(name, value)}

    def _is_written(self, name: str, value: Any) -> bool:
        kept = name not in self.unwritten or value != type(self).model_fields[name].default
        return kept and value is not None

    def items(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the fields and their values."""
        for name in type(self).model_fields:
            yield name, getattr(self, name)

    def option_label(self) -> str:
        """Name this part as an option of a choice."""
        return ", ".join(f"{name}={label_of(item)}" for name, item in _telling(self)) or "defaults"

    def inner_name(self) -> str | None:
        """Name this part in the names of what is searched in it, as an option of a choice.

        None stands for a number: that of the option.
        """
        return label_of(self)


class Component(Part):
    """A part that is written under its name: `tanh`, or `{leaky_relu: {negative_slope: 0.1}}`."""

    name: ClassVar[str]
    scalar: ClassVar[str | None] = None
    """The one field that is written without its name, as in `{clipvalue: 0.5}`."""
    listed: ClassVar[str | None] = None
    """The field that a list in the place of the arguments stands for."""
    worded: ClassVar[str | None] = None
    """The field that a word in the place of the arguments stands for."""

    def dump(self) -> Any:
        if self.scalar is not None:
            return {self.name: dump(getattr(self, self.scalar))}
        arguments = super().dump()
        return {self.name: arguments} if arguments else self.name

    @property
    def label(self) -> str:
        """Name this component with the arguments that differ from their defaults and are fixed."""
        fixed = _telling(self)
        if not fixed:
            return self.name
        texts = [
            label_of(value) if name == self.scalar else f"{name}={label_of(value)}" for name, value in fixed
        ]
        return f"{self.name}({', '.join(texts)})"


def _telling(part: Part) -> list[tuple[str, Any]]:
    """List the arguments that tell a part from others of its kind: no defaults, nothing searched."""
    defaults = {name: field.default for name, field in type(part).model_fields.items()}
    return [
        (name, value)
        for name, value in part.items()
        if (name not in defaults or value != defaults[name]) and not holds_distribution(value)
    ]


def dump(value: Any) -> Any:
    """Return a value of the spec as plain data that reads back as the same value."""
    if isinstance(value, Part):
        return value.dump()
    if isinstance(value, Choice | Numeric):
        return _dump_distribution(value)
    if isinstance(value, tuple | list):
        return [dump(item) for item in value]
    if isinstance(value, Mapping):
        return {key: dump(item) for key, item in value.items()}
    return value


def _dump_distribution(value: Choice | Numeric) -> Any:
    if value.shared is not None:
        return {"shared": value.shared}
    if isinstance(value, Choice):
        return {"choice": [dump(option) for option in value.options]}
    return {value.word: value.arguments}


def holds_distribution(value: Any) -> bool:
    """Return whether anything is left to search in a value of the spec."""
    if isinstance(value, Choice | Numeric):
        return True
    if isinstance(value, Part):
        return any(holds_distribution(item) for _, item in value.items())
    return isinstance(value, tuple) and any(map(holds_distribution, value))


def label_of(value: Any) -> str:
    """Name an option of a choice, stably and readably: `tanh`, `[128, 64]`, `random_normal(stddev=0.01)`."""
    if isinstance(value, Component):
        return value.label
    if isinstance(value, Part):
        return value.option_label()
    if isinstance(value, Numeric):
        return f"{value.word}({', '.join(f'{number:g}' for number in value.arguments)})"
    if isinstance(value, Choice):
        return f"choice({', '.join(map(label_of, value.options))})"
    if isinstance(value, tuple):
        return f"[{', '.join(map(label_of, value))}]"
    return _label_of_scalar(value)


def _label_of_scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


@dataclass(frozen=True)
class OneOf:
    """Accept one component of a literal table, by its name or by its name with arguments."""

    what: str
    table: Mapping[str, type[Component]]
    unavailable: Mapping[str, str] | None = None

    def __hash__(self) -> int:
        return hash(self.what)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.validate)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        bare = [name for name, kind in self.table.items() if not required_fields(kind)]
        branches: list[dict[str, Any]] = [{"enum": bare}] if bare else []
        named = {
            name: _arguments_schema(kind, handler) for name, kind in self.table.items() if kind.model_fields
        }
        if named:
            branches.append(one_of(named))
        return {
            "anyOf": branches,
            DEFINITION: self.what.partition(":")[0].partition(" ")[2].replace(" ", "_"),
        }

    def validate(self, raw: Any) -> Component:
        if isinstance(raw, Component) and raw.name in self.table:
            return raw
        if isinstance(raw, str):
            return self._kind(raw).model_validate({}) if self._complete(raw) else self._needs(raw)
        if isinstance(raw, dict) and len(raw) == 1:
            ((name, arguments),) = raw.items()
            if is_distribution(raw) and name not in self.table:
                raise problem(f"{self.what}, or a choice of them, not a number")
            return self._with_arguments(name, arguments)
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            raise problem(f"{self.what}, or a choice of them, not a number")
        raise problem(f"{self.what}: its name, or its name with arguments", options=list(self.table))

    def from_number(self, kind: type[Component], number: float) -> Component:
        """Read a number that stands for a component with one argument.

        Raises:
            PydanticCustomError: The component does not accept the number.
        """
        try:
            return kind.model_validate({kind.scalar: number})
        except ValidationError:
            raise problem(self.what) from None

    def _kind(self, name: Any) -> type[Component]:
        if not isinstance(name, str) or name not in self.table:
            reason = (self.unavailable or {}).get(name) if isinstance(name, str) else None
            if reason:
                raise problem(f"{self.what} that can be used here: {name} {reason}", found=repr(name))
            raise problem(f"the name of {self.what}", options=list(self.table), found=repr(name))
        return self.table[name]

    def _complete(self, name: str) -> bool:
        return not required_fields(self._kind(name))

    def _needs(self, name: str) -> Component:
        kind = self.table[name]
        example = (
            "VALUE" if kind.scalar else "{" + ", ".join(f"{f}: ..." for f in required_fields(kind)) + "}"
        )
        raise problem(f"an argument for {name!r}, as in {{{name}: {example}}}")

    def _with_arguments(self, name: Any, arguments: Any) -> Component:
        kind = self._kind(name)
        unwritten = kind.scalar
        if isinstance(arguments, list | tuple) and kind.listed is not None:
            unwritten = kind.listed
        if isinstance(arguments, str) and kind.worded is not None:
            unwritten = kind.worded
        if unwritten is not None:
            arguments = {unwritten: arguments}
        elif arguments is None:
            arguments = {}
        elif is_distribution({name: arguments}):
            raise problem(
                f"{self.what}, or a choice of them; {name!r} with a list is a distribution of a number"
            )
        elif not isinstance(arguments, dict):
            fields = ", ".join(kind.model_fields) or "none"
            raise problem(f"a mapping of the arguments of {name!r} ({fields})", found=repr(arguments))
        try:
            return kind.model_validate(arguments)
        except ValidationError as failure:
            raise _without_scalar(gather(name, [((name,), failure, arguments)]), unwritten) from None


def _without_scalar(failure: Any, scalar: str | None) -> Any:
    """Drop the name of the unwritten field from the places of the errors."""
    if scalar is None:
        return failure
    details = []
    for line in failure.errors(include_url=False):
        kind: Any = kind_of(line)
        context: Any = line.get("ctx", {})
        place = tuple(part for index, part in enumerate(line["loc"]) if not (index == 1 and part == scalar))
        details.append(InitErrorDetails(type=kind, loc=place, input=line["input"], ctx=context))
    return ValidationError.from_exception_data(failure.title, details)


def required_fields(kind: type[Part]) -> list[str]:
    """List the fields of a part that have no default."""
    return [name for name, field in kind.model_fields.items() if field.is_required()]


def _arguments_schema(kind: type[Component], handler: GetJsonSchemaHandler) -> dict[str, Any]:
    schema: dict[str, Any] = handler.resolve_ref_schema(handler(kind.__pydantic_core_schema__))
    if kind.scalar is not None:
        found: dict[str, Any] = schema["properties"][kind.scalar]
        return found
    short = kind.listed or kind.worded
    if short is not None:
        return {"anyOf": [schema["properties"][short], schema]}
    return {**schema, DEFINITION: f"{kind.__module__.rpartition('.')[2]}.{kind.__qualname__}"}


class _TupleMarker:
    """Read a list of the study file as a tuple of searchable items, of which there are `least`."""

    def __init__(self, least: int = 1) -> None:
        self.least = least

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return _tuple_schema(handler.generate_schema(source.__args__[0]), self.least)


def _tuple_schema(item: core_schema.CoreSchema, least: int = 1) -> core_schema.CoreSchema:
    """Read up to MAX_ITEMS items; counted before, because pydantic counts only the valid ones."""
    inner = core_schema.tuple_variable_schema(item, max_length=MAX_ITEMS)
    inner["metadata"] = {"pydantic_js_updates": {"minItems": least}}
    return core_schema.no_info_before_validator_function(_as_filled_tuple if least else as_tuple, inner)


def _as_filled_tuple(raw: Any) -> Any:
    items = as_tuple(raw)
    if not items:
        raise problem("a list with at least one item")
    return items


def as_tuple(raw: Any) -> Any:
    """Turn the list of a study file into a tuple.

    Raises:
        PydanticCustomError: It is no list.
    """
    if isinstance(raw, list):
        return tuple(raw)
    if isinstance(raw, tuple):
        return raw
    raise problem("a list")


Listed = Annotated[tuple[T, ...], _TupleMarker()]
ListedOrNone = Annotated[tuple[T, ...], _TupleMarker(least=0)]
"""A list that may be empty."""


class _PerLayerMarker:
    """Accept one setting that all layers share, or a list with one for each layer."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        one = handler.generate_schema(source.__args__[0])
        return core_schema.tagged_union_schema(
            {ONE: one, MANY: _tuple_schema(one)}, discriminator=_one_or_many
        )


ONE, MANY = "<one>", "<many>"
"""Tags that pydantic puts into the place of an error, and that people must not see."""


def _one_or_many(raw: Any) -> str:
    return MANY if isinstance(raw, list | tuple) else ONE


PerLayer = Annotated[T | tuple[T, ...], _PerLayerMarker()]


def bare(name: str) -> type[Component]:
    """Make the class of a component that has no arguments."""
    body = {"name": name, "__doc__": f"{name}, without arguments.", "__module__": __name__}
    return type(name, (Component,), body)
