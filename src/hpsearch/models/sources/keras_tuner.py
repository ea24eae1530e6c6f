"""Models that `build(hp)` of a user's file builds, by Keras Tuner's protocol."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np

from hpsearch.data.named_inputs import InputLayout
from hpsearch.exceptions import ModelCodeError, ModelError, spoken
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

    def __init__(
        self, code: tuple[ModelCode, ...], expected: str | None = None, inputs: InputLayout | None = None
    ) -> None:
        self._fits: dict[tuple[str, str], Callable[..., Any]] = {}
        self._asked: WeakKeyDictionary[keras.Model, HyperParameters] = WeakKeyDictionary()
        super().__init__(code, expected, inputs)

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
        fit = _own_fit(found)
        if fit is not None:
            self._fits[code.model.file, name] = fit
        return Function(code.path, name, _declared(found, build))

    def _built(self, function: Function, model: Any, features: Shape, objective: Objective) -> Any:
        del features, objective  # the protocol gives neither
        given = {one.name: one.value for one in model.hyperparameters or ()}
        hp = HyperParameters(given)
        built = function.call(hp)
        if isinstance(built, keras.Model):
            self._asked[built] = hp
        for name in sorted(hp.values.keys() - given.keys()) if given else ():
            warnings.warn(
                f"build(hp) asks for {name!r}, which the study does not search then: it has its default",
                RuntimeWarning,
                stacklevel=2,
            )
        return built

    def has_fit(self, model: KerasTunerModel) -> bool:
        """Return whether the hypermodel has a `fit` of its own."""
        return (model.file, model.function) in self._fits

    def fit(self, model: KerasTunerModel, built: keras.Model, *rows: Any, **given: Any) -> None:
        """Train a model that the hypermodel has built by its own `fit`.

        Raises:
            ModelError: The rows or targets have names.
        """
        if built not in self._asked:
            raise ModelError("a hypermodel with a fit of its own takes one input and one target")
        self._fits[model.file, model.function](self._asked[built], built, *rows, **given)

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
            found = explore(_asking(function.call, self._fits.get((model.file, model.function))))
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


def _own_fit(found: Any) -> Callable[..., Any] | None:
    """Return the `fit` of a hypermodel that does not have that of its base class."""
    fit = getattr(type(found), "fit", None)
    if not callable(fit) or fit.__module__.partition(".")[0] in ("keras_tuner", "hpsearch"):
        return None
    return partial(fit, found)


class _Untrained:
    """Stands for a model while it is found out what `fit` asks for before it trains."""

    def compile(self, *arguments: Any, **named: Any) -> None:
        """Do nothing."""

    def __call__(self, *arguments: Any, **named: Any) -> None:  # noqa: ARG002 - what a model is called with
        raise _TrainedError

    def __getattr__(self, name: str) -> Any:
        raise _TrainedError


class _TrainedError(Exception):
    """What was to be found out was."""


def _asking(build: Callable[..., Any], fit: Callable[..., Any] | None) -> Callable[..., Any]:
    """Return a function that asks for what `build` asks for, and `fit` before it trains."""
    if fit is None:
        return build

    def asking(hp: HyperParameters) -> None:
        build(hp)
        rows = np.zeros((1, 1), np.float32), np.zeros(1, np.int32)
        with suppress(Exception):  # these are not the rows that it is made for
            fit(hp, _Untrained(), *rows, validation_data=rows, callbacks=[])

    return asking
