"""Every optimizer of Keras, with what all of them take, against one plain `fit` over all batches."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.data import Dataset, load_dataset
from hpsearch.models.components.optimizers import keras_optimizer
from hpsearch.models.model import initial_weights
from hpsearch.models.weights import weights_of
from hpsearch.spec import Configuration, Data, StudySpec
from hpsearch.spec.sections.optimizers import OPTIMIZERS, SWITCHES
from hpsearch.spec.sections.study import read_configuration
from hpsearch.training.compiled import CompiledTrainer
from hpsearch.training.compiled.forward.options import program_options
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.interface import epoch_order
from hpsearch.training.messages import Member, MemberState
from hpsearch.training.trainer import Trainer

pytestmark = pytest.mark.slow

SEED, EPOCHS, BATCH = 5, 3, 30
MODEL = {"mlp": {"hidden": [6, 5], "activation": "tanh"}}
RATE = 0.02
AVERAGED = {
    "use_ema": True,
    "ema_momentum": 0.8,
    "ema_overwrite_frequency": 3,
    "gradient_accumulation_steps": 3,
    "weight_decay": 0.05,
}
"""Three batches for one update, of four batches an epoch: an epoch ends within an accumulation."""

PLAIN = {
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "nadam": keras.optimizers.Nadam,
    "adagrad": keras.optimizers.Adagrad,
    "adadelta": keras.optimizers.Adadelta,
    "adafactor": keras.optimizers.Adafactor,
    "adamax": keras.optimizers.Adamax,
    "ftrl": keras.optimizers.Ftrl,
    "lamb": keras.optimizers.Lamb,
    "lion": keras.optimizers.Lion,
    "muon": keras.optimizers.Muon,
    "schedule_free_adamw": keras.optimizers.ScheduleFreeAdamW,
}

OWN: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": 0.8, "nesterov": True},
    "rmsprop": {"rho": 0.8, "momentum": 0.5, "epsilon": 1e-5, "centered": True},
    "adam": {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-5, "amsgrad": True},
    "adamw": {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-5, "weight_decay": 0.02},
    "nadam": {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-5},
    "adagrad": {"initial_accumulator_value": 0.4, "epsilon": 1e-5},
    "adadelta": {"rho": 0.8, "epsilon": 1e-4},
    "adafactor": {
        "beta_2_decay": -0.6,
        "epsilon_1": 1e-6,
        "epsilon_2": 0.01,
        "clip_threshold": 0.7,
        "relative_step": False,
    },
    "adamax": {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-5},
    "ftrl": {
        "learning_rate_power": -0.4,
        "initial_accumulator_value": 0.3,
        "l1_regularization_strength": 0.001,
        "l2_regularization_strength": 0.02,
        "l2_shrinkage_regularization_strength": 0.01,
        "beta": 0.1,
    },
    "lamb": {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-5},
    "lion": {"beta_1": 0.8, "beta_2": 0.9},
    "muon": {
        "adam_beta_1": 0.8,
        "adam_beta_2": 0.95,
        "adam_weight_decay": 0.01,
        "weight_decay": 0.03,
        "epsilon": 1e-5,
        "muon_a": 3.3,
        "muon_b": -4.6,
        "muon_c": 2.0,
        "exclude_layers": ["output"],
        "adam_lr_ratio": 0.5,
        "momentum": 0.9,
        "ns_steps": 3,
        "nesterov": False,
        "rms_rate": 0.3,
    },
    "schedule_free_adamw": {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-5, "warmup_steps": 3},
}
"""Settings that differ from the defaults: all numbers, and some of what decides what is computed."""

EACH = [name if name == "muon" else pytest.param(name, marks=pytest.mark.long) for name in OPTIMIZERS]


@cache
def iris() -> Dataset:
    return load_dataset(Data.model_validate({"sklearn": "iris", "standardize": True}), Path())


def arguments(name: str, *, extra: bool) -> dict[str, Any]:
    return {**OWN[name], **(AVERAGED if extra else {})}


def configuration(optimizer: Any, **training: Any) -> Configuration:
    raw = {"optimizer": optimizer, "epochs": EPOCHS, "batch_size": BATCH, "learning_rate": RATE, **training}
    return read_configuration({"model": MODEL, "training": raw})


def case(name: str, *, extra: bool) -> Configuration:
    clipping: Any = {"clipping": {"global_clipnorm": 0.5}} if extra else {}
    return configuration({name: arguments(name, extra=extra)}, **clipping)


def plain(name: str, config: Configuration, *, extra: bool) -> dict[str, Any]:
    """Train a model written by hand by one `fit`, over the batches of all epochs."""
    dataset = iris()
    dense = keras.layers.Dense
    layers = [
        dense(6, "tanh", name="hidden_1"),
        dense(5, "tanh", name="hidden_2"),
        dense(3, name="output"),
    ]
    model = keras.Sequential([keras.Input(dataset.features), *layers])
    start = initial_weights(config, dataset.features, FitTrainer(dataset).objective, SEED)
    for layer in layers:
        layer.set_weights([start[f"{layer.name}/{variable.name}"] for variable in layer.weights])
    clipping = {"global_clipnorm": 0.5} if extra else {}
    optimizer = PLAIN[name](learning_rate=RATE, **arguments(name, extra=extra), **clipping)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rows = dataset.splits[0].train
    order = np.concatenate([epoch_order(SEED, epoch, len(rows)) for epoch in range(1, EPOCHS + 1)])
    assert len(rows) % BATCH == 0
    model.fit(rows.x[order], rows.y[order], batch_size=BATCH, shuffle=False, verbose=0)
    return weights_of(model)


def trained(
    trainer: Trainer, config: Configuration, state: MemberState | None = None, epochs: int = EPOCHS
) -> dict[str, Any]:
    """Train epochs, and give the weights that the last one results in."""
    trainer.start(Member(0, config, SEED), state)
    for _ in range(epochs):
        assert trainer.advance(0).failure is None
    return dict(trainer.weights(0))


def assert_close(ours: dict[str, Any], theirs: dict[str, Any], tolerance: float) -> None:
    assert set(ours) >= set(theirs)
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.long
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_by_itself_equals_plain_keras(name: str) -> None:
    config = case(name, extra=False)
    theirs = plain(name, config, extra=False)
    start = initial_weights(config, iris().features, FitTrainer(iris()).objective, SEED)
    assert all(not np.allclose(start[weight], value, atol=1e-4) for weight, value in theirs.items())
    assert_close(trained(CompiledTrainer(iris()), config), theirs, 1e-6)


@pytest.mark.parametrize("name", EACH)
def test_averages_accumulation_decay_and_clipping_equal_plain_keras(name: str) -> None:
    """By the fit trainer, and by one program that was made with other numbers and is fed these."""
    config, given = case(name, extra=True), arguments(name, extra=True)
    theirs = plain(name, config, extra=True)
    assert_close(trained(FitTrainer(iris()), config), theirs, 1e-6)
    fields = OPTIMIZERS[name].model_fields
    assert {field for field in fields if field not in SWITCHES} - {"learning_rate"} <= given.keys()
    others = {field: value for field, value in given.items() if field in SWITCHES}
    searched = {
        field: value if field in SWITCHES else {"choice": [value, fields[field].default or 0.0015]}
        for field, value in given.items()
    }
    training = {"optimizer": {name: searched}, "epochs": EPOCHS, "batch_size": BATCH}
    study = {"name": "a", "data": "sklearn:iris", "model": MODEL, "training": training}
    options = program_options(StudySpec.model_validate(study))
    clipped = replace(options, clipping=program_options(config).clipping)
    trainer = CompiledTrainer(iris(), clipped)
    trained(trainer, configuration({name: others}, clipping={"global_clipnorm": 0.2}))
    trainer.stop(0)
    assert_close(trained(trainer, config), theirs, 1e-6)
    assert len(trainer.programs._programs) == 1


@pytest.mark.long
@pytest.mark.parametrize("make", [CompiledTrainer, FitTrainer])
@pytest.mark.parametrize("name", ["adagrad", "schedule_free_adamw"])
def test_goes_on_within_an_accumulation_with_the_same_bits(name: str, make: type[Trainer]) -> None:
    config = case(name, extra=True)
    whole = trained(make(iris()), config)
    first = make(iris())
    trained(first, config, epochs=1)
    rest = trained(make(iris()), config, first.state(0), EPOCHS - 1)
    for weight, value in whole.items():
        np.testing.assert_array_equal(rest[weight], value, err_msg=weight)


@pytest.mark.parametrize("make", [CompiledTrainer, FitTrainer])
def test_an_epoch_is_judged_by_the_averages(make: type[Trainer]) -> None:
    """By the loss that the weights of the epoch give, which are those that are kept."""
    config = configuration({"sgd": {"momentum": 0.9, "use_ema": True}}, learning_rate=0.3)
    trainer = make(iris())
    trainer.start(Member(0, config, SEED))
    report = trainer.advance(0)
    kept, state = trainer.weights(0), trainer.state(0).arrays
    best = trainer.best_weights(0)
    assert best is not None
    validation = iris().splits[0].validation
    hidden = np.tanh(validation.x @ kept["hidden_1/kernel"] + kept["hidden_1/bias"])
    hidden = np.tanh(hidden @ kept["hidden_2/kernel"] + kept["hidden_2/bias"])
    logits = hidden @ kept["output/kernel"] + kept["output/bias"]
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss = -np.mean(logs[np.arange(len(validation)), validation.y.astype(int)])
    assert report.metrics["val_loss"] == pytest.approx(loss, rel=1e-5)
    assert_close(best, kept, 0.0)
    others = [value for name, value in state.items() if value.shape == kept["output/kernel"].shape]
    assert any(not np.allclose(value, kept["output/kernel"], atol=1e-3) for value in others)


def test_one_step_accumulates_nothing() -> None:
    one = keras_optimizer(OPTIMIZERS["adam"](gradient_accumulation_steps=1))
    assert one.gradient_accumulation_steps is None
