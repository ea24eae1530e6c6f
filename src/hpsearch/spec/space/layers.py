"""What a list of layers adds to a search space: its parameters, its size, and its configurations."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol

from hpsearch.spec import Choice, Numeric, Sequential
from hpsearch.spec.sections.sequential import Block, Group, Repeat, Residual
from hpsearch.spec.space.layer_names import CHOSEN, TIMES, Layers, Named, layers_of, named_layers
from hpsearch.spec.space.parameter import AtLeast, Condition, Parameter

Conditions = tuple[Condition, ...]

Count = Callable[[str, Any], float]
"""Counts the values of an argument of a layer."""


class Lister(Protocol):
    """Lists the parameters of a value."""

    def parameters(
        self, value: Any, name: str, conditions: Conditions, *, structural: bool
    ) -> Iterator[Parameter]:
        """Iterate over them."""

    def named(self, value: Choice | Numeric, name: str, conditions: Conditions) -> tuple[str, Conditions]:
        """Return the name and the conditions of a distribution, which may be shared."""


class Resolver(Protocol):
    """Replaces every distribution in a value."""

    def resolve(self, value: Any, name: str, conditions: Conditions) -> Any:
        """Return the value without distributions."""

    def option(self, value: Choice, name: str, conditions: Conditions) -> tuple[int, str, Conditions]:
        """Return the number of the option that is taken, and the name and conditions inside of it."""


def is_structural(argument: str, value: Any) -> bool:
    """Tell whether an argument of a layer changes what is computed; floats and first values do not."""
    if isinstance(value, Numeric) and not value.integer:
        return False
    return not argument.endswith("initializer")


def joined(prefix: str, name: str) -> str:
    """Put a prefix before a name."""
    return f"{prefix}.{name}" if prefix else name


def list_layers(
    lister: Lister, model: Sequential, prefix: str, conditions: Conditions
) -> Iterator[Parameter]:
    """Iterate over the parameters of the layers of a model, shared ones first."""
    for name, one in model.shared_values().items():
        structural = is_structural("", one)
        yield from lister.parameters(one, joined(prefix, name), conditions, structural=structural)
    yield from _list(lister, named_layers(model), prefix, "", conditions)
    for argument, value in model.output.items():
        name, structural = joined(prefix, f"output.{argument}"), is_structural(argument, value)
        yield from lister.parameters(value, name, conditions, structural=structural)


def _list(
    lister: Lister, layers: tuple[Named, ...], prefix: str, suffix: str, conditions: Conditions
) -> Iterator[Parameter]:
    for one in layers:
        item = one.item
        if isinstance(item, Choice):
            yield from _list_choice(
                lister, one, joined(prefix, f"{one.names.get(CHOSEN)}{suffix}"), conditions
            )
            continue
        for argument, name in one.names.items():
            value = getattr(item, argument)
            full, structural = joined(prefix, name + suffix), is_structural(argument, value)
            yield from lister.parameters(value, full, conditions, structural=structural)
        if isinstance(item, Repeat):
            yield from _list_repetitions(lister, one, prefix, suffix, conditions)
        elif isinstance(item, Group):
            yield from _list(lister, one.inner[0], prefix, suffix, conditions)


def _list_choice(lister: Lister, one: Named, name: str, conditions: Conditions) -> Iterator[Parameter]:
    name, conditions = lister.named(one.item, name, conditions)
    parameter = Parameter(name, one.item, conditions, structural=True)
    yield parameter
    for label, own, inner in zip(parameter.options, parameter.inner_names, one.inner, strict=True):
        yield from _list(lister, inner, joined(name, own), "", (*conditions, (name, label)))


def _list_repetitions(
    lister: Lister, one: Named, prefix: str, suffix: str, conditions: Conditions
) -> Iterator[Parameter]:
    counts = _times(one.item.times)
    own = joined(prefix, f"{one.names.get(TIMES)}{suffix}")
    for number in range(1, max(counts) + 1):
        known = conditions
        if number > min(counts):
            name, around = lister.named(one.item.times, own, conditions)
            known = (*around, *conditions[len(around) :], (name, AtLeast(number)))
        yield from _list(lister, one.inner[0], prefix, f"{suffix}.{number}", known)


def _times(value: Any) -> list[int]:
    if isinstance(value, Choice):
        return [times for option in value.options for times in _times(option)]
    if isinstance(value, Numeric):
        return [int(number) for number in Parameter("", value).iterate()]
    return [int(value)]


def resolve_layers(resolver: Resolver, model: Sequential, prefix: str, conditions: Conditions) -> Sequential:
    """Return a model whose layers stand one after another, each with its values."""
    for name, one in model.shared_values().items():
        resolver.resolve(one, joined(prefix, name), conditions)
    layers = _resolved(resolver, named_layers(model), prefix, "", conditions)
    output = resolver.resolve(model.output, joined(prefix, "output"), conditions)
    return Sequential.model_validate({"layers": tuple(layers) or ("identity",), "output": output})


def _resolved(
    resolver: Resolver, layers: tuple[Named, ...], prefix: str, suffix: str, conditions: Conditions
) -> Iterator[Any]:
    for one in layers:
        item = one.item
        if isinstance(item, Choice):
            name = joined(prefix, f"{one.names.get(CHOSEN)}{suffix}")
            index, inside, known = resolver.option(item, name, conditions)
            yield from _resolved(resolver, one.inner[index], inside, "", known)
        elif isinstance(item, Repeat):
            own = joined(prefix, f"{one.names.get(TIMES)}{suffix}")
            for number in range(1, int(resolver.resolve(item.times, own, conditions)) + 1):
                yield from _resolved(resolver, one.inner[0], prefix, f"{suffix}.{number}", conditions)
        elif isinstance(item, Block):
            yield from _resolved(resolver, one.inner[0], prefix, suffix, conditions)
        elif isinstance(item, Residual):
            inner = tuple(_resolved(resolver, one.inner[0], prefix, suffix, conditions))
            yield from (Residual(layers=inner),) if inner else ()
        elif item.name != "none":
            yield _layer(resolver, one, prefix, suffix, conditions)


def _layer(resolver: Resolver, one: Named, prefix: str, suffix: str, conditions: Conditions) -> Any:
    values = {
        argument: resolver.resolve(
            value, joined(prefix, f"{one.names.get(argument, argument)}{suffix}"), conditions
        )
        for argument, value in one.item.items()
        if value is not None
    }
    return type(one.item).model_validate(values)


def count_layers(model: Sequential, count: Count) -> float:
    """Count the combinations of what is counted of each argument of the layers of a model."""
    shared = math.prod(count("", replace(one, shared=None)) for one in model.shared_values().values())
    output = math.prod(count(argument, value) for argument, value in model.output.items())
    return shared * output * _count(model.layers, count)


def _count(layers: Layers, count: Count) -> float:
    return math.prod(_count_one(item, count) for item in layers)


def _count_one(item: Any, count: Count) -> float:
    if isinstance(item, Choice):
        return 1 if item.shared else math.fsum(_count(layers_of(option), count) for option in item.options)
    if isinstance(item, Repeat):
        inner = _count(item.layers, count)
        return math.fsum(_power(inner, times) for times in _times(item.times))
    if isinstance(item, Group):
        return _count(item.layers, count)
    return math.prod(count(argument, value) for argument, value in item.items())


def _power(number: float, exponent: int) -> float:
    try:
        return float(number) ** exponent
    except OverflowError:
        return math.inf
