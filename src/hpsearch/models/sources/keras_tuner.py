"""Models that `build(hp)` of a user's file builds, by Keras Tuner's protocol."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import keras

from hpsearch.exceptions import ModelCodeError, spoken
from hpsearch.models.components.hyperparameters import HyperParameters
from hpsearch.models.components.objectives import Objective
from hpsearch.models.sources.exploration import explore
from hpsearch.models.sources.python import Function, PythonSource, Raised
from hpsearch.spec import Choice, KerasTunerModel, StudySpec
from hpsearch.spec.sections.architecture import Shape
from hpsearch.spec.sources.python_file import ModelCode


class KerasTunerSource(PythonSource):
    """The functions and hypermodels of a study's Python files."""

    kind = KerasTunerModel

    def _function(self, module: ModuleType, code: ModelCode) -> Function:
        name = code.model.function
        found: Any = getattr(module, name, None)
        if isinstance(found, type):
            try:
                found = found()
            except Raised as failure:
                raise ModelCodeError(
                    f"model.keras_tuner: {code.path}: {name}() cannot be made without arguments "
                    f"({spoken(failure)}): write an object of it, as in my_model = {name}(...), and name that"
                ) from None
        build = getattr(found, "build", found)
        if not callable(build):
            raise ModelCodeError(
                f"model.keras_tuner: {code.path} has no function {name!r} and no hypermodel of that name"
            )
        _check_fit(found, code)
        return Function(code.path, name, _declared(found, build))

    def _built(self, function: Function, model: Any, features: Shape, objective: Objective) -> Any:
        del features, objective  # the protocol gives neither
        given = {one.name: one.value for one in model.hyperparameters or ()}
        hp = HyperParameters(given)
        built = function.call(hp)
        for name in sorted(hp.values.keys() - given.keys()) if given else ():
            warnings.warn(
                f"build(hp) asks for {name!r}, which the study does not search then: it has its default",
                RuntimeWarning,
                stacklevel=2,
            )
        return built

    def explored(self, spec: StudySpec) -> StudySpec:
        """Return a study with the hyperparameters that its files ask for.

        Raises:
            ModelCodeError: A file fails with the defaults.
        """
        found = spec.model_copy(update={"model": self._explored(spec.model)})
        keras.backend.clear_session()  # the names of layers count on from here
        return found

    def _explored(self, model: Any) -> Any:
        if isinstance(model, Choice):
            return Choice(tuple(map(self._explored, model.options)), model.shared)
        if not isinstance(model, KerasTunerModel) or model.hyperparameters is not None:
            return model
        function = self.builder(model)
        keras.utils.set_random_seed(0)
        try:
            found = explore(function.call)
        except Raised as failure:
            raise ModelCodeError(f"model.keras_tuner: {function.cause(failure)}") from None
        return model.model_copy(update={"hyperparameters": found})


def _declared(found: Any, build: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that has a hypermodel declare its hyperparameters before it builds."""
    declare = getattr(found, "declare_hyperparameters", None)
    if not callable(declare):
        return build

    def declared(hp: HyperParameters) -> Any:
        declare(hp)
        return build(hp)

    return declared


def _check_fit(found: Any, code: ModelCode) -> None:
    """Refuse a training loop of the hypermodel's own."""
    fit = getattr(type(found), "fit", None)
    if callable(fit) and not fit.__module__.startswith("keras_tuner."):
        raise ModelCodeError(
            f"model.keras_tuner: {code.path}: {code.model.function} has a fit of its own, which "
            "hpsearch does not call: let the model train itself by a train_step of its own, or remove fit"
        )
