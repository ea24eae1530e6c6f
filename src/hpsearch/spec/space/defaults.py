"""The defaults of a study file in the places that are searched: from where a winner was reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from hpsearch.spec import (
    ArgumentMapping,
    Choice,
    Component,
    Configuration,
    KerasTunerModel,
    Numeric,
    Part,
    Sequential,
    StudySpec,
    Training,
)
from hpsearch.spec.sections.optimizers import OptimizerKind
from hpsearch.spec.sections.preparation import KINDS
from hpsearch.spec.sections.recipe import recipe_of
from hpsearch.spec.sections.sequential import Group
from hpsearch.spec.study_file.loading import with_value
from hpsearch.spec.study_file.parts import dump, label_of

REQUIRED = object()
"""Stands for the default of a place that has none."""

Step = str | int


@dataclass(frozen=True)
class SearchedPlace:
    """A place where a distribution stands: its default there, and the value of a configuration.

    What is nested in a choice is part of the choice, because it exists only there. A choice that has no
    default keeps the option of the configuration, and what is nested in that option has places of its own.

    Attributes:
        path: The keys that lead to it in a study file.
        default: `REQUIRED` if the field has none.
        value: What the configuration has there.
        named: Its name, where that is not told by the path.
    """

    path: tuple[Step, ...]
    default: Any
    value: Any
    named: str = ""

    @property
    def name(self) -> str:
        """Return its short dotted name in the search space where nothing around it is searched."""
        if self.named:
            return self.named
        section, *rest = self.path
        if section == "data":
            return ".".join(map(str, self.path))
        own = rest if section == "training" else rest[1:]
        if rest[:2] == ["python", "arguments"]:
            own = rest[2:]
        return ".".join(map(str, own)) or str(section)


@dataclass(frozen=True)
class UnchangedParameter:
    """A searched place that has the winner's value in every run of an ablation, and why."""

    name: str
    value: str
    why: str


@dataclass(frozen=True)
class AblationSpace:
    """A study in which each place that changes is a choice: its default, then the winner's value.

    Attributes:
        spec: The study; everything that does not change is as the winner has it.
        kept: The searched places that do not change.
    """

    spec: StudySpec
    kept: tuple[UnchangedParameter, ...]


def ablation_space(spec: StudySpec, winner: Configuration) -> AblationSpace:
    """Put a choice of the default and the winner's value into each searched place in which they differ.

    Every combination of the changes is a valid configuration: a default that does not fit the winner's other
    values (such as `none` in the place of hidden sizes) is treated as if there were none.

    Args:
        spec: The study that was searched.
        winner: The configuration that it found.
    """
    training = _as_given(spec.training, winner.training)
    data = spec.data.model_copy(update=winner.preparation.said)
    update = {"data": data, "model": winner.model, "training": training, "compare": None}
    space = spec.model_copy(update=update)
    kept: list[UnchangedParameter] = []
    for place in searched_places(spec, winner):
        changed = None if place.default is REQUIRED or place.default == place.value else _with(space, place)
        if changed is None:
            kept.append(UnchangedParameter(place.name, _value_label(place), _why(place)))
        space = changed or space
    return AblationSpace(space, tuple(kept))


def _as_given(part: Any, winner: Training) -> Training:
    """Leave the learning rate where the study gives it: to each optimizer, where it gives none."""
    inside = _with_rate_inside(winner)
    if _can_give(part, inside):
        return inside
    given = _taken(part, winner).learning_rate
    return winner if given is not None else winner.model_copy(update={"learning_rate": None})


def _with_rate_inside(winner: Training) -> Training:
    """Write the learning rate among the arguments of the optimizer."""
    optimizer = winner.optimizer.model_copy(update={"learning_rate": winner.learning_rate})
    return winner.model_copy(update={"learning_rate": None, "optimizer": optimizer})


def _with(spec: StudySpec, place: SearchedPlace) -> StudySpec | None:
    """Put the choice into a place; None where it does not fit there."""
    path = ".".join(map(str, place.path))
    choice = {"choice": [dump(place.default), dump(place.value)]}
    try:
        return StudySpec.model_validate(with_value(spec.dump(), path, choice))
    except ValidationError:
        return None


def _value_label(place: SearchedPlace) -> str:
    """Return the label of the value; if there is no default only its name, for nested values have places."""
    value = place.value
    return value.name if place.default is REQUIRED and isinstance(value, Component) else label_of(value)


def _why(place: SearchedPlace) -> str:
    if place.default is REQUIRED:
        return "it has no default"
    if place.default == place.value:
        return "it is the default"
    return "no default fits beside the other values"


def searched_places(spec: StudySpec, winner: Configuration) -> tuple[SearchedPlace, ...]:
    """List the places of a study where distributions stand, in the order of the study file."""
    inside = _with_rate_inside(winner.training)
    training = inside if _can_give(spec.training, inside) else winner.training
    sections = (("model", spec.model, winner.model), ("training", spec.training, training))
    places = [place for name, part, value in sections for place in _places(part, value, (name,), REQUIRED)]
    recipe = recipe_of(spec.model)
    if recipe:
        places = [_by_recipe(place, recipe) for place in places]
    for name, part in spec.data.prepared.items():
        if isinstance(part, Choice):
            value = winner.preparation.said[name]
            places.append(SearchedPlace(("data", name), KINDS[name]["none"](), value))
    return tuple(places)


def _by_recipe(place: SearchedPlace, recipe: Mapping[str, Any]) -> SearchedPlace:
    """Put what the recipe of the model has in a place in the place of its default."""
    section, *path = place.path
    if section != "training" or not path or path[0] not in recipe:
        return place
    found = _found_in(Training.model_validate(dict(recipe)), path)
    return place if found is None else replace(place, default=found)


def _found_in(recipe: Training, path: list[Step]) -> Any:
    if path[-1] == "learning_rate":
        return recipe.learning_rate
    value: Any = recipe
    for step in path:
        if not isinstance(value, Component) or value.name != step:
            value = dict(value.items()).get(str(step)) if isinstance(value, Part) else None
    # The field of a component that is written without its name, as a number is, has no step of its own.
    unwritten = value.scalar if isinstance(value, Component) and value.name == path[-1] else None
    return value if unwritten is None else getattr(value, unwritten)


def _places(part: Any, value: Any, path: tuple[Step, ...], default: Any) -> Iterator[SearchedPlace]:
    if isinstance(part, Choice | Numeric):
        yield SearchedPlace(path, default, value)
        if default is not REQUIRED:
            return
        part = _taken(part, value)
    if isinstance(part, Sequential) and not _is_flat(part):
        # Its winner has other layers in other places.
        yield SearchedPlace(path, REQUIRED, value)
    elif isinstance(part, KerasTunerModel):
        yield from _hyperparameters(part, value, (*path, part.name, "hyperparameters"))
    elif isinstance(part, Part):
        for name, item, own, inner in _fields(part, value, path):
            yield from _places(item, own, name, inner)
    elif isinstance(part, tuple):
        for index, (item, own) in enumerate(zip(part, value, strict=True)):
            of_item = default[index] if isinstance(default, tuple) and index < len(default) else default
            yield from _places(item, own, (*path, index), of_item)


def _hyperparameters(
    part: KerasTunerModel, value: KerasTunerModel, path: tuple[Step, ...]
) -> Iterator[SearchedPlace]:
    """Iterate over what `build` asked for in a configuration and is searched; it has told the defaults."""
    given = value.hyperparameters or ()
    values = {one.name: one.value for one in given}
    known = {one.name: one for one in reversed(part.hyperparameters or ()) if one.is_given(values)}
    for index, one in enumerate(given):
        declared = known.get(one.name)
        if declared is not None and isinstance(declared.value, Choice | Numeric):
            default = REQUIRED if declared.default is None else declared.default
            yield SearchedPlace((*path, index, "value"), default, one.value, one.name)


def _is_flat(model: Sequential) -> bool:
    """Tell whether a configuration has the layers of the study file, in the long form of their places."""
    plain = all(isinstance(item, Component) and not isinstance(item, Group) for item in model.layers)
    return plain and not model.shared and all(item.name != "none" for item in model.layers)


def _fields(
    part: Part, value: Part, path: tuple[Step, ...]
) -> Iterator[tuple[tuple[Step, ...], Any, Any, Any]]:
    """Iterate over the fields of a part: the path, what the study has there, the value, the default."""
    found = dict(value.items())
    inside = (*path, part.name) if isinstance(part, Component) else path
    for name, item in part.items():
        declared = None if isinstance(part, ArgumentMapping) else type(part).model_fields[name]
        default = REQUIRED if declared is None or declared.is_required() else declared.get_default()
        if isinstance(part, Training | OptimizerKind) and name == "learning_rate":
            default = _own_rate(part)
        unwritten = getattr(part, "scalar", None) == name or _is_listed(value, name)
        own = inside if unwritten else (*inside, name)
        yield own, item, found[name], default


def _is_listed(value: Part, name: str) -> bool:
    """Tell whether a part is written as a list, which stands for one of its fields."""
    if not isinstance(value, Component) or value.listed != name:
        return False
    return isinstance(value.dump()[value.name], list)


def _own_rate(part: Training | OptimizerKind) -> float:
    """Return the default learning rate: where optimizers are searched, that of the default one."""
    optimizer: Any = part.optimizer if isinstance(part, Training) else part
    if isinstance(optimizer, Choice):
        optimizer = Training.model_fields["optimizer"].default
    return float(optimizer.own_rate)


def _taken(part: Any, value: Any) -> Any:
    """Return the option that a value comes from, with the distributions that are nested in it."""
    while isinstance(part, Choice):
        part = next(option for option in part.options if _can_give(option, value))
    return part


def _can_give(part: Any, value: Any) -> bool:
    if isinstance(part, Choice):
        return any(_can_give(option, value) for option in part.options)
    if isinstance(part, Numeric):
        # A number may stand for a component, as a share of the run does for a length of time.
        number = getattr(value, value.scalar) if isinstance(value, Component) and value.scalar else value
        return isinstance(number, int | float) and part.low <= number <= part.high
    if isinstance(part, KerasTunerModel) or (isinstance(part, Sequential) and not _is_flat(part)):
        return type(part) is type(value) and _code_of(part) == _code_of(value)
    if isinstance(part, Part):
        same = type(part) is type(value) and dict(part.items()).keys() == dict(value.items()).keys()
        found = dict(value.items())
        return same and all(
            (name == "learning_rate" and item is None) or _can_give(item, found[name])
            for name, item in part.items()
        )
    if isinstance(part, tuple) and isinstance(value, tuple):
        return len(part) == len(value) and all(map(_can_give, part, value))
    return bool(part == value)


def _code_of(model: Any) -> tuple[str, str] | None:
    return (model.file, model.function) if isinstance(model, KerasTunerModel) else None
