"""Short names for what is searched in a list of layers: stable, whatever the number of repetitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hpsearch.spec import Choice, Component, Numeric, Sequential, Training
from hpsearch.spec.sections.sequential import Block, Group, Repeat
from hpsearch.spec.study_file.parts import holds_distribution

Layers = tuple[Any, ...]

CHOSEN, TIMES = "layer", "times"
"""What a choice between layers is called, and a searched number of repetitions."""


@dataclass(frozen=True)
class Named:
    """A layer, a group of layers, or a choice between them, and the names of its arguments.

    A choice has one name, under the argument `CHOSEN`. `inner` are the layers of a group, or those of each
    option.
    """

    item: Any
    names: Mapping[str, str]
    inner: tuple[tuple[Named, ...], ...] = ()


@lru_cache(256)
def named_layers(model: Sequential) -> tuple[Named, ...]:
    """Name what is searched in the layers of a model.

    An argument has its own name where only one layer of the file is searched in it, that of its layer in
    front where only one layer of this kind is, and else a number, from 1, behind the name of the layer.
    """
    return _named(model.layers, {*Training.model_fields, *model.shared})


def layers_of(option: Any) -> Layers:
    """Return the layers that an option of a choice stands for."""
    return option.layers if isinstance(option, Block) else (option,)


def _named(layers: Layers, taken: Collection[str] = ()) -> tuple[Named, ...]:
    scope = _Scope(layers, taken)
    return tuple(map(scope.named, layers))


class _Scope:
    """Layers whose names must differ: groups are part of it, options of choices have scopes of their own."""

    def __init__(self, layers: Layers, taken: Collection[str]) -> None:
        flat = list(_flat(layers))
        self.taken = taken
        kinds = [_kind(item) for item in flat]
        self.kinds = Counter(kinds)
        self.numbers = iter([kinds[: at + 1].count(kind) for at, kind in enumerate(kinds)])
        self.bases = Counter(argument for item in flat for argument in _searched(item))

    def named(self, item: Any) -> Named:
        number = next(self.numbers)  # layers are named in the order in which they stand
        names = {argument: self._name(_kind(item), argument, number) for argument in _searched(item)}
        if isinstance(item, Choice):
            return Named(item, names, tuple(_named(layers_of(option)) for option in item.options))
        inner = (tuple(map(self.named, item.layers)),) if isinstance(item, Group) else ()
        return Named(item, names, inner)

    def _name(self, kind: str, argument: str, number: int) -> str:
        if self.bases[argument] == 1 and argument not in self.taken:
            return argument
        if kind == argument:  # a choice, or a number of repetitions
            return f"{kind}_{number}"
        return f"{kind}.{argument}" if self.kinds[kind] == 1 else f"{kind}_{number}.{argument}"


def _flat(layers: Layers) -> Iterator[Any]:
    """Iterate over the layers of a scope, the groups among them too."""
    for item in layers:
        yield item
        if isinstance(item, Group):
            yield from _flat(item.layers)


def _kind(item: Any) -> str:
    if isinstance(item, Choice):
        return CHOSEN
    return TIMES if isinstance(item, Repeat) else str(item.name)


def _searched(item: Any) -> Iterator[str]:
    """Iterate over the arguments of a layer in which something is searched under a name of its own."""
    if isinstance(item, Choice):
        yield from () if item.shared else (CHOSEN,)
    elif isinstance(item, Component):
        for argument, value in item.items():
            own = not (isinstance(value, Choice | Numeric) and value.shared)
            if own and (argument != "layers" or not isinstance(item, Group)) and holds_distribution(value):
                yield argument
