"""From a spec to its search space, and from chosen values to a configuration.

The tree of the spec is walked once for each question. What is written inside an option of a choice is
reached only when that option is taken, so conditions are the path through the tree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hpsearch.spec import (
    ArgumentMapping,
    Arguments,
    Choice,
    Component,
    Configuration,
    KerasTunerModel,
    Mlp,
    Numeric,
    Part,
    Sequential,
    StudySpec,
)
from hpsearch.spec.sections.optimizers import SWITCHES
from hpsearch.spec.sections.preparation import NUMERIC, PLACES, Preparation
from hpsearch.spec.sections.realmlp import RealMlp
from hpsearch.spec.sections.tabm import Tabm
from hpsearch.spec.space.hyperparameters import (
    count_structures,
    count_values,
    list_hyperparameters,
    resolve_hyperparameters,
)
from hpsearch.spec.space.layers import count_layers, is_structural, joined, list_layers, resolve_layers
from hpsearch.spec.space.parameter import Condition, Parameter, Value

MAX_STRUCTURES = 1_000_000


Choose = Callable[[Parameter], Value]

_STRUCTURAL = {
    "model",
    "arguments",
    "training",
    "hidden",
    "layers",
    "units",
    "filters",
    "blocks",
    "kernel",
    "padding",
    "pooling",
    "size",
    "head",
    "optimizer",
    "loss",
    "batch_size",
    "embedding",
    "bins",
    "frequencies",
    "categories",
    "above",
    "input_scale",
    "layer_norm",
    "residual",
    "parametric_activation",
    "decay_biases",
    "precision",
    "clamp",
    "k",
    "n_blocks",
    "d_block",
    "mini",
    *SWITCHES,
}
"""Fields whose value changes the computation graph; a choice of prelu does too, because it is learned.

What the user's own function does with its arguments is not known: all of them count.
"""


_SECTIONS = ("model", "training")


_SWITCHED = {"activation", "batch_norm", "input_batch_norm"}
"""Fields that the programs of perceptrons switch between."""


@dataclass(frozen=True)
class SearchSpace:
    """The parameters of a spec, in the order in which they are met."""

    spec: StudySpec
    parameters: tuple[Parameter, ...] = field(init=False)

    def __post_init__(self) -> None:
        found: dict[str, Parameter] = {}
        for name, part in self._roots():
            for parameter in _Lister().parameters(part, name, (), structural=name not in NUMERIC):
                found.setdefault(parameter.name, parameter)
        object.__setattr__(self, "parameters", tuple(found.values()))

    def of_section(self, section: str) -> Iterator[Parameter]:
        """Iterate over the parameters of the model section, or of the training section."""
        name, part = dict(zip(_SECTIONS, self._roots(), strict=False))[section]
        yield from _Lister().parameters(part, name, (), structural=True)

    def _roots(self) -> Iterator[tuple[str, Any]]:
        for field_name in _SECTIONS:
            part = getattr(self.spec, field_name)
            yield (field_name if isinstance(part, Choice) else ""), part
        for field_name, part in self.spec.data.prepared.items():
            yield PLACES[field_name], part

    def __getitem__(self, name: str) -> Parameter:
        return next(parameter for parameter in self.parameters if parameter.name == name)

    @property
    def conditional(self) -> bool:
        """Return whether some parameters are active only under a choice."""
        return any(parameter.conditions for parameter in self.parameters)

    def configure(self, choose: Choose) -> Configuration:
        """Replace every distribution by a value.

        Args:
            choose: Returns the value of a parameter: a number, or the label of an option. It is called for
                active parameters only, outer choices first.

        Raises:
            ValidationError: The values together are no valid configuration.
        """
        resolver = _Resolver(choose=choose)
        model, training, *prepared = (resolver.resolve(part, name, ()) for name, part in self._roots())
        said = dict(zip(self.spec.data.prepared, prepared, strict=True))
        return Configuration(model, training, Preparation(**said))

    def configuration(self, values: Mapping[str, Value]) -> Configuration:
        """Return the configuration of stored parameter values."""
        return self.configure(lambda parameter: values[parameter.name])

    def active(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Keep the values of parameters that are active under these values, in the order of the space."""
        kept: dict[str, Value] = {}

        def choose(parameter: Parameter) -> Value:
            kept[parameter.name] = values[parameter.name]
            return values[parameter.name]

        self.configure(choose)
        return kept

    def grid(self) -> Iterator[dict[str, Value]]:
        """Iterate over all combinations of a finite space, active parameters only.

        Raises:
            ValueError: The values of a parameter have no end. The message is its name.
        """
        for parameter in self.parameters:
            if parameter.count == math.inf:
                raise ValueError(parameter.name)
        return self.combinations(Parameter.iterate)

    def combinations(self, values: Callable[[Parameter], Iterable[Value]]) -> Iterator[dict[str, Value]]:
        """Iterate over all combinations of the given values of each parameter, active parameters only."""
        return self._combinations(values, {})

    def _combinations(
        self, values: Callable[[Parameter], Iterable[Value]], known: dict[str, Value]
    ) -> Iterator[dict[str, Value]]:
        class UnknownError(Exception):
            pass

        missing: list[Parameter] = []

        def choose(parameter: Parameter) -> Value:
            if parameter.name not in known:
                missing.append(parameter)
                raise UnknownError
            return known[parameter.name]

        try:
            self.configure(choose)
        except UnknownError:
            for value in values(missing[0]):
                yield from self._combinations(values, {**known, missing[0].name: value})
        else:
            yield known

    def size(self) -> float:
        """Count the combinations of values; infinite where a range has no step."""
        try:
            return math.prod(_size(part) for _, part in self._roots())
        except OverflowError:  # of a number past all floats with infinity
            return math.inf

    def structures(self) -> int:
        """Count the distinct computation graphs that the space can ask for, at most MAX_STRUCTURES."""
        total = 1
        for name, part in self._roots():
            total *= _structures(part, structural=isinstance(part, Choice) and name not in NUMERIC)
        return min(total, MAX_STRUCTURES)


def _children(value: Any, prefix: str) -> Iterator[tuple[str, Any, str]]:
    """Iterate over what a part or a list holds: the name, the value, and the name of the field."""
    if isinstance(value, Part):
        for field_name, item in value.items():
            unwritten = getattr(value, "scalar", None) == field_name or isinstance(item, Arguments)
            said = unwritten or _is_said(value, field_name, prefix)
            yield prefix if said else joined(prefix, field_name), item, field_name
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield joined(prefix, str(index)), item, ""


def _is_said(value: Any, key: str, prefix: str) -> bool:
    """Return whether the only key of a mapping is in the prefix, which an option has from it."""
    alone = type(value) is ArgumentMapping and len(dict(value.items())) == 1
    return alone and prefix.rpartition(".")[2].partition("#")[0] == key


def _prefix_of(value: Any, prefix: str) -> str:
    """Name a component inside its field; the model and training sections need no name of their own."""
    return joined(prefix, value.name) if isinstance(value, Component) and prefix else prefix


@dataclass(frozen=True)
class _Walk:
    """A way through the tree of a spec; `home` is the prefix of shared names, with the conditions there."""

    home: str = ""
    home_conditions: tuple[Condition, ...] = ()

    def named(
        self, value: Choice | Numeric, name: str, conditions: tuple[Condition, ...]
    ) -> tuple[str, tuple[Condition, ...]]:
        if value.shared is None:
            return name, conditions
        return joined(self.home, value.shared), self.home_conditions


@dataclass(frozen=True)
class _Lister(_Walk):
    """List the parameters of a part of the spec."""

    def parameters(
        self, value: Any, name: str, conditions: tuple[Condition, ...], *, structural: bool
    ) -> Iterator[Parameter]:
        if isinstance(value, Choice | Numeric):
            name, conditions = self.named(value, name, conditions)
            learned = isinstance(value, Choice) and "prelu" in map(_component_name, value.options)
            parameter = Parameter(name, value, conditions, structural or learned)
            yield parameter
            if isinstance(value, Choice):
                named = zip(parameter.options, parameter.inner_names, value.options, strict=True)
                for label, own, option in named:
                    inner = (*conditions, (name, label))
                    yield from self._inside(option, joined(name, own), inner, structural=structural)
            return
        yield from self._inside(value, _prefix_of(value, name), conditions, structural=structural)

    def _inside(
        self, value: Any, prefix: str, conditions: tuple[Condition, ...], *, structural: bool
    ) -> Iterator[Parameter]:
        if isinstance(value, Choice | Numeric):
            yield from self.parameters(value, prefix, conditions, structural=structural)
        if isinstance(value, Sequential):
            yield from list_layers(
                replace(self, home=prefix, home_conditions=conditions), value, prefix, conditions
            )
            return
        if isinstance(value, KerasTunerModel):
            yield from list_hyperparameters(value, prefix, conditions)
            return
        for name, item, field_name in _children(value, prefix):
            inherited = structural and _belongs(value, field_name)
            known = inherited or _is_structural(value, field_name)
            yield from self.parameters(item, name, conditions, structural=known)


def _is_structural(value: Any, field_name: str) -> bool:
    """Return whether a field changes the computation graph; programs of any Keras model have no switches."""
    fixed = isinstance(value, RealMlp | Tabm) or (isinstance(value, Mlp) and not value.is_plain)
    return field_name in _STRUCTURAL or (fixed and field_name in _SWITCHED)


def _belongs(value: Any, field_name: str) -> bool:
    """Return whether an item is part of a structure because the value that holds it is."""
    return not field_name or isinstance(value, ArgumentMapping)


def _size(value: Any) -> float:
    if isinstance(value, Choice | Numeric) and value.shared is not None:
        return 1  # it is counted once, at its name
    if isinstance(value, Numeric):
        return Parameter("", value).count
    if isinstance(value, Choice):
        return sum(map(_size, value.options))
    if isinstance(value, Sequential):
        return count_layers(value, lambda _, item: _size(item))
    if isinstance(value, KerasTunerModel):
        return count_values(value)
    return math.prod(_size(item) for _, item, _ in _children(value, ""))


def _component_name(value: Any) -> str:
    return value.name if isinstance(value, Component) else ""


def _structures(value: Any, *, structural: bool) -> int:
    if isinstance(value, Choice | Numeric) and value.shared is not None:
        return 1
    if isinstance(value, Sequential | KerasTunerModel):
        return int(min(_structures_of_own(value), MAX_STRUCTURES))
    if isinstance(value, Numeric):
        return int(min(Parameter("", value).count, MAX_STRUCTURES)) if structural else 1
    if isinstance(value, Choice):
        counts = [_structures(option, structural=structural) for option in value.options]
        if structural:
            return min(sum(counts), MAX_STRUCTURES)
        names = [_component_name(option) for option in value.options]
        learned = sum(name == "prelu" for name in names)
        return max(counts) + (1 if 0 < learned < len(names) else 0)
    total = 1
    for _, item, field_name in _children(value, ""):
        inherited = structural and _belongs(value, field_name)
        total *= _structures(item, structural=inherited or _is_structural(value, field_name))
    return min(total, MAX_STRUCTURES)


def _structures_of_own(model: Sequential | KerasTunerModel) -> float:
    if isinstance(model, Sequential):
        return count_layers(model, _structures_of_argument)
    return count_structures(model, MAX_STRUCTURES)


def _structures_of_argument(argument: str, value: Any) -> int:
    return _structures(value, structural=is_structural(argument, value))


@dataclass(frozen=True)
class _Resolver(_Walk):
    """Rebuild a part of the spec with every distribution replaced."""

    choose: Choose = field(kw_only=True)

    def resolve(self, value: Any, name: str, conditions: tuple[Condition, ...]) -> Any:
        if isinstance(value, Numeric):
            name, conditions = self.named(value, name, conditions)
            chosen = self.choose(Parameter(name, value, conditions))
            return int(chosen) if value.integer else float(chosen)
        if isinstance(value, Choice):
            index, inside, inner = self.option(value, name, conditions)
            return self._inside(value.options[index], inside, inner)
        return self._inside(value, _prefix_of(value, name), conditions)

    def option(
        self, value: Choice, name: str, conditions: tuple[Condition, ...]
    ) -> tuple[int, str, tuple[Condition, ...]]:
        name, conditions = self.named(value, name, conditions)
        parameter = Parameter(name, value, conditions)
        label = self.choose(parameter)
        index = parameter.options.index(label)
        return index, joined(name, parameter.inner_names[index]), (*conditions, (name, label))

    def _inside(self, value: Any, prefix: str, conditions: tuple[Condition, ...]) -> Any:
        if isinstance(value, Choice | Numeric):
            return self.resolve(value, prefix, conditions)
        if isinstance(value, Sequential):
            home = replace(self, home=prefix, home_conditions=conditions, choose=_remembered(self.choose))
            return resolve_layers(home, value, prefix, conditions)
        if isinstance(value, KerasTunerModel):
            return resolve_hyperparameters(self.choose, value, prefix, conditions)
        if isinstance(value, Part):
            items = {
                field_name: self.resolve(item, name, conditions)
                for name, item, field_name in _children(value, prefix)
                if item is not None
            }
            return type(value).model_validate(items)
        if isinstance(value, tuple):
            return tuple(self.resolve(item, name, conditions) for name, item, _ in _children(value, prefix))
        return value


def _remembered(choose: Choose) -> Choose:
    """Choose the value of each parameter once, because a shared one stands in several places."""
    known: dict[str, Value] = {}

    def chosen(parameter: Parameter) -> Value:
        if parameter.name not in known:
            known[parameter.name] = choose(parameter)
        return known[parameter.name]

    return chosen
