"""What `build(hp)` of a user's file adds to a search space."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import starmap
from typing import Any

from hpsearch.spec import Choice, Hyperparameter, KerasTunerModel, Numeric
from hpsearch.spec.space.layers import is_structural, joined
from hpsearch.spec.space.parameter import AnyOf, Condition, Parameter, Value, distinct

Conditions = tuple[Condition, ...]

MAX_COUNTED = 10_000
"""Combinations of parents that are counted one by one."""


def list_hyperparameters(model: KerasTunerModel, prefix: str, conditions: Conditions) -> Iterator[Parameter]:
    """Iterate over the parameters of a model."""
    for one, parameter in _named(model, prefix, conditions):
        if isinstance(one.value, Choice | Numeric):
            yield parameter


def resolve_hyperparameters(
    choose: Callable[[Parameter], Value], model: KerasTunerModel, prefix: str, conditions: Conditions
) -> KerasTunerModel:
    """Return a model with the values of what there is under them; of one name only the first is given."""
    known: dict[str, Any] = {}
    for one, parameter in _named(model, prefix, conditions):
        if one.name not in known and one.is_given(known):
            known[one.name] = _resolved(choose, one, parameter)
    found = tuple(Hyperparameter(name=name, value=value) for name, value in known.items())
    given = None if model.hyperparameters is None else found
    return model.model_copy(update={"hyperparameters": given})


def count_values(model: KerasTunerModel) -> float:
    """Count the combinations of values; an upper bound where those of parents are very many."""
    return _combinations(model, _count)


def count_structures(model: KerasTunerModel, most: int) -> float:
    """Count the structures that the values ask for, at most so many for each hyperparameter."""
    return _combinations(model, lambda one: min(_count(one), most) if is_structural("", one.value) else 1)


def _combinations(model: KerasTunerModel, count: Callable[[Hyperparameter], float]) -> float:
    found = model.hyperparameters or ()
    parents = {name for one in found for name, _ in one.when}
    if math.prod(_count(one) for one in found if one.name in parents) > MAX_COUNTED:
        return math.prod(map(count, found))
    return _counted(found, {}, parents, count)


def _count(one: Hyperparameter) -> float:
    return Parameter("", one.value).count if isinstance(one.value, Choice | Numeric) else 1


def _counted(
    found: tuple[Hyperparameter, ...],
    known: dict[str, Any],
    parents: set[str],
    count: Callable[[Hyperparameter], float],
) -> float:
    """Count what there is under known values; the values of a parent one by one."""
    product = 1.0
    for index, one in enumerate(found):
        if one.name in known or not one.is_given(known):
            continue
        if one.name not in parents:
            product *= count(one)
            continue
        values = _values(one)
        inner = (_counted(found[index + 1 :], {**known, one.name: value}, parents, count) for value in values)
        return product * count(one) / len(values) * math.fsum(inner)
    return product


def _values(one: Hyperparameter) -> tuple[Any, ...]:
    searched = isinstance(one.value, Choice | Numeric)
    return tuple(Parameter("", one.value).iterate()) if searched else (one.value,)


def _named(
    model: KerasTunerModel, prefix: str, conditions: Conditions
) -> Iterator[tuple[Hyperparameter, Parameter]]:
    """Iterate over the hyperparameters, each as a parameter with a name of its own."""
    found = model.hyperparameters or ()
    searched = {one.name for one in found if isinstance(one.value, Choice | Numeric)}
    for one, name in zip(found, distinct(one.parameter_name for one in found), strict=True):
        when = [(joined(prefix, parent), values) for parent, values in one.when if parent in searched]
        structural = is_structural("", one.value)
        yield (
            one,
            Parameter(
                joined(prefix, str(name)), one.value, (*conditions, *starmap(_condition, when)), structural
            ),
        )


def _condition(name: str, values: tuple[Any, ...]) -> Condition:
    return (name, values[0] if len(values) == 1 else AnyOf(values))


def _resolved(choose: Callable[[Parameter], Value], one: Hyperparameter, parameter: Parameter) -> Any:
    if isinstance(one.value, Choice):
        return one.value.options[parameter.options.index(choose(parameter))]
    if not isinstance(one.value, Numeric):
        return one.value
    drawn = choose(parameter)
    value = one.value.low + one.value.high - float(drawn) if one.mirrored else drawn
    return int(value) if one.value.integer else float(value)
