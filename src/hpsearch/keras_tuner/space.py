"""The hyperparameters of Keras Tuner's own objects as a search space of hpsearch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hpsearch.models.components.hyperparameters import HyperParameters
from hpsearch.scheduling.beginning import begun
from hpsearch.spec import Choice, Hyperparameter, Numeric, StudySpec
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.spec.space.parameter import Parameter, Value


def hyperparameters_of(given: Iterable[Any]) -> tuple[Hyperparameter, ...]:
    """Return what objects such as `keras_tuner.HyperParameters().space` has are called here."""
    asked = HyperParameters()
    for one in given:
        config = one.get_config()
        with ExitStack() as scopes:
            for condition in config.pop("conditions"):
                parent = condition["config"]
                scopes.enter_context(asked.conditional_scope(parent["name"], list(parent["values"])))
            getattr(asked, type(one).__name__)(**config)
    return tuple(
        Hyperparameter(
            name=one.name,
            value=one.value,
            default=one.default,
            when=tuple((parent.name, parent.values) for parent in one.conditions),
            mirrored=one.mirrored,
        )
        for one in asked.space
    )


@dataclass(frozen=True)
class TunedSpace:
    """A search over hyperparameters, whatever it is that trains.

    Attributes:
        found: The hyperparameters.
        name: The name of the study.
        epochs: The length of the longest trial.
        search: The search section.
    """

    found: tuple[Hyperparameter, ...]
    name: str
    epochs: int
    search: Mapping[str, Any]

    @cached_property
    def experiment(self) -> SearchExperiment:
        """The search, of whose data and models nothing is known here."""
        given = {
            "name": self.name,
            "data": {"npz": "elsewhere.npz"},
            "model": {"keras_tuner": {"file": "elsewhere.py", "hyperparameters": []}},
            "training": {"epochs": self.epochs, "batch_size": 1},
            "search": dict(self.search),
        }
        spec = StudySpec.model_validate(given)
        model: Any = spec.model
        known = model.model_copy(update={"hyperparameters": self.found})
        return SearchExperiment(begun(spec.model_copy(update={"model": known}))[0])

    def given(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """Return the values that `build` is given, by the names that it asks for."""
        model: Any = self.experiment.configuration(values).model
        return {one.name: one.value for one in model.hyperparameters}

    def completed(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Give a trial the default of what nobody had asked for when it was begun."""
        kept: dict[str, Value] = {}

        def choose(parameter: Parameter) -> Value:
            kept[parameter.name] = values.get(parameter.name, self._defaults[parameter.name])
            return kept[parameter.name]

        self.experiment.space.configure(choose)
        return kept

    @cached_property
    def _defaults(self) -> dict[str, Any]:
        searched = [one for one in self.found if isinstance(one.value, Choice | Numeric)]
        parameters = self.experiment.space.of_section("model")
        return {two.name: _default(one, two) for one, two in zip(searched, parameters, strict=True)}


def _default(one: Hyperparameter, parameter: Parameter) -> Any:
    if isinstance(one.value, Choice):
        return parameter.options[one.value.options.index(one.default)]
    assert isinstance(one.value, Numeric)  # noqa: S101 - it is searched
    default: Any = one.default
    return one.value.low + one.value.high - default if one.mirrored else default
