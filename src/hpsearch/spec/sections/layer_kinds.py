"""Keras' layers, regularizers and constraints as components, by a table that is made from Keras itself.

The table is written by `docs/generate_layers.py`; the classes are made when they are first asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import GetJsonSchemaHandler, create_model
from pydantic_core import core_schema

from hpsearch.spec.sections.activations import ACTIVATIONS, Activation
from hpsearch.spec.sections.initializers import INITIALIZERS, Initializer
from hpsearch.spec.sections.python_model import Argument
from hpsearch.spec.study_file.distributions import DEFINED, DEFINITION, Searchable
from hpsearch.spec.study_file.parts import (
    Component,
    Count,
    Listed,
    Number,
    OneOf,
    PerLayer,
    Rate,
    bare,
    dump,
    required_fields,
)

TABLE: dict[str, Any] = json.loads(Path(__file__).with_name("layer_table.json").read_text(encoding="utf-8"))

NONE = bare("none")


def _bare(kind: type[Component]) -> Component | None:
    """Return a component with its defaults; None where it needs arguments."""
    return None if required_fields(kind) else kind()


class Layer(Component):
    """One of Keras' layers, with Keras' arguments and defaults.

    `told` is what the table says of it: the name of its class, the axes of rows that it takes and gives,
    whether it gets them twice, and around which layers it can stand.
    """

    told: ClassVar[Mapping[str, Any]]

    def dump(self) -> Any:
        """Return this layer as plain data; what is as Keras has it is left out."""
        fields = type(self).model_fields
        arguments = {
            name: brief(value)
            for name, value in self.items()
            if fields[name].is_required() or value != fields[name].default
        }
        return {self.name: arguments} if arguments else self.name


def brief(value: Any) -> Any:
    """Return a value as plain data, a component without arguments where it has its defaults."""
    plain = isinstance(value, Component) and value.scalar is None and value == _bare(type(value))
    return value.name if plain else dump(value)


LEARNED_OR_DRAWN = ("prelu", "rrelu")
PLAIN_ACTIVATIONS = {
    name: bare(name) if kind.model_fields else kind
    for name, kind in ACTIVATIONS.items()
    if not required_fields(kind) and name not in LEARNED_OR_DRAWN
}
"""Activations by name alone: what a layer takes that computes with them inside."""


class Kinds(Mapping[str, type[Component]]):
    """The components of one section of the table, each made when it is first asked for.

    `own` are components beside those of the table.
    """

    def __init__(self, section: str, base: type[Component], own: Mapping[str, type[Component]]) -> None:
        self.section, self.base, self.own = section, base, dict(own)
        self._names = {name: name for name in TABLE[section]}
        if section == "layers":
            self._names |= TABLE["aliases"]

    def __getitem__(self, name: str) -> type[Component]:
        if name in self.own:
            return self.own[name]
        return _kind(self.section, self._names[name], self.base)

    def __contains__(self, name: object) -> bool:
        return name in self.own or name in self._names

    __eq__, __hash__ = object.__eq__, object.__hash__  # a comparison of all kinds would make them all

    def __iter__(self) -> Iterator[str]:
        yield from dict.fromkeys((*self._names, *self.own))

    def __len__(self) -> int:
        return len(set(self._names) | set(self.own))


@cache
def _kind(section: str, name: str, base: type[Component]) -> type[Component]:
    entry = TABLE[section][name]
    fields = {
        argument: (_type_of(told[0], entry), _default(*told)) for argument, told in entry["arguments"].items()
    }
    kind: type[Component] = create_model(
        entry["class"],
        __base__=base,
        __module__=__name__,
        __doc__=f"Keras' {entry['class']}.",
        **fields,  # type: ignore[call-overload]  # fields are not keywords that it knows
    )
    kind.name = name
    if section == "layers":
        kind.told = entry  # type: ignore[attr-defined]
    elif list(entry["arguments"]) == [name]:
        kind.scalar = name
    return kind


def _type_of(kind: str, entry: Mapping[str, Any]) -> Any:
    word, *more = kind.split()
    if word == "words":
        return _words(*more)
    if word == "layer":
        return Searchable[Annotated[Component, _Around(tuple(entry["around"]))]]
    return _TYPES[word]


class _Defined:
    """Let the JSON Schema make and write once, under this name, what many layers take."""

    def __init__(self, name: str) -> None:
        self.name = f"layer_{name}"

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        if self.name not in DEFINED:
            DEFINED[self.name] = {"anyOf": [handler(schema), SHARED]}
        return {DEFINITION: self.name}


SHARED = {
    "type": "object",
    "properties": {"shared": {"type": "string"}},
    "required": ["shared"],
    "additionalProperties": False,
    DEFINITION: "shared_value",
}
"""What stands in a place whose value has a name."""


def defined(kind: Any, name: str) -> Any:
    """Annotate a type with the name under which the JSON Schema writes it once."""
    return Annotated[kind, _Defined(name)]


@cache
def _words(*words: str) -> Any:
    return defined(Searchable[Literal[words]], "_".join(words))  # type: ignore[valid-type, misc]  # made here


def _default(kind: str, *default: Any) -> Any:
    if not default:
        return ...
    tables: dict[str, Mapping[str, type[Component]]] = {
        "initializer": INITIALIZERS,
        "activation": ACTIVATIONS,
        "plain_activation": PLAIN_ACTIVATIONS,
    }
    if kind in tables and default[0] is not None:
        return tables[kind][default[0]]()
    return _as_tuples(default[0])


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


REGULARIZERS = Kinds("regularizers", Component, {"none": NONE})
CONSTRAINTS = Kinds("constraints", Component, {"none": NONE})

Regularizer = Annotated[Component, OneOf("a regularizer", REGULARIZERS)]
Constraint = Annotated[Component, OneOf("a constraint", CONSTRAINTS)]
_PlainActivation = Annotated[
    Component,
    OneOf(
        "an activation without arguments",
        PLAIN_ACTIVATIONS,
        {name: "is a layer of its own" for name in ACTIVATIONS if name not in PLAIN_ACTIVATIONS},
    ),
]

_TYPES: dict[str, Any] = {
    "count": defined(Searchable[Count] | None, "count"),
    "number": defined(Searchable[Number] | None, "number"),
    "rate": defined(Searchable[Rate], "rate"),
    "flag": defined(Searchable[bool], "flag"),
    "axis": defined(Searchable[PerLayer[int]], "axis"),  # type: ignore[misc]  # as in python_model
    "sizes": defined(Searchable[PerLayer[Searchable[Count]]] | None, "sizes"),  # type: ignore[misc]  # as in python_model
    "shape": defined(Searchable[Listed[Searchable[int]]] | None, "shape"),
    "argument": defined(Argument | None, "argument"),
    "initializer": defined(Searchable[Initializer], "initializer"),
    "regularizer": defined(Searchable[Regularizer] | None, "regularizer"),
    "constraint": defined(Searchable[Constraint] | None, "constraint"),
    "activation": defined(Searchable[Activation] | None, "activation"),
    "plain_activation": defined(Searchable[_PlainActivation], "plain_activation"),
}

LAYERS = Kinds(
    "layers", Layer, {name: kind for name, kind in ACTIVATIONS.items() if name not in TABLE["layers"]}
)
"""Keras' layers by their names in snake case, activations, and the groups of `sequential`."""

ONE_LAYER = "a layer"


class OneLayer(OneOf):
    """A layer; the JSON Schema has it once, because layers and groups of them hold layers."""

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        if "layer" not in DEFINED:
            DEFINED["layer"] = {}
            made = super().__get_pydantic_json_schema__(schema, handler)
            DEFINED["layer"] = {"anyOf": [*made["anyOf"], SHARED]}
        return {DEFINITION: "layer"}


class _Around(OneLayer):
    """A layer that another one is put around; without `names` any."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(ONE_LAYER, {name: LAYERS[name] for name in names} if names else LAYERS)
