"""Any list of Keras' layers in the study file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from keyword import iskeyword
from typing import Annotated, Any, ClassVar

from pydantic import Field, create_model, model_validator

from hpsearch.spec.sections.embeddings import TABLE_LAYERS
from hpsearch.spec.sections.layer_kinds import LAYERS, NONE, ONE_LAYER, TABLE, OneLayer, brief, defined
from hpsearch.spec.sections.model_component import ModelComponent
from hpsearch.spec.sections.training import Training
from hpsearch.spec.study_file.distributions import (
    DEFINITION,
    Choice,
    Numeric,
    Searchable,
    Shared,
    gather,
    problem,
)
from hpsearch.spec.study_file.parts import Component, Listed, Part, dump

UNAVAILABLE: dict[str, str] = TABLE["unavailable"]

_Layer = Annotated[Component, OneLayer(ONE_LAYER, LAYERS, UNAVAILABLE)]
_Layers = Annotated[Listed[Searchable[_Layer]], Field(json_schema_extra={DEFINITION: "layers"})]


class Group(Component):
    """Several layers in the place of one."""

    layers: _Layers


class Block(Group):
    """Layers one after another, as one option of a choice may need them."""

    name = "block"
    scalar = "layers"


class Residual(Group):
    """Layers whose output is added to what they are given."""

    name = "residual"
    scalar = "layers"


class Repeat(Group):
    """Layers that are repeated, each time with values of their own."""

    name = "repeat"
    times: defined(Searchable[Annotated[int, Field(ge=0, le=1_000)]], "times")  # type: ignore[valid-type]


LAYERS.own |= {kind.name: kind for kind in (Block, Repeat, Residual)} | {"none": NONE} | TABLE_LAYERS

_DENSE = LAYERS["dense"]
OUTPUT = ("units", "activation")
"""Arguments of the output layer that follow from the data."""

Output: Any = create_model(
    "Output",
    __base__=Part,
    __module__=__name__,
    __doc__="The output layer: arguments of Keras' Dense beside the units and the activation.",
    **{
        name: (field.rebuild_annotation(), field.default)
        for name, field in _DENSE.model_fields.items()
        if name not in OUTPUT
    },  # type: ignore[call-overload]  # as in layer_kinds
)


class Sequential(ModelComponent):
    """Keras' layers one after another, and an output layer that the data call for.

    `shared` names values that several places have in common, where they are written `{shared: NAME}`.
    """

    name = "sequential"
    listed = "layers"
    layers: _Layers
    output: Output = Output()
    shared: Annotated[tuple[str, ...], Field(json_schema_extra={"type": "object"})] = ()

    given: ClassVar[tuple[str, ...]] = ("layers", "output")

    @model_validator(mode="wrap")
    @classmethod
    def _shared_values_are_put_in_place(cls, raw: Any, handler: Callable[[Any], Any]) -> Any:
        if not isinstance(raw, dict) or not isinstance(raw.get("shared", ()), Mapping):
            return handler(raw)
        known = dict(raw.get("shared", {}))
        failures: list[tuple[tuple[str | int, ...], Exception, Any]] = [
            (("shared", name), problem(reason, found=repr(name)), value)
            for name, value in known.items()
            if (reason := _unsuitable(name))
        ]
        placing = _Placing(known)
        placed = {key: placing.placed(raw[key], (key,)) for key in raw if key != "shared"}
        failures += placing.failures
        failures += [
            (
                ("shared", name),
                problem("a name that some place has, as in {shared: NAME}", found=repr(name)),
                0,
            )
            for name in known
            if name not in placing.used and not _unsuitable(name)
        ]
        if failures:
            raise gather(cls.__name__, failures)
        model = handler(placed)
        found = {one.shared for one in shared_in((model.layers, model.output))}
        return model.model_copy(update={"shared": tuple(name for name in known if name in found)})

    def items(self) -> Iterator[tuple[str, Any]]:
        """Iterate over what holds layers and their values."""
        for name in self.given:
            yield name, getattr(self, name)

    def shared_values(self) -> dict[str, Choice | Numeric]:
        """Return the distributions that several places share, by their names."""
        found = {one.shared: one for one in reversed(list(shared_in((self.layers, self.output))))}
        return {name: found[name] for name in self.shared}

    def dump(self) -> Any:
        layers = dump(self.layers)
        shared = {name: dump(replace(one, shared=None)) for name, one in self.shared_values().items()}
        output = {
            name: brief(value)
            for name, value in self.output.items()
            if value != type(self.output).model_fields[name].default
        }
        told = {"shared": shared, "layers": layers, "output": output}
        told = {name: value for name, value in told.items() if value}
        return {self.name: layers if len(told) == 1 else told}


class _Placing:
    """Puts what is shared into the places that name it."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self.known = known
        self.used: set[str] = set()
        self.failures: list[tuple[tuple[str | int, ...], Exception, Any]] = []

    def placed(self, raw: Any, place: tuple[str | int, ...]) -> Any:
        """Return raw data with the shared values in place."""
        if isinstance(raw, list | tuple):
            return [self.placed(item, (*place, index)) for index, item in enumerate(raw)]
        if not isinstance(raw, dict):
            return raw
        if set(raw) != {"shared"}:
            return {key: self.placed(value, (*place, key)) for key, value in raw.items()}
        name = raw["shared"]
        if not isinstance(name, str) or name not in self.known:
            expected = f"the name of a shared value ({', '.join(self.known) or 'there are none'})"
            error = problem(expected, names=list(self.known), word=str(name), found=repr(name))
            self.failures.append((place, error, raw))
            return raw
        self.used.add(name)
        return Shared(name, self.known[name])


def _unsuitable(name: Any) -> str | None:
    if not isinstance(name, str) or not name.isidentifier() or iskeyword(name):
        return "a name of letters, digits and underscores"
    if name in (*Training.model_fields, "model", "training"):
        return "another name: the training section has a field with this name"
    return None


def shared_in(value: Any) -> Iterator[Choice | Numeric]:
    """Iterate over the distributions in a value of the spec that are shared with other places."""
    if isinstance(value, Choice | Numeric) and value.shared is not None:
        yield value
    elif isinstance(value, Choice):
        yield from shared_in(value.options)
    elif isinstance(value, Part):
        yield from shared_in(tuple(item for _, item in value.items()))
    elif isinstance(value, tuple):
        for item in value:
            yield from shared_in(item)
