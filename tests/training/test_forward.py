"""What holds of every forward pass of compiled programs: it is that of the Keras model, and leaves nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from hpsearch.data import Scaling, Split, load_dataset
from hpsearch.models.components.objectives import Objective
from hpsearch.models.model import export_model, initial_weights, training_model
from hpsearch.models.weights import named_variables, put_weights
from hpsearch.spec import Configuration, Data, StudySpec
from hpsearch.spec.sections.study import read_configuration
from hpsearch.training.compiled.forward.interface import Arguments, Array, Forward, Passed, Tensors
from hpsearch.training.compiled.forward.layered import LayeredForward
from hpsearch.training.compiled.forward.options import program_options
from hpsearch.training.compiled.forward.structure import arguments_of, structure_of
from hpsearch.training.compiled.optimization import Optimization
from hpsearch.training.compiled.program import Program

pytestmark = pytest.mark.slow

ROWS, CLASSES = 16, 3
OBJECTIVE = Objective("classification", CLASSES)
KEY = np.array([1, 2], np.uint32)
MLP, CNN = (5,), (6, 6, 2)


@dataclass(frozen=True, eq=False)
class Made:
    """A forward pass of a configuration, with weights and moving variables that are none of the first ones."""

    forward: Forward
    arguments: Arguments
    configuration: Configuration
    features: tuple[int, ...]
    values: dict[str, Any]
    x: Any

    @property
    def weights(self) -> Tensors:
        return {name: self.values[name] for name in self.forward.variables}

    @property
    def moving(self) -> Tensors:
        return {name: self.values[name] for name in self.forward.moving}

    def pass_rows(self, key: Any = None, *, training: bool) -> Passed:
        return self.forward(self.weights, self.moving, self.x, self.arguments, key, training=training)

    def keras_model(self) -> keras.Model:
        model = training_model(self.configuration, self.features, OBJECTIVE, 0)
        put_weights(model, self.values)
        return model


def layered(configuration: Configuration, features: tuple[int, ...]) -> tuple[Forward, Arguments]:
    """Make the forward pass of a study that searches all that batch normalization takes, so that it is traced."""
    options = program_options(configuration)
    positions, input_norms = (
        tuple(replace(kind, momentum=None, epsilon=None) for kind in kinds)
        for kinds in (options.positions, options.input_norms)
    )
    structure = structure_of(configuration, replace(options, positions=positions, input_norms=input_norms))
    return LayeredForward(structure, features, OBJECTIVE), arguments_of(configuration, structure)


FORWARDS: dict[str, Callable[[Configuration, tuple[int, ...]], tuple[Forward, Arguments]]] = {
    "layered": layered
}

CASES: dict[str, dict[str, Any]] = {
    "plain": {"hidden": [6, 4], "activation": ["tanh", "relu"]},
    "normalized": {
        "hidden": [6, 4],
        "activation": ["elu", {"leaky_relu": {"negative_slope": 0.2}}],
        "batch_norm": {"before_activation": {"momentum": 0.8, "epsilon": 0.01}},
        "input_batch_norm": {"batch_norm": {"momentum": 0.6}},
    },
    "penalized": {
        "hidden": [6, 4],
        "activation": ["prelu", "sigmoid"],
        "batch_norm": "after_activation",
        "l1": [0.01, 0.0],
        "l2": [0.0, 0.02],
        "activity_l1": [0.03, 0.0],
        "activity_l2": 0.04,
    },
    "images": {
        "filters": [3],
        "kernel": 3,
        "pooling": "max",
        "hidden": [4],
        "activation": ["relu", "selu"],
        "batch_norm": "after_activation",
        "l2": 0.01,
        "activity_l1": 0.02,
    },
}


@cache
def make(implementation: str, case: str) -> Made:
    kind, features = ("cnn", CNN) if "filters" in CASES[case] else ("mlp", MLP)
    configuration = read_configuration({"model": {kind: CASES[case]}, "training": {"epochs": 1}})
    forward, arguments = FORWARDS[implementation](configuration, features)
    draw = np.random.default_rng(0)
    first = initial_weights(configuration, features, OBJECTIVE, 7)
    values = {name: value + draw.uniform(0.1, 0.5, value.shape) for name, value in first.items()}
    x = draw.normal(size=(ROWS, *features)).astype(np.float32)
    return Made(forward, arguments, configuration, features, to_float32(values), x)


def to_float32(values: dict[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(value, np.float32) for name, value in values.items()}


def activated_outputs(made: Made, model: keras.Model) -> list[Any]:
    """Let the Keras model itself give the outputs of its activations, found by their places in the chain."""
    names = [operation.name for operation in model.operations]
    before = made.configuration.model.of_layer("batch_norm", 0).name == "before_activation"
    places = [names.index(f"hidden_{number}") + 1 + before for number in (1, 2)]
    outputs = [model.operations[place].output for place in places]
    found = keras.Model(model.input, outputs)(made.x, training=False)
    return [np.asarray(output) for output in found]


def assert_close(ours: Any, theirs: Any, what: str = "") -> None:
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-5, atol=1e-6, err_msg=what)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("implementation", FORWARDS)
class TestForward:
    def test_its_variables_are_those_of_keras(self, implementation: str, case: str) -> None:
        made = make(implementation, case)
        model, forward = made.keras_model(), made.forward
        known = dict(named_variables(model))
        trainable = [name for name, variable in known.items() if variable.trainable]
        moved = [name for name in known if name not in trainable]
        assert {name for name in forward.variables if name in known} == set(trainable)
        assert [name for name in forward.moving if name in known] == moved
        for name in trainable:
            assert forward.variables[name].shape == known[name].shape
        assert not set(forward.variables) & set(forward.moving)

    def test_without_training_it_is_the_exported_model(self, implementation: str, case: str) -> None:
        made = make(implementation, case)
        exported = export_model(made.configuration, made.features, OBJECTIVE, Scaling(), made.values)
        passed = made.pass_rows(training=False)
        assert passed.logits.shape == (ROWS, CLASSES)
        assert_close(OBJECTIVE.predictions(passed.logits), exported(made.x, training=False))
        assert set(passed.moving) == set(made.forward.moving)
        for name, value in made.moving.items():
            np.testing.assert_array_equal(passed.moving[name], value, err_msg=name)

    def test_in_training_it_is_the_trained_model_and_moves_what_keras_moves(
        self, implementation: str, case: str
    ) -> None:
        made = make(implementation, case)
        model = made.keras_model()
        start = [variable.value for variable in model.trainable_variables]
        still = [variable.value for variable in model.non_trainable_variables]
        logits, moved = model.stateless_call(start, still, made.x, training=True)
        passed = made.pass_rows(training=True)
        assert_close(passed.logits, logits)
        assert set(passed.moving) == set(made.forward.moving)
        theirs = dict(zip([v.path for v in model.non_trainable_variables], moved, strict=True))
        known = {name: v.path for name, v in named_variables(model) if name in passed.moving}
        assert bool(known) == ("batch_norm" in CASES[case])
        for name, path in known.items():
            assert_close(passed.moving[name], theirs[path], name)

    @pytest.mark.parametrize("training", [False, True])
    def test_its_penalties_are_the_losses_of_keras(
        self, implementation: str, case: str, training: bool
    ) -> None:
        made = make(implementation, case)
        model = made.keras_model()
        model(made.x, training=training)
        passed = made.pass_rows(training=training)
        assert len(passed.penalties) == made.forward.penalized
        added = made.forward.penalties(made.weights, made.arguments, passed.penalties)
        assert_close(added, sum(map(float, model.losses)))
        assert (float(added) > 0.01) == (case in ("penalized", "images"))

    def test_what_is_watched_are_the_activated_outputs_of_keras(self, implementation: str, case: str) -> None:
        made = make(implementation, case)
        watched = made.pass_rows(training=False).watched
        expected = activated_outputs(made, made.keras_model())
        assert len(watched) == len(expected) == 2
        for place, (ours, theirs) in enumerate(zip(watched, expected, strict=True)):
            assert_close(ours, theirs, f"hidden_{place + 1}")

    def test_it_names_a_kernel_and_an_activation_for_each_watched_output(
        self, implementation: str, case: str
    ) -> None:
        made = make(implementation, case)
        passed, forward = made.pass_rows(training=False), made.forward
        *hidden, last = forward.kernels
        assert {*hidden, last} <= set(forward.variables)
        for name, output in zip(hidden, passed.watched, strict=True):
            assert forward.variables[name].shape[-1] == output.shape[-1]
        assert forward.variables[last].shape[-1] == CLASSES
        names = forward.activations(made.configuration)
        assert names == [made.configuration.model.of_layer("activation", n).name for n in (0, 1)]

    def test_a_trace_leaves_no_value_behind(self, implementation: str, case: str) -> None:
        made = make(implementation, case)

        def traced(*values: Any) -> Any:
            return made.forward(*values, training=True)

        inputs = (made.weights, made.moving, made.x, made.arguments, KEY)
        with jax.checking_leaks():
            jax.make_jaxpr(traced)(*inputs)
        with pytest.raises(Exception, match=r"(?i)shape|dimension|incompatible"):
            jax.make_jaxpr(traced)(made.weights, made.moving, made.x[..., :-1], made.arguments, KEY)
        after, before = made.pass_rows(KEY, training=True), make(implementation, case)
        fresh = Made(
            *FORWARDS[implementation](before.configuration, before.features),
            *(before.configuration, before.features, before.values, before.x),
        ).pass_rows(KEY, training=True)
        for ours, theirs in zip(jax.tree.leaves(after), jax.tree.leaves(fresh), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def met(meeting: threading.Barrier, method: Any) -> Any:
    """Let two threads wait for each other where each has set what it sets, and has read none of it."""

    def waiting(*arguments: Any, **named: Any) -> Any:
        meeting.wait()
        return method(*arguments, **named)

    return waiting


def in_threads(function: Callable[[float], Any], values: tuple[float, float]) -> list[Any]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(function, values))


def test_two_threads_trace_one_forward_pass_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The momentum is traced, and Keras reads it as an attribute of a layer that both traces go through."""
    study = {
        "name": "s",
        "data": "sklearn:iris",
        "model": {
            "mlp": {"hidden": [4], "batch_norm": {"after_activation": {"momentum": {"uniform": [0.4, 0.9]}}}}
        },
        "training": {"epochs": 1},
    }
    options = program_options(StudySpec.model_validate(study))
    made = make("layered", "plain")

    def configured(momentum: float) -> Configuration:
        mlp = {"hidden": [4], "batch_norm": {"after_activation": {"momentum": momentum}}}
        return read_configuration({"model": {"mlp": mlp}, "training": {"epochs": 1}})

    forward = LayeredForward(structure_of(configured(0.5), options), MLP, OBJECTIVE)
    first = initial_weights(configured(0.5), MLP, OBJECTIVE, 7)
    weights, moving = ({name: first[name] for name in names} for names in (forward.variables, forward.moving))

    def moved(momentum: float) -> Any:
        configuration = configured(momentum)
        arguments = arguments_of(configuration, structure_of(configuration, options))
        return jax.jit(lambda a: forward(weights, moving, made.x, a, KEY, training=True).moving)(arguments)

    in_turn = [moved(momentum) for momentum in (0.5, 0.75)]
    batch_norm = keras.layers.BatchNormalization
    monkeypatch.setattr(batch_norm, "call", met(threading.Barrier(2, timeout=60), batch_norm.call))
    at_once = in_threads(moved, (0.5, 0.75))
    for ours, theirs in zip(jax.tree.leaves(at_once), jax.tree.leaves(in_turn), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    name = "batch_norm_1/moving_mean"
    assert_close(np.asarray(in_turn[0][name]) / 0.5, np.asarray(in_turn[1][name]) / 0.25)


class Linear(Forward):
    """A model without hidden layers, configurations and Keras layers to call: what a program needs, and no more."""

    def __init__(self, features: int) -> None:
        self.layer = keras.layers.Dense(CLASSES, name="output")
        self.layer.build((None, features))

    @property
    def variables(self) -> dict[str, keras.Variable]:
        return {f"output/{variable.name}": variable for variable in self.layer.trainable_variables}

    @property
    def moving(self) -> list[str]:
        return []

    @property
    def kernels(self) -> list[str]:
        return ["output/kernel"]

    @property
    def penalized(self) -> int:
        return 0

    def activations(self, configuration: Configuration) -> list[str]:
        return []

    def __call__(
        self,
        weights: Tensors,
        moving: Tensors,
        x: Array,
        arguments: Arguments,
        key: Array | None,
        *,
        training: bool,
    ) -> Passed:
        return Passed(x @ weights["output/kernel"] + weights["output/bias"], moving, [], [])

    def penalties(self, weights: Tensors, arguments: Arguments, activity: list[Array]) -> Array:
        return jnp.float32(0)


RATE, MOMENTUM, BATCH = 0.1, 0.6, 40


@cache
def split() -> Split:
    data = {"sklearn": "iris", "standardize": True}
    return load_dataset(Data.model_validate(data), Path()).splits[0]


@pytest.fixture
def program() -> Program:
    """Make a program of a model that is not layered; its momentum is fed in."""
    optimization = Optimization("sgd", (("nesterov", False),), frozenset({"momentum"}), ("none",))
    forward = Linear(split().train.x.shape[1])
    return Program(forward, optimization, BATCH, split(), OBJECTIVE, keeps_predictions=False)


def coefficients(momentum: float) -> Arguments:
    fed = {"momentum": np.float32(momentum)}
    return {"clipping": np.int32(0), "threshold": np.float32(0), "coefficients": fed}


def test_a_program_trains_and_validates_any_forward_pass(program: Program) -> None:
    """One epoch of softmax regression against NumPy."""
    train, validation = split().train, split().validation
    order = np.random.default_rng(1).permutation(len(train)).astype(np.int32)
    start = {"output/kernel": np.full((4, CLASSES), 0.1, np.float32), "output/bias": np.zeros(CLASSES)}
    rates = np.full(program.steps, RATE, np.float32)
    data = (train.arrays, validation.arrays)
    state, numbers, _ = program.epoch(
        program.first_state(to_float32(start), None),
        *(coefficients(MOMENTUM), KEY, order, rates, np.int32(program.steps)),
        data,
    )
    weights = [start["output/kernel"].astype(np.float64), start["output/bias"]]
    moments = [np.zeros_like(weight) for weight in weights]

    def softmax(x: Any) -> Any:
        shares = np.exp(x.astype(np.float64) @ weights[0] + weights[1])
        return shares / shares.sum(axis=1, keepdims=True)

    for begin in range(0, len(train), BATCH):
        rows = order[begin : begin + BATCH]
        slopes = (softmax(train.x[rows]) - np.eye(CLASSES)[train.y[rows].ravel()]) / len(rows)
        gradients = [train.x[rows].T @ slopes, slopes.sum(axis=0)]
        moments = [MOMENTUM * m - RATE * g for m, g in zip(moments, gradients, strict=True)]
        weights = [weight + moment for weight, moment in zip(weights, moments, strict=True)]
    assert_close(state["weights"]["output/kernel"], weights[0])
    assert_close(state["weights"]["output/bias"], weights[1])
    own = softmax(validation.x)[np.arange(len(validation)), validation.y.ravel()]
    assert float(numbers[3]) == pytest.approx(-np.log(own).mean(), rel=1e-5)


def test_a_trace_of_the_optimizer_leaves_no_coefficient_behind(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = {
        name: np.ones(variable.shape, np.float32) for name, variable in program.forward.variables.items()
    }
    moments = [np.full(variable.shape, 0.5, np.float32) for variable in program.optimizer.variables[2:]]
    variables = [*(np.asarray(variable) for variable in program.optimizer.variables[:2]), *moments]

    def applied(momentum: float) -> Any:
        step = jax.jit(lambda a: program._apply(variables, weights, weights, a, jnp.float32(RATE)))
        return step(coefficients(momentum))

    before = dict(vars(program.optimizer))
    in_turn = [applied(momentum) for momentum in (0.5, 0.75)]
    assert all(vars(program.optimizer)[name] is value for name, value in before.items())
    assert_close(in_turn[0][0]["output/bias"], np.full(CLASSES, 1 + 0.5 * 0.5 - RATE))
    assert_close(in_turn[1][0]["output/bias"], np.full(CLASSES, 1 + 0.75 * 0.5 - RATE))
    apply = keras.optimizers.SGD.apply
    monkeypatch.setattr(keras.optimizers.SGD, "apply", met(threading.Barrier(2, timeout=60), apply))
    at_once = in_threads(applied, (0.5, 0.75))
    for ours, theirs in zip(jax.tree.leaves(at_once), jax.tree.leaves(in_turn), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_learning_rate_among_the_arguments_of_an_optimizer_is_no_coefficient() -> None:
    """A schedule feeds it, wherever a study gives it."""
    rate = {"learning_rate": {"uniform": [0.01, 0.1]}}
    momentum = {"momentum": {"uniform": [0.1, 0.9]}}
    inside, beside = ({"optimizer": {"sgd": {**rate, **momentum}}}, {"optimizer": {"sgd": momentum}, **rate})
    study = {"name": "s", "data": "sklearn:iris", "model": {"mlp": {"hidden": [4]}}}
    options = [
        program_options(StudySpec.model_validate({**study, "training": {"epochs": 1, **training}}))
        for training in (inside, beside)
    ]
    assert options[0] == options[1]
    assert options[0].coefficients == {"sgd.momentum"}
