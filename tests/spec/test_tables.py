"""The literal tables agree with the libraries that they name."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

keras = pytest.importorskip("keras")
metrics = pytest.importorskip("sklearn.metrics")

from pydantic_core import PydanticUndefined

from hpsearch.models.components.metrics import METRICS as OBJECTS
from hpsearch.models.components.optimizers import OPTIMIZERS as KERAS_OPTIMIZERS
from hpsearch.models.components.optimizers import keras_optimizer
from hpsearch.spec.sections.activations import ACTIVATIONS, UNAVAILABLE
from hpsearch.spec.sections.further_metrics import ALIASES, METRICS, UNAVAILABLE_METRICS
from hpsearch.spec.sections.initializers import INITIALIZERS
from hpsearch.spec.sections.losses import LOSSES, SHORT, UNAVAILABLE_LOSSES
from hpsearch.spec.sections.objectives import direction_of
from hpsearch.spec.sections.optimizers import OPTIMIZERS, SWITCHES
from hpsearch.spec.sections.scorer_names import SCORERS
from hpsearch.spec.study_file.parts import Component

REQUIRED = "required"


def arguments_of(function: Any, ignored: set[str]) -> dict[str, Any]:
    """List the named arguments of a function with their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {
        parameter.name: REQUIRED if parameter.default is parameter.empty else parameter.default
        for parameter in parameters
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.name not in ignored
    }


def fields_of(kind: type[Component]) -> dict[str, Any]:
    """List the fields of a component with their defaults."""
    defaults = {name: field.default for name, field in kind.model_fields.items()}
    return {name: REQUIRED if value is PydanticUndefined else value for name, value in defaults.items()}


def public_names(table: dict[str, Any], not_names: set[str]) -> set[str]:
    """List the names in snake case that Keras accepts."""
    return {name for name in table if name == name.lower()} - not_names


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializers_are_those_of_keras(name: str) -> None:
    required = {"constant": {"value": 0.0}}.get(name, {})
    resolved = keras.initializers.get({"class_name": name, "config": required} if required else name)
    axes = {"input_axes", "output_axes"}
    assert fields_of(INITIALIZERS[name]) == arguments_of(type(resolved), {"seed", *axes})
    canonical = keras.initializers.get({"class_name": INITIALIZERS[name].name, "config": required})
    assert type(canonical) is type(resolved)


def test_no_initializer_of_keras_is_missing() -> None:
    from keras.src.initializers import ALL_OBJECTS_DICT

    assert set(INITIALIZERS) == public_names(ALL_OBJECTS_DICT, {"initializer", "stft"})


LAYERS = {"prelu", "rrelu"}
"""Activations that are no functions: one has weights, and one draws."""


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name not in LAYERS])
def test_activations_are_those_of_keras(name: str) -> None:
    function = keras.activations.get(name)
    assert fields_of(ACTIVATIONS[name]) == arguments_of(function, {"x", "axis"})
    assert keras.activations.get(ACTIVATIONS[name].name) is function


def test_prelu_is_a_layer() -> None:
    default = fields_of(ACTIVATIONS["prelu"])["alpha_initializer"]
    assert type(keras.initializers.get(default.name)) is type(keras.layers.PReLU().alpha_initializer)
    assert default == INITIALIZERS["zeros"]()


def test_rrelu_has_the_slopes_of_its_paper() -> None:
    """Xu et al. 2015 divide by a number between 3 and 8."""
    assert fields_of(ACTIVATIONS["rrelu"]) == {"lower": 1 / 8, "upper": 1 / 3}


def test_no_activation_of_keras_is_missing() -> None:
    from keras.src.activations import ALL_OBJECTS_DICT

    assert set(ACTIVATIONS) - LAYERS == public_names(ALL_OBJECTS_DICT, set(UNAVAILABLE))


OTHERS = {"learning_rate", "clipnorm", "clipvalue", "global_clipnorm", "loss_scale_factor", "name"}
"""Arguments of all of Keras' optimizers that are written beside the optimizer, or are for lower precisions."""
NO_OPTIMIZERS = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer"}
"""The base of all, and what is made of other optimizers."""


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_are_those_of_keras(name: str) -> None:
    resolved = keras_optimizer(OPTIMIZERS[name](), learning_rate=OPTIMIZERS[name].own_rate)
    ours = {field: value for field, value in fields_of(OPTIMIZERS[name]).items() if field != "learning_rate"}
    assert ours == arguments_of(type(resolved), OTHERS)
    assert type(resolved).__name__.lower() == name.replace("_", "")
    resolved_again = type(resolved)(**ours)
    assert resolved.get_config() | {"name": ""} == resolved_again.get_config() | {"name": ""}
    assert resolved.get_config() | {"name": ""} == type(resolved)().get_config() | {"name": ""}
    assert OPTIMIZERS[name].own_rate == inspect.signature(type(resolved)).parameters["learning_rate"].default
    assert OPTIMIZERS[name].own_rate == pytest.approx(float(resolved.learning_rate))


@pytest.mark.parametrize("name", [*LOSSES, *SHORT])
def test_losses_are_those_of_keras(name: str) -> None:
    kind = {**LOSSES, **SHORT}[name]
    found = getattr(keras.losses, kind.__name__)
    ours = fields_of(kind)
    # Losses of rows, of what the trainer gives, along the last axis.
    ignored = {"reduction", "name", "dtype", "axis", "from_logits", "ignore_class"}
    assert ours == arguments_of(found, ignored)
    if name in SHORT and name != "logcosh":
        assert keras.losses.get(name) is keras.losses.get(kind.name)


def test_no_loss_of_keras_is_missing() -> None:
    public = {
        name
        for name, kind in vars(keras.losses).items()
        if isinstance(kind, type) and issubclass(kind, keras.losses.Loss) and kind is not keras.losses.Loss
    }
    unavailable = {name for name in public if name.lower() in UNAVAILABLE_LOSSES}
    assert {kind.__name__ for kind in LOSSES.values()} == public - unavailable
    assert {name.lower() for name in unavailable} == set(UNAVAILABLE_LOSSES)


@pytest.mark.parametrize("name", METRICS)
def test_metrics_are_those_of_keras(name: str) -> None:
    ours = fields_of(METRICS[name])
    # What the data say, and what is one number and not several.
    ignored = {"name", "dtype", "axis", "from_logits", "ignore_class", "num_classes", "target_class_ids"}
    ignored |= {"sparse_y_true", "sparse_y_pred", "from_sorted_ids", "num_labels", "label_weights"}
    ignored |= {"thresholds"} - ours.keys()
    assert ours == arguments_of(OBJECTS[name], ignored)


def test_no_metric_of_keras_is_missing() -> None:
    """By the names of the classes, which are those of the study file without their underscores."""
    public = {
        name.lower()
        for name, kind in vars(keras.metrics).items()
        if isinstance(kind, type) and issubclass(kind, keras.metrics.Metric) and name != "Metric"
    }
    ours = {name.replace("_", ""): name for name in [*METRICS, *UNAVAILABLE_METRICS]}
    assert ours.keys() == public
    for name in METRICS:
        assert OBJECTS[name].__name__.lower() == name.replace("_", "")
    for name, kind in ALIASES.items():
        if name != "rmse":
            assert type(keras.metrics.get(name)) is type(keras.metrics.get(kind.name)), name


def test_no_optimizer_of_keras_is_missing() -> None:
    theirs = {
        name
        for name, one in vars(keras.optimizers).items()
        if isinstance(one, type) and issubclass(one, keras.optimizers.Optimizer)
    }
    assert {kind.__name__ for kind in KERAS_OPTIMIZERS.values()} == theirs - NO_OPTIMIZERS
    assert set(KERAS_OPTIMIZERS) == set(OPTIMIZERS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_no_number_decides_what_an_optimizer_computes(name: str) -> None:
    for field, default in fields_of(OPTIMIZERS[name]).items():
        number = isinstance(default, float) or field in ("learning_rate", "weight_decay")
        assert (field in SWITCHES) is (not number or field == "rms_rate"), field


def _judges_predictions(name: str) -> bool:
    """Leave out scorers of clusterings (a module of their own) and of label sets (averaged over samples)."""
    scorer = metrics.get_scorer(name)
    return ".cluster." not in scorer._score_func.__module__ and scorer._kwargs.get("average") != "samples"


def test_scorers_are_those_that_judge_predictions() -> None:
    ours = [*SCORERS["classification"], *SCORERS["regression"]]
    assert sorted(ours) == sorted(filter(_judges_predictions, metrics.get_scorer_names()))


@pytest.mark.parametrize("task", SCORERS)
def test_scorers_belong_to_the_task_under_which_they_are_listed(task: str) -> None:
    for name in SCORERS[task]:
        module = metrics.get_scorer(name)._score_func.__module__
        assert module.endswith("._regression") == (task == "regression"), name
        assert direction_of(name) == "maximize"


def test_a_loss_is_minimized_and_an_accuracy_maximized() -> None:
    assert direction_of("val_loss") == "minimize"
    assert direction_of("val_accuracy") == "maximize"
