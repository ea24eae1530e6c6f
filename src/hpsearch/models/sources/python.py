"""Models that a function in a user's Python file builds."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Self
from weakref import WeakValueDictionary

import keras

from hpsearch.data import Dataset
from hpsearch.data.checks import meant
from hpsearch.data.named_inputs import InputLayout
from hpsearch.exceptions import ModelCodeError, ModelError, StudyMismatchError, spoken
from hpsearch.models.components.joined_objective import JoinedObjective
from hpsearch.models.components.objectives import Objective
from hpsearch.models.interface import ModelFiles, ModelSource
from hpsearch.models.sources.several_inputs import called, on_flat_rows
from hpsearch.models.sources.user_model import UserModel, flat, user_model
from hpsearch.models.weights import Weights, weights_of
from hpsearch.seeds import derive
from hpsearch.spec import OwnModel, PythonModel, StudySpec
from hpsearch.spec.sections.architecture import Shape
from hpsearch.spec.sections.own_function import OwnFunction
from hpsearch.spec.sources.python_file import ModelCode, fingerprint, read_code
from hpsearch.spec.study_file.distributions import alternatives
from hpsearch.spec.study_file.parts import dump

OWN_NAMES = ("rows", "rescale", "standardize", "curve", "predictions")
"""Names of the layers that stand around a model, which itself may not bear one of them."""

Raised = (Exception, SystemExit)
"""What ends the user's code, and must not end ours."""


@dataclass(frozen=True)
class Function:
    """A function that builds models, and where it is defined."""

    path: Path
    name: str
    call: Callable[..., Any]

    @property
    def place(self) -> str:
        """Return the function's name with the file and the line where it begins."""
        code = getattr(self.call, "__code__", None)
        line = f":{code.co_firstlineno}" if code is not None else ""
        return f"{self.name}, {self.path.name}{line}"

    def cause(self, failure: BaseException) -> str:
        """Return a failure in one line, with the line of the file that raised it."""
        return f"{spoken(failure)} (in {line_that_raised(failure, self.path) or self.place})"


def line_that_raised(failure: BaseException, path: Path) -> str | None:
    """Return the last line of a file that led to a failure; None if none did."""
    frames = traceback.extract_tb(failure.__traceback__)
    own = [frame for frame in frames if frame.filename == str(path)]
    return f"{own[-1].name}, {path.name}:{own[-1].lineno}" if own else None


class PythonSource(ModelSource[OwnModel]):
    """The functions of a study's Python files; each file is run once, here.

    Args:
        code: The files and functions that the study names.
        expected: The fingerprint that the files must have; None if any will do.
        inputs: The named inputs that rows hold; None where they have no names.

    Raises:
        ModelCodeError: A file cannot be run or lacks its function.
        StudyMismatchError: The files do not have the expected fingerprint.
    """

    setting = "model code"
    kind: ClassVar[type[OwnModel]] = PythonModel
    not_compiled = (
        "a model of a Python file may have custom layers and methods, and is trained by its own fit"
    )

    def __init__(
        self, code: tuple[ModelCode, ...], expected: str | None = None, inputs: InputLayout | None = None
    ) -> None:
        self.inputs = inputs
        contents = read_code(code)
        self.files = tuple(contents)
        self.fingerprint = fingerprint(contents)
        if expected not in (None, self.fingerprint):
            raise StudyMismatchError("the code of the model has changed while the study was running")
        named = {one.path: f"model.{one.model.name}.file" for one in code}
        modules = {path: _run(path, content, named[path]) for path, content in contents.items()}
        own = [one for one in code if isinstance(one.model, self.kind)]
        self._functions = {
            (one.model.file, one.model.function): self._function(modules[one.path], one) for one in own
        }
        self._modules = {one.model.file: modules[one.path] for one in code}
        self._weights: WeakValueDictionary[int, keras.Variable] = WeakValueDictionary()

    @contextmanager
    def blamed(self, model: OwnModel) -> Iterator[None]:
        """Turn any failure within the context into a ModelError with its cause and place."""
        try:
            yield
        except ModelError:
            raise
        except Raised as failure:
            raise ModelError(self.builder(model).cause(failure)) from None

    @classmethod
    def of_study(cls, spec: StudySpec, files: ModelFiles, dataset: Dataset) -> Self:
        """Run the Python files of a study."""
        source = cls(files.code_of(spec), files.code, dataset.inputs)
        losses = [loss for training in alternatives(spec.training) for loss in alternatives(training.loss)]
        for place, components in (("training.loss", losses), ("search.metrics", spec.search.metrics or ())):
            for own in components:
                if isinstance(own, OwnFunction):
                    for model in alternatives(spec.model):
                        source.function(model, own.function, place)
        return source

    def _function(self, module: ModuleType, code: ModelCode) -> Function:
        """Return what builds a model.

        Raises:
            ModelCodeError: The file has no such function.
        """
        name = code.model.function
        call = getattr(module, name, None)
        if not callable(call):
            place = f"model.{code.model.name}.function"
            raise ModelCodeError(f"{place}: {code.path} has no function {name!r}")
        return Function(code.path, name, call)

    def builder(self, model: OwnModel) -> Function:
        """Return what builds a model."""
        return self._functions[model.file, model.function]

    def function(self, model: OwnModel, name: str, place: str) -> Callable[..., Any]:
        """Return a function of the model's file, whose failures are blamed on it."""
        module = self._modules[model.file]
        call: Any = getattr(module, name, None)
        if not callable(call):
            hint = meant(name, {one: None for one, value in vars(module).items() if callable(value)})
            raise ModelCodeError(f"{place}: {module.__file__} has no function {name!r}{hint}")
        found: Callable[..., Any] = call
        return found

    def connect(
        self, model: OwnModel, inputs: Any, objective: Objective, seed: int, *, training: bool
    ) -> Any:
        """Build a model and connect its exported form, the same in training, to rows."""
        del training
        found = self.build(model, tuple(inputs.shape[1:]), objective, seed)
        with self.blamed(model):
            return flat(found.exported()(inputs))

    def first_weights(
        self, model: OwnModel, network: keras.Model, objective: Objective, seed: int
    ) -> Weights:
        """Return the weights of the network as the function built it from the seed."""
        del model, objective, seed
        return weights_of(network)

    def build(self, model: OwnModel, features: Shape, objective: Objective, seed: int) -> UserModel:
        """Build a model with Keras' random seed set.

        Args:
            model: The model section of a configuration, whose arguments the function gets.
            features: The shape of a row.
            objective: The loss and the metric, which say how many outputs the model must have.
            seed: The member's seed, from which the first weights are drawn.

        Raises:
            ModelError: The function fails, or its model cannot be trained or saved.
        """
        function = self.builder(model)
        keras.utils.set_random_seed(derive(seed, "build") % 2**32)
        with self.blamed(model):
            built, given = self._called(function, model, features, objective)
            self._check_new(built, function)
            _check_saveable(built, function)
        shape = getattr(given, "shape", None)
        joined = isinstance(objective, JoinedObjective)
        if joined:
            pass
        elif shape is None or not _fits(tuple(shape), objective):
            found = "several outputs" if shape is None else f"outputs of shape {tuple(shape)}"
            raise ModelError(
                f"the model has {found}, but this study needs (None, {objective.units}): give its single "
                f"output as many units as the argument outputs (in {function.place})"
            )
        try:
            with self.blamed(model):
                if joined or self.inputs is not None:
                    built = on_flat_rows(built, self.inputs, features, objective)
                return user_model(built, objective, features)
        except ModelError as failure:
            raise ModelError(f"{failure} (in {function.place})") from None

    def _called(
        self, function: Function, model: OwnModel, features: Shape, objective: Objective
    ) -> tuple[keras.Model, Any]:
        """Call the function, and its model once; several inputs are told and given by their names."""
        built, layout = self._built(function, model, features, objective), self.inputs
        _check_kind(built, function)
        if layout is None:
            return built, built(keras.Input(features))
        try:
            return built, called(built, layout)
        except ModelError as failure:
            raise ModelError(f"{failure} (in {function.place})") from None

    def _built(self, function: Function, model: Any, features: Shape, objective: Objective) -> Any:
        """Call the function."""
        given: Any = features if self.inputs is None else {one.name: one.shape for one in self.inputs.inputs}
        outputs: Any = objective.units
        if isinstance(objective, JoinedObjective):
            outputs = {one.name: one.units for one in objective.layout.targets}
        return function.call(given, outputs, **dump(model.arguments))

    def _check_new(self, built: keras.Model, function: Function) -> None:
        """Refuse layers that another trial has too, because their weights would be trained by both."""
        if any(self._weights.get(id(weight)) is weight for weight in built.trainable_weights):
            raise ModelError(
                "the function reuses layers of an earlier model: each trial needs new ones "
                f"(in {function.place})"
            )
        self._weights.update({id(weight): weight for weight in built.trainable_weights})


def _fits(shape: tuple[int | None, ...], objective: Objective) -> bool:
    """Return whether outputs have as many numbers as a row has targets; several may have any shape."""
    sizes = [size for size in shape[1:] if size is not None]
    if len(sizes) + 1 != len(shape):
        return False
    return prod(sizes) == objective.units if objective.several else sizes == [objective.units]


def _check_kind(built: Any, function: Function) -> None:
    if not isinstance(built, keras.Model):
        found = f"{type(built).__name__} instead of a keras.Model"
    elif built.name in OWN_NAMES:
        found = f"a model called {built.name!r}, which is the name of a layer that hpsearch adds"
    else:
        return
    raise ModelError(f"the function returns {found} (in {function.place})")


def _check_saveable(built: keras.Model, function: Function) -> None:
    """Refuse a model that cannot be saved now, not after the search."""
    try:
        keras.saving.serialize_keras_object(built)
    except Exception as failure:
        raise ModelError(f"the model cannot be saved: {spoken(failure)} (in {function.place})") from failure


def _remedy(failure: BaseException) -> str:
    """Say what to do where Keras Tuner is missing, which files of its protocol need not import."""
    if not isinstance(failure, ModuleNotFoundError) or failure.name not in ("keras_tuner", "kerastuner"):
        return ""
    return (
        ": pip install 'hpsearch[keras-tuner]', or remove the import: `hp` needs no annotation, and a "
        "hypermodel no base class"
    )


def _run(path: Path, content: bytes, named: str) -> ModuleType:
    """Run a file as a module that can import its neighbours."""
    module = ModuleType(f"model_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    try:
        exec(compile(content, str(path), "exec", dont_inherit=True), vars(module))  # noqa: S102 - asked for
    except SyntaxError as failure:
        place = f"{failure.filename or path}:{failure.lineno}"
        raise ModelCodeError(f"{named}: {place}: not Python: {failure.msg}") from None
    except Raised as failure:
        line = line_that_raised(failure, path) or path.name
        raise ModelCodeError(f"{named}: {path}: {spoken(failure)} (in {line}){_remedy(failure)}") from None
    return module
