"""What a study lets one choose of initializer, activation and batch normalization, as configurations."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import Choice, Configuration, ModelComponent, StudySpec
from hpsearch.spec.space.arms import middle_of
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.distributions import alternatives

VARIED = ("initializer", "activation", "batch_norm")

MAX_ARMS = 100
"""The most arms that one page can show."""


@dataclass(frozen=True)
class ProbedArms:
    """A configuration for each combination, and the searched values of the network that all of them share."""

    configurations: tuple[Configuration, ...]
    fixed: dict[str, Value]


def probed_arms(spec: StudySpec, *, trained: bool = False) -> ProbedArms:
    """List every combination of the choices under the fields in `VARIED`.

    All else that is searched takes its first option, or the middle of its range.

    Args:
        spec: The study.
        trained: Whether the arms are to be trained; then the shared values of training are listed too.

    Raises:
        UnsupportedError: The model is not a perceptron or has no hidden layer, or there are more than
            `MAX_ARMS` combinations.
    """
    model = _first_model(spec)
    space = SearchSpace(spec.model_copy(update={"model": model}))
    found = list(islice(space.combinations(_values), MAX_ARMS + 1))
    if len(found) > MAX_ARMS:
        raise UnsupportedError(
            f"{' and '.join(VARIED)} have more than {MAX_ARMS} combinations, too many for one page: "
            "probe fewer with --set, as in --set 'model.mlp.activation={choice: [relu, tanh]}'"
        )
    configurations = tuple(map(space.configuration, found))
    if any(not one.model.sizes for one in configurations):  # type: ignore[attr-defined]  # they are perceptrons
        raise UnsupportedError(
            "model: a probe needs a hidden layer, and this model has none: probe another one with --set, "
            "as in --set 'model.mlp.hidden=[64]'"
        )
    kept = None if trained else type(model).model_fields.keys()
    fixed = {
        name: value for values in found for name, value in values.items() if _is_fixed(space[name], kept)
    }
    return ProbedArms(configurations, fixed)


def _first_model(spec: StudySpec) -> ModelComponent:
    model: ModelComponent = alternatives(spec.model)[0]
    if not model.probed:
        raise UnsupportedError(f"model: a probe needs an mlp, and the model of this study is {model.name!r}")
    return model


def _varies(parameter: Parameter) -> bool:
    return isinstance(parameter.distribution, Choice) and parameter.name.split(".")[0] in VARIED


def _is_fixed(parameter: Parameter, fields: Collection[str] | None) -> bool:
    """Return whether a parameter is of one of the fields, or of any, and takes one value in every arm."""
    return not _varies(parameter) and (fields is None or parameter.name.split(".")[0] in fields)


def _values(parameter: Parameter) -> tuple[Value, ...]:
    return parameter.options if _varies(parameter) else (middle_of(parameter),)
