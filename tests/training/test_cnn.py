"""Convolutional networks: both trainers go the way of plain Keras, and what is kept is plain Keras."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from hpsearch.data import Dataset, load_dataset
from hpsearch.models.model import export_model, initial_weights, save_model
from hpsearch.models.weights import weights_of
from hpsearch.spec import Configuration, Data, StudySpec, read_configuration
from hpsearch.spec.space.space import SearchSpace
from hpsearch.store.arrays import read_arrays, write_arrays
from hpsearch.training.compiled import CompiledTrainer
from hpsearch.training.compiled.forward.convolution import quick_in_loops
from hpsearch.training.compiled.forward.options import program_options
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.interface import epoch_order
from hpsearch.training.messages import EpochReport, Member
from hpsearch.training.trainer import Trainer
from support.compiling import optimized

pytestmark = pytest.mark.long

SEED = 5
EPOCHS = 2
DIGITS = {"sklearn": "digits", "shape": [8, 8], "subset": 240, "rescale": 1 / 16}
IN_COLOURS = {**DIGITS, "shape": [4, 8, 2], "rescale": 0.5, "standardize": True}


@cache
def digits() -> Dataset:
    """Load images without an axis of channels."""
    return load_dataset(Data.model_validate(DIGITS), Path())


@cache
def in_colours() -> Dataset:
    """Load images of 4 by 8 in two channels, each feature scaled by itself."""
    return load_dataset(Data.model_validate(IN_COLOURS), Path())


def configuration(cnn: dict[str, Any], **training: Any) -> Configuration:
    training = {"epochs": EPOCHS, "batch_size": 50, "learning_rate": 0.01, **training}
    return read_configuration({"model": {"cnn": cnn}, "training": training})


def train(trainer: Trainer, config: Configuration, number: int = 0) -> list[EpochReport]:
    trainer.start(Member(number, config, SEED + number))
    return [trainer.advance(number) for _ in range(EPOCHS)]


def present(trainer: Trainer, number: int = 0) -> dict[str, Any]:
    arrays = trainer.state(number).arrays
    return {name.removeprefix("0/now/"): array for name, array in arrays.items() if "optimizer" not in name}


# Plain Keras, written by hand beside the words of the study file.

layers = keras.layers
Case = tuple[Dataset, Configuration, list[Any], Any]


def _max_and_dense() -> Case:
    penalty = keras.regularizers.L1L2(1e-3, 1e-2)
    model = [
        layers.Reshape((8, 8, 1)),
        layers.Conv2D(4, 3, padding="same", kernel_regularizer=penalty, name="hidden_1"),
        layers.BatchNormalization(momentum=0.8, name="batch_norm_1"),
        layers.Activation("relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(3, 2, padding="same", kernel_regularizer=penalty, activation="relu", name="hidden_2"),
        layers.MaxPooling2D(3),
        layers.Flatten(),
        layers.Dense(7, kernel_regularizer=penalty, activation="tanh", name="hidden_3"),
    ]
    config = configuration(
        {
            "filters": [4, 3],
            "kernel": [3, 2],
            "pooling": ["max", {"max": {"size": 3}}],
            "hidden": [7],
            "activation": ["relu", "relu", "tanh"],
            "batch_norm": [{"before_activation": {"momentum": 0.8}}, "none", "none"],
            "l1": 1e-3,
            "l2": 1e-2,
        },
        optimizer={"sgd": {"momentum": 0.9, "nesterov": True}},
        clipping={"clipvalue": 0.05},
    )
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True, clipvalue=0.05)
    return digits(), config, model, optimizer


def _average_and_mean() -> Case:
    penalty = keras.regularizers.L1L2(1e-2, 1e-3)
    model = [
        layers.Reshape((8, 8, 1)),
        layers.Conv2D(5, 3, activation="tanh", activity_regularizer=penalty, name="hidden_1"),
        layers.BatchNormalization(name="batch_norm_1"),
        layers.AveragePooling2D(2),
        layers.Conv2D(5, 3, activation="tanh", activity_regularizer=penalty, name="hidden_2"),
        layers.BatchNormalization(name="batch_norm_2"),
        layers.GlobalAveragePooling2D(),
    ]
    config = configuration(
        {
            "blocks": 2,
            "filters": 5,
            "padding": "valid",
            "pooling": ["average", "none"],
            "head": "global_average",
            "activation": "tanh",
            "batch_norm": "after_activation",
            "activity_l1": 1e-2,
            "activity_l2": 1e-3,
        },
        optimizer="rmsprop",
        clipping={"global_clipnorm": 0.5},
    )
    return digits(), config, model, keras.optimizers.RMSprop(0.01, global_clipnorm=0.5)


def _channels() -> Case:
    model = [
        layers.BatchNormalization(epsilon=0.1, name="input_batch_norm"),
        layers.Conv2D(4, 3, padding="same", name="hidden_1"),
        layers.PReLU(shared_axes=[1, 2], name="activation_1"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
    ]
    config = configuration(
        {"filters": [4], "activation": "prelu", "input_batch_norm": {"batch_norm": {"epsilon": 0.1}}},
        optimizer="adamw",
    )
    return in_colours(), config, model, keras.optimizers.AdamW(0.01)


CASES: dict[str, Callable[[], Case]] = {
    "max pooling and a dense layer": _max_and_dense,
    "average pooling and a global average": _average_and_mean,
    "channels": _channels,
}


@cache
def plain(name: str) -> tuple[list[dict[str, float]], dict[str, Any]]:
    """Train by plain `fit` from the same first weights, and give each epoch's numbers and the last weights."""
    dataset, config, hidden, optimizer = CASES[name]()
    model = keras.Sequential([keras.Input(dataset.features), *hidden, layers.Dense(10, name="output")])
    start = initial_weights(config, dataset.features, FitTrainer(dataset).objective, SEED)
    for layer in model.layers:
        layer.set_weights([start[f"{layer.name}/{variable.name}"] for variable in layer.weights])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    rows, validation = dataset.splits[0].train, dataset.splits[0].validation
    told = []
    for epoch in range(1, EPOCHS + 1):
        order = epoch_order(SEED, epoch, len(rows))
        history = model.fit(rows.x[order], rows.y[order], batch_size=50, shuffle=False, verbose=0).history
        value, accuracy = model.evaluate(validation.x, validation.y, verbose=0)
        told.append(
            {
                "loss_with_penalties": history["loss"][0],
                "val_loss_with_penalties": value,
                "val_accuracy": accuracy,
            }
        )
    moved = {name for name, value in weights_of(model).items() if not np.array_equal(value, start[name])}
    assert moved == set(weights_of(model)), "every weight has learned"
    return told, weights_of(model)


def without_gradient(config: Configuration, variable: str) -> bool:
    """Tell whether batch normalization takes away what a bias adds, so that rounding alone moves it."""
    layer, _, kind = variable.partition("/")
    index = int(layer.removeprefix("hidden_")) - 1 if layer.startswith("hidden_") and kind == "bias" else None
    return index is not None and config.model.of_layer("batch_norm", index).name == "before_activation"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("trainer", "name"),
    [*((CompiledTrainer, name) for name in CASES), (FitTrainer, "max pooling and a dense layer")],
)
def test_a_member_equals_plain_keras(trainer: type[Trainer], name: str) -> None:
    dataset, config, *_ = CASES[name]()
    told, weights = plain(name)
    ours = trainer(dataset)
    for report, numbers in zip(train(ours, config), told, strict=True):
        assert report.failure is None
        for metric, number in numbers.items():
            assert report.metrics[metric] == pytest.approx(number, rel=1e-4, abs=1e-6), metric
    now = present(ours)
    for variable, value in weights.items():
        if not without_gradient(config, variable):
            np.testing.assert_allclose(now[variable], value, 2e-4, 2e-6, err_msg=variable)


NOISY = {
    "filters": [4, 3],
    "pooling": ["max", "average"],
    "activation": ["rrelu", "tanh"],
    "batch_norm": ["before_activation", "after_activation"],
    "input_dropout": 0.1,
    "dropout": 0.3,
    "alpha_dropout": [0.0, 0.1],
}


@optimized()
def test_a_members_bits_do_not_depend_on_its_slot_or_company() -> None:
    configs = [configuration(NOISY, learning_rate=rate) for rate in (0.01, 0.02, 0.03)]
    trainer = CompiledTrainer(digits(), width=3)
    alone = []
    for number, config in enumerate(configs):
        told = [report.metrics for report in train(trainer, config, number)]
        alone.append((told, present(trainer, number)))
        trainer.stop(number)
    for number, config in enumerate(configs):
        trainer.start(Member(number, config, SEED + number))
    together = [trainer.advance_all((0, 1, 2)), trainer.advance_all((2, 0, 1))]
    for number, (told, weights) in enumerate(alone):
        mine = [next(r.metrics for r in reports if r.number == number) for reports in together]
        assert mine == told
        now = present(trainer, number)
        for name, value in weights.items():
            np.testing.assert_array_equal(now[name], value, err_msg=name)


@pytest.mark.parametrize("trainer", [CompiledTrainer, FitTrainer])
def test_dropout_is_for_training_only(trainer: type[Trainer]) -> None:
    """With hardly any learning, dropout changes the training loss and not the validation loss."""
    told = []
    for rate in (0.0, 0.5):
        config = configuration({"filters": [4], "dropout": rate}, learning_rate=1e-20, optimizer="sgd")
        told.append([report.metrics for report in train(trainer(digits()), config)])
    assert told[0][1]["val_loss"] == pytest.approx(told[1][1]["val_loss"], rel=1e-6)
    assert abs(told[0][0]["loss"] - told[1][0]["loss"]) > 1e-3
    assert abs(told[1][0]["loss"] - told[1][1]["loss"]) > 1e-3, "every epoch drops the same units"


STUDY = StudySpec.model_validate(
    {
        "name": "s",
        "data": DIGITS,
        "model": {
            "cnn": {
                "filters": [4, 3],
                "hidden": [6],
                "initializer": {"choice": ["he_normal", "lecun_uniform", "orthogonal"]},
                "activation": {"choice": ["relu", "tanh", {"elu": {"alpha": {"uniform": [0.5, 1.5]}}}]},
                "batch_norm": {"choice": ["after_activation", "none", "before_activation"]},
                "dropout": {"choice": [0.0, 0.0001]},
                "l2": {"uniform": [0.0, 0.01]},
                "activity_l1": {"choice": [0.0, 0.001]},
            }
        },
        "training": {
            "optimizer": {"adam": {"beta_1": {"uniform": [0.8, 0.95]}}},
            "learning_rate": {"log_uniform": [1e-3, 1e-2]},
            "clipping": {"choice": ["none", {"clipnorm": 0.1}, {"clipvalue": 0.01}]},
            "epochs": EPOCHS,
            "batch_size": 60,
        },
    }
)


def test_every_switch_is_in_one_program() -> None:
    space = SearchSpace(STUDY)
    trainer = CompiledTrainer(digits(), program_options(STUDY))
    seen: set[Any] = set()
    for number in range(3):

        def choose(parameter: Any, number: int = number) -> Any:
            if parameter.name == "dropout":
                return 0.0  # its draws are the trainers' own
            if parameter.options:
                seen.add((parameter.name, parameter.options[number % len(parameter.options)]))
                return parameter.options[number % len(parameter.options)]
            return parameter.distribution.low + (number + 1) / 4 * (
                parameter.distribution.high - parameter.distribution.low
            )

        config = space.configure(choose)
        fit = FitTrainer(digits())
        # From other seeds a unit of one of them hardly has a gradient, and Adam makes steps of its rounding.
        seed = number + 3
        told = [train(one, config, seed)[-1].metrics for one in (trainer, fit)]
        assert told[0] == pytest.approx(told[1], rel=1e-3, abs=1e-5), config
        mine, theirs = present(trainer, seed), present(fit, seed)
        for name, value in theirs.items():
            # Of the best epoch too; and a moving mean has the bias in it.
            variable = "/".join(name.split("/")[-2:]).replace("batch_norm_", "hidden_")
            if not without_gradient(config, variable.replace("moving_mean", "bias")):
                np.testing.assert_allclose(mine[name], value, rtol=1e-3, atol=2e-5, err_msg=name)
    assert len(seen) == sum(len(p.options) for p in space.parameters if p.name != "dropout")
    assert len(trainer.programs._programs) == 1


ON_TENSORFLOW = """
import json, sys
from pathlib import Path
import keras, numpy as np
from hpsearch.data import load_dataset
from hpsearch.spec import Data, read_configuration
from hpsearch.store.arrays import read_arrays, write_arrays
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.messages import Member, MemberState

assert keras.backend.backend() == "tensorflow"
directory = Path(sys.argv[1])
arrays, note = read_arrays(directory / "begin.npz")
dataset = load_dataset(Data.model_validate(note["data"]), Path())
trainer = FitTrainer(dataset)
trainer.start(Member(0, read_configuration(note["configuration"]), 0), MemberState(arrays, note["progress"]))
for _ in range(note["epochs"]):
    assert trainer.advance(0).failure is None
network = trainer._slots[0].networks[0]
write_arrays(directory / "end.npz", dict(network.weights()), {})
model = keras.saving.load_model(directory / "model.keras", safe_mode=True)
rows = dataset.raw(0, "validation")
(directory / "told.json").write_text(json.dumps(model.evaluate(rows.x, rows.y, verbose=0, return_dict=True)))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CompiledTrainer, EpochReport]:
    """Train images with scaled features and channels, and keep the model as a study does."""
    directory = tmp_path_factory.mktemp("trained")
    cnn = {
        "filters": [4, 3],
        "activation": [{"rrelu": {"lower": 0.2, "upper": 0.2}}, "tanh"],
        "pooling": ["max", "average"],
        "batch_norm": "after_activation",
        "input_batch_norm": "batch_norm",
        "l2": 1e-3,
        "activity_l2": 1e-3,
        "head": "global_average",
    }
    config = configuration(cnn, optimizer="adam", epochs=1)
    trainer = CompiledTrainer(in_colours())
    trainer.start(Member(0, config, 0))
    state = trainer.state(0)
    note = {"configuration": config.dump(), "progress": state.progress, "epochs": 1, "data": IN_COLOURS}
    write_arrays(directory / "begin.npz", state.arrays, note)
    report = trainer.advance(0)
    weights = trainer.best_weights(0)
    assert weights is not None
    split = in_colours().splits[0]
    model = export_model(config, in_colours().features, trainer.objective, split.scaling, weights)
    save_model(model, directory / "model.keras")
    return directory, trainer, report


def test_the_saved_model_is_plain_keras_and_gives_the_reported_metrics(trained: Any) -> None:
    directory, _, report = trained
    loaded = keras.saving.load_model(directory / "model.keras", safe_mode=True)
    assert all(type(layer).__module__.startswith("keras.src.") for layer in loaded.layers)
    rows = in_colours().raw(0, "validation")
    told = loaded.evaluate(rows.x, rows.y, verbose=0, return_dict=True)
    assert told["loss"] == pytest.approx(report.metrics["val_loss"], rel=1e-5)
    assert told["accuracy"] == pytest.approx(report.metrics["val_accuracy"], rel=1e-6)


def test_tensorflow_goes_the_same_way_and_loads_the_model(trained: Any) -> None:
    """From the same first weights, on the same batches: equal to 1e-4."""
    directory, trainer, report = trained
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", ON_TENSORFLOW, str(directory)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    stored = read_arrays(directory / "end.npz")
    assert stored is not None
    ours = present(trainer)
    for name, value in stored[0].items():
        np.testing.assert_allclose(ours[name], value, atol=1e-4, err_msg=name)
    told = json.loads((directory / "told.json").read_text())
    assert told["loss"] == pytest.approx(report.metrics["val_loss"], rel=1e-4)
    assert told["accuracy"] == pytest.approx(report.metrics["val_accuracy"], rel=1e-6)


def in_a_loop(convolution: Callable[[Any, Any], Any], images: Any, kernel: Any) -> str:
    """Compile steps down the gradients of a convolution, and give the program as text."""

    def step(_: Any, now: Any) -> Any:
        slopes = jax.grad(lambda pair: jnp.sum(jnp.sin(convolution(*pair))))(now)
        return jax.tree.map(lambda value, slope: value - 0.1 * slope, now, slopes)

    compiled = jax.jit(lambda now: jax.lax.fori_loop(0, 3, step, now)).lower((images, kernel)).compile()
    return str(compiled.as_text())


@optimized()
@pytest.mark.parametrize(("padding", "size"), [("same", 2), ("same", 3), ("valid", 3)])
def test_gradients_are_those_of_keras_in_a_quick_form(padding: str, size: int) -> None:
    draw = np.random.default_rng(0)
    images = jnp.asarray(draw.normal(size=(4, 6, 7, 3)), jnp.float32)
    kernel = jnp.asarray(draw.normal(size=(size, size, 3, 5)), jnp.float32)
    layer = quick_in_loops(layers.Conv2D(5, size, padding=padding))

    def stock(images: Any, kernel: Any) -> Any:
        return keras.ops.conv(images, kernel, padding=padding)

    ours, theirs = (jax.vjp(convolve, images, kernel) for convolve in (layer.convolution_op, stock))
    np.testing.assert_array_equal(ours[0], theirs[0])
    slopes = jnp.asarray(draw.normal(size=ours[0].shape), jnp.float32)
    for mine, other in zip(ours[1](slopes), theirs[1](slopes), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-5)
    forms = [
        set(re.findall(r"dim_labels=(\S+?),", in_a_loop(c, images, kernel)))
        for c in (layer.convolution_op, stock)
    ]
    assert forms[0] == {"b01f_01io->b01f"}
    assert forms[1] > forms[0], (
        "JAX's own gradients are in that form, too: convolution.py is not needed any more"
    )
