"""What the members of a study can ask of one program: found in the spec, fixed for the study."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hpsearch.spec import Choice, Component, Configuration, Numeric, StudySpec
from hpsearch.spec.sections.optimizers import SWITCHES

NO_LIMIT = float("inf")

DROPOUTS = ("dropout", "alpha_dropout", "input_dropout")


@dataclass(frozen=True)
class ActivationKind:
    """An activation that needs a branch of its own; its numbers are arguments of the branch."""

    name: str
    variant: str = ""


@dataclass(frozen=True)
class PositionKind:
    """A position of batch normalization; a momentum or epsilon that is searched is None and an argument."""

    name: str
    momentum: float | None = None
    epsilon: float | None = None


NO_NORM = PositionKind("none")


@dataclass(frozen=True)
class ProgramOptions:
    """What is compiled into a program, because a member can ask for it; nothing else costs time.

    A kind that stands alone needs no switch.

    Attributes:
        activations: The kinds of activations, a branch for each.
        positions: The kinds of batch normalization.
        input_norms: Those of the inputs; empty if no member normalizes its inputs.
        dropouts: The fields of `DROPOUTS` that can be above 0.
        penalties: Whether kernels can be penalized.
        activity: Whether activations can be penalized.
        clipping: The names of the kinds of gradient clipping.
        coefficients: The searched arguments of optimizers, as `adam.beta_1`; they are inputs of the program.
            The others are constants of it, as in plain Keras.
        class_weights: Whether classes can have weights.
    """

    activations: tuple[ActivationKind, ...]
    positions: tuple[PositionKind, ...]
    input_norms: tuple[PositionKind, ...]
    dropouts: frozenset[str]
    penalties: bool
    activity: bool
    clipping: tuple[str, ...]
    coefficients: frozenset[str]
    class_weights: bool = False


def program_options(study: StudySpec | Configuration) -> ProgramOptions:
    """Collect what the members of a study, or one configuration, can ask of a program."""
    models, trainings = list(_options(study.model)), list(_options(study.training))
    input_norms = _sorted(map(position_kind, _field(models, "input_batch_norm")))
    activations = (activation_kind(a) for a in _field(models, "activation") if a.name != "prelu")
    return ProgramOptions(
        activations=_sorted(activations),
        positions=_sorted(map(position_kind, _field(models, "batch_norm"))),
        input_norms=() if input_norms == (NO_NORM,) else input_norms,
        dropouts=frozenset(name for name in DROPOUTS if _can_be_positive(models, name)),
        penalties=_can_be_positive(models, "l1", "l2"),
        activity=_can_be_positive(models, "activity_l1", "activity_l2"),
        clipping=tuple(sorted({clipping.name for clipping in _field(trainings, "clipping")})),
        coefficients=frozenset(_searched_coefficients(_field(trainings, "optimizer"))),
        class_weights=any(
            getattr(one, "name", one) not in (None, "none") for one in _field(trainings, "class_weight")
        ),
    )


def _options(value: Any) -> Iterator[Any]:
    """Iterate over everything that can stand in a place: options of choices, items of lists."""
    if isinstance(value, Choice):
        value = value.options
    if isinstance(value, tuple):
        for option in value:
            yield from _options(option)
    else:
        yield value


def _field(parts: Iterable[Any], name: str) -> list[Any]:
    return [option for part in parts for option in _options(getattr(part, name))]


def _can_be_positive(models: list[Any], *names: str) -> bool:
    return any(value != 0 for name in names for value in _field(models, name))


def _sorted(kinds: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(set(kinds), key=repr))


def _searched_coefficients(optimizers: list[Component]) -> Iterator[str]:
    for optimizer in optimizers:
        for name, value in optimizer.items():
            if isinstance(value, Choice | Numeric) and name not in (*SWITCHES, "learning_rate"):
                yield f"{optimizer.name}.{name}"


def activation_kind(activation: Component) -> ActivationKind:
    """Return which branch an activation takes."""
    if activation.name == "relu":
        plain = type(activation)()
        return ActivationKind("relu", "" if activation == plain else "general")
    if activation.name == "gelu":
        approximate = activation.approximate  # type: ignore[attr-defined]
        return ActivationKind("gelu", "approximate" if approximate is True else "")
    return ActivationKind(activation.name)


def position_kind(position: Component) -> PositionKind:
    """Return which branch a position of batch normalization takes."""
    known = {n: v for n, v in position.items() if not isinstance(v, Choice | Numeric)}
    return PositionKind(position.name, **known)


def site_branches(kinds: tuple[PositionKind, ...], site: str) -> tuple[PositionKind | None, ...]:
    """List what a program can do at a site: first nothing, as None, if a member can ask for that."""
    there = tuple(kind for kind in kinds if kind.name == site)
    return there if len(there) == len(kinds) else (None, *there)


def position_index(kinds: tuple[PositionKind, ...], position: Component) -> int:
    """Return the index of the branch of a position: the first that agrees in all that is not searched.

    Raises:
        KeyError: There is none; then the options are not those of the position's study.
    """
    for index, kind in enumerate(kinds):
        same = all(getattr(kind, name) in (None, value) for name, value in position.items())
        if kind.name == position.name and same:
            return index
    raise KeyError(position.name)
