"""What holds of every trainer: each trains as plain Keras does, and none remembers more than it says."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from hpsearch.data import Dataset, load_dataset
from hpsearch.models.model import export_model, initial_weights
from hpsearch.models.predictions import both_of
from hpsearch.models.weights import weights_of
from hpsearch.spec import Configuration, Data, StudySpec
from hpsearch.spec.sections.study import read_configuration
from hpsearch.spec.space.space import SearchSpace
from hpsearch.store.arrays import read_arrays, write_arrays
from hpsearch.training.compiled import CompiledTrainer
from hpsearch.training.compiled.forward.options import program_options
from hpsearch.training.compiled.trainer import ProgramCache
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.interface import epoch_order
from hpsearch.training.messages import EpochReport, Member, MemberState
from hpsearch.training.trainer import Trainer

pytestmark = pytest.mark.slow

Schedules = keras.optimizers.schedules
SEED = 11
EPOCHS = 3
RELATIVE, ABSOLUTE = 2e-4, 2e-6
"""How closely trainers agree with plain Keras: both add numbers of 32 bits, perhaps in another order."""


@cache
def _programs(dataset: Dataset, width: int) -> ProgramCache:
    return ProgramCache()


def compiled(dataset: Dataset, width: int = 1, threads: int = 1) -> Trainer:
    """Make a compiled trainer that knows no member, and need not compile again what another one has."""
    trainer = CompiledTrainer(dataset, width=width, threads=threads)
    trainer.programs = _programs(dataset, width)
    return trainer


MAKERS: dict[str, Callable[[Dataset], Trainer]] = {
    "fit": FitTrainer,
    "compiled": compiled,
    "vmapped": lambda dataset: compiled(dataset, width=3),
    "in threads": lambda dataset: compiled(dataset, threads=2),
}


@cache
def data(name: str = "iris", **options: Any) -> Dataset:
    raw = {"sklearn": name, "standardize": True, **options}
    return load_dataset(Data.model_validate(raw), Path())


@cache
def folded() -> Dataset:
    return load_dataset(Data.model_validate({"sklearn": "iris", "validation": {"folds": 3}}), Path())


def configuration(model: dict[str, Any], **training: Any) -> Configuration:
    model = {"hidden": [6, 5], **model}
    training = {"epochs": EPOCHS, "batch_size": 50, "learning_rate": 0.05, **training}
    if "steps" in training:
        del training["epochs"]
    return read_configuration({"model": {"mlp": model}, "training": training})


def member(config: Configuration, number: int = 0, seed: int = SEED, metric: str = "val_loss") -> Member:
    return Member(number, config, seed, metric, "minimize" if metric == "val_loss" else "maximize")


def train(trainer: Trainer, one: Member, epochs: int = EPOCHS) -> list[EpochReport]:
    trainer.start(one)
    return [trainer.advance(one.number) for _ in range(epochs)]


def present(trainer: Trainer, number: int = 0) -> dict[str, Any]:
    """Give the weights that a member has now."""
    arrays = trainer.state(number).arrays
    now = {name.removeprefix("0/now/"): array for name, array in arrays.items() if name.startswith("0/now/")}
    return {name: array for name, array in now.items() if not name.startswith("optimizer/")}


def without_gradient(config: Configuration, variable: str) -> bool:
    """Tell whether batch normalization takes away what a variable adds, so that rounding alone moves it."""
    before = config.model.of_layer("batch_norm", 0).name == "before_activation"  # type: ignore[attr-defined]
    return before and variable.startswith("hidden_") and variable.endswith("/bias")


def assert_equal(first: Any, second: Any) -> None:
    assert set(first) == set(second)
    for name in first:
        np.testing.assert_array_equal(np.asarray(first[name]), np.asarray(second[name]), err_msg=name)


# Plain Keras, written by hand: each case gives the study file's words and Keras' own objects side by side.

ACTIVATIONS: dict[str, Callable[[int], keras.layers.Layer]] = {
    "relu": lambda n: keras.layers.Activation("relu", name=f"activation_{n}"),
    "tanh": lambda n: keras.layers.Activation("tanh", name=f"activation_{n}"),
    "gelu": lambda n: keras.layers.Activation("gelu", name=f"activation_{n}"),
    "selu": lambda n: keras.layers.Activation("selu", name=f"activation_{n}"),
    "elu": lambda n: keras.layers.ELU(alpha=0.7, name=f"activation_{n}"),
    "leaky_relu": lambda n: keras.layers.LeakyReLU(negative_slope=0.3, name=f"activation_{n}"),
    "prelu": lambda n: keras.layers.PReLU(name=f"activation_{n}"),
}


def plain_model(
    dataset: Dataset,
    activation: str = "relu",
    place: str = "none",
    l1: float = 0.0,
    l2: float = 0.0,
    hidden: tuple[int, ...] = (6, 5),
) -> keras.Model:
    layers: list[Any] = [keras.Input(dataset.features)]
    for number, units in enumerate(hidden, 1):
        penalty = keras.regularizers.L1L2(l1, l2)
        layers.append(keras.layers.Dense(units, kernel_regularizer=penalty, name=f"hidden_{number}"))
        normalize = keras.layers.BatchNormalization(name=f"batch_norm_{number}")
        after = [ACTIVATIONS[activation](number)]
        layers += {"none": after, "before": [normalize, *after], "after": [*after, normalize]}[place]
    layers.append(keras.layers.Dense(1 if dataset.outputs <= 2 else dataset.outputs, name="output"))
    return keras.Sequential(layers)


def plain_fit(
    dataset: Dataset, model: keras.Model, optimizer: Any, config: Configuration
) -> list[dict[str, Any]]:
    """Train by `fit` on the same batches in the same order, and give each epoch's numbers."""
    start = initial_weights(config, dataset.features, FitTrainer(dataset).objective, SEED)
    for layer in model.layers:
        layer.set_weights([start[f"{layer.name}/{variable.name}"] for variable in layer.weights])
    if dataset.task == "regression":
        loss: Any = keras.losses.MeanSquaredError()
    elif dataset.outputs == 2:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss)
    rows, validation = dataset.splits[0].train, dataset.splits[0].validation
    batch = config.training.batch_size
    left = config.training.steps or 10**6
    told = []
    for epoch in range(1, 10 if config.training.steps else EPOCHS + 1):
        order = epoch_order(SEED, epoch, len(rows))[: left * batch]
        if not len(order):
            break
        left -= math.ceil(len(order) / batch)
        history = model.fit(rows.x[order], rows.y[order], batch_size=batch, shuffle=False, verbose=0).history
        logits = np.asarray(model.predict(validation.x, verbose=0), np.float64)
        told.append(
            {
                "loss_with_penalties": history["loss"][0],
                **judged(dataset, logits),
                "val_loss_with_penalties": model.evaluate(
                    validation.x, validation.y, batch_size=32, verbose=0
                ),
            }
        )
    return told


def judged(dataset: Dataset, logits: Any) -> dict[str, float]:
    """Compute the loss and the score of the validation rows without Keras."""
    y = dataset.splits[0].validation.y
    if dataset.task == "regression":
        errors = logits[:, 0] - y
        return {"val_loss": float(np.mean(errors**2)), "val_mae": float(np.mean(np.abs(errors)))}
    if dataset.outputs == 2:
        logits = np.hstack([np.zeros_like(logits), logits])
    logits = logits.astype(np.float64)
    logits = logits - logits.max(axis=1, keepdims=True)
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss = -float(np.mean(logs[np.arange(len(y)), y]))
    return {"val_loss": loss, "val_accuracy": float(np.mean(logits.argmax(axis=1) == y))}


Case = tuple[Dataset, Configuration, list[dict[str, Any]], dict[str, Any]]


def case(dataset: Dataset, model: Any, optimizer: Any, config: Configuration) -> Case:
    told = plain_fit(dataset, model, optimizer, config)
    return dataset, config, told, weights_of(model)


def _sgd() -> Case:
    rate = Schedules.ExponentialDecay(0.1, decay_steps=3, decay_rate=0.5)
    return case(
        data(),
        plain_model(data(), "relu", "before", l1=1e-3, l2=1e-2),
        keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, clipvalue=0.02),
        configuration(
            {"batch_norm": "before_activation", "l1": 1e-3, "l2": 1e-2},
            optimizer={"sgd": {"momentum": 0.9, "nesterov": True}},
            learning_rate=0.1,
            schedule={"exponential": {"rate": 0.5, "every": {"epochs": 1}}},
            clipping={"clipvalue": 0.02},
        ),
    )


def _no_hidden_layer() -> Case:
    return case(
        data("diabetes"),
        plain_model(data("diabetes"), hidden=()),
        keras.optimizers.SGD(0.1),
        configuration(
            {"hidden": [], "l2": 0.1, "batch_norm": "after_activation"}, optimizer="sgd", learning_rate=0.1
        ),
    )


def _clipnorm() -> Case:
    rate = Schedules.InverseTimeDecay(0.5, decay_steps=2, decay_rate=0.8, staircase=True)
    return case(
        data(),
        plain_model(data(), "elu"),
        keras.optimizers.SGD(rate, clipnorm=0.1),
        configuration(
            {"activation": {"elu": {"alpha": 0.7}}},
            optimizer="sgd",
            learning_rate=0.5,
            schedule={"inverse_time": {"rate": 0.8, "every": {"steps": 2}, "staircase": True}},
            clipping={"clipnorm": 0.1},
        ),
    )


def _rmsprop() -> Case:
    rate = Schedules.PolynomialDecay(0.01, decay_steps=9, end_learning_rate=0.002, power=2.0)
    return case(
        data(),
        plain_model(data(), "leaky_relu", "after"),
        keras.optimizers.RMSprop(rate, rho=0.8, momentum=0.5, centered=True, global_clipnorm=0.2),
        configuration(
            {"batch_norm": "after_activation", "activation": {"leaky_relu": {"negative_slope": 0.3}}},
            optimizer={"rmsprop": {"rho": 0.8, "momentum": 0.5, "centered": True}},
            learning_rate=0.01,
            schedule={"polynomial": {"end": 0.2, "power": 2.0}},
            clipping={"global_clipnorm": 0.2},
        ),
    )


def _adam() -> Case:
    return case(
        data(),
        plain_model(data(), "tanh", l1=1e-3),
        keras.optimizers.Adam(
            Schedules.CosineDecay(0.05, decay_steps=9, alpha=0.1), beta_1=0.8, amsgrad=True
        ),
        configuration(
            {"activation": "tanh", "l1": 1e-3},
            optimizer={"adam": {"beta_1": 0.8, "amsgrad": True}},
            schedule={"cosine": {"alpha": 0.1}},
        ),
    )


def _adamw() -> Case:
    rate = Schedules.CosineDecayRestarts(0.05, first_decay_steps=3, t_mul=2.0, m_mul=0.5, alpha=0.1)
    restarts = {"first_decay": {"steps": 3}, "t_mul": 2.0, "m_mul": 0.5, "alpha": 0.1}
    return case(
        data("breast_cancer", subset=150),
        plain_model(data("breast_cancer", subset=150), "gelu"),
        keras.optimizers.AdamW(rate, weight_decay=0.3),
        configuration(
            {"activation": "gelu"},
            optimizer={"adamw": {"weight_decay": 0.3}},
            schedule={"cosine_restarts": restarts},
        ),
    )


def _nadam() -> Case:
    return case(
        data("diabetes", subset=150),
        plain_model(data("diabetes", subset=150), "selu", l2=1e-2),
        keras.optimizers.Nadam(0.05, beta_2=0.9, clipnorm=1.0),
        configuration(
            {"activation": "selu", "l2": 1e-2},
            optimizer={"nadam": {"beta_2": 0.9}},
            clipping={"clipnorm": 1.0},
        ),
    )


def _penalized_activations() -> Case:
    """As a person writes it: the activation and the penalty in the dense layer."""
    dataset = data("digits", subset=300, validation=100)
    penalties = (keras.regularizers.L1L2(l1=1e-2, l2=1e-3), keras.regularizers.L2(1e-3))
    layers = [
        keras.layers.Dense(units, activation="tanh", activity_regularizer=penalty, name=f"hidden_{number}")
        for number, (units, penalty) in enumerate(zip((6, 5), penalties, strict=True), 1)
    ]
    return case(
        dataset,
        keras.Sequential([keras.Input(dataset.features), *layers, keras.layers.Dense(10, name="output")]),
        keras.optimizers.Adam(0.05),
        configuration({"activation": "tanh", "activity_l1": [1e-2, 0.0], "activity_l2": 1e-3}, batch_size=64),
    )


def _normalized_inputs() -> Case:
    normalize = keras.layers.BatchNormalization(momentum=0.8, epsilon=0.1, name="input_batch_norm")
    plain = plain_model(data("diabetes", subset=150), "relu")
    inputs = keras.Input(data("diabetes", subset=150).features)
    return case(
        data("diabetes", subset=150),
        keras.Sequential([inputs, normalize, *plain.layers]),
        keras.optimizers.RMSprop(0.05),
        configuration(
            {"input_batch_norm": {"batch_norm": {"momentum": 0.8, "epsilon": 0.1}}}, optimizer="rmsprop"
        ),
    )


def _adagrad_by_steps() -> Case:
    return case(
        data(),
        plain_model(data(), "prelu"),
        keras.optimizers.Adagrad(0.1, initial_accumulator_value=0.01),
        configuration(
            {"activation": "prelu"},
            optimizer={"adagrad": {"initial_accumulator_value": 0.01}},
            learning_rate=0.1,
            steps=5,
        ),
    )


def _batch_above_rows() -> Case:
    """One step an epoch, of all 120 rows, as `fit` does it."""
    return case(
        data(),
        plain_model(data(), "tanh", l2=1e-3),
        keras.optimizers.SGD(Schedules.CosineDecay(0.5, decay_steps=3), momentum=0.9, clipnorm=0.5),
        configuration(
            {"activation": "tanh", "l2": 1e-3},
            optimizer={"sgd": {"momentum": 0.9}},
            learning_rate=0.5,
            schedule="cosine",
            clipping={"clipnorm": 0.5},
            batch_size=121,
        ),
    )


CASES: dict[str, Callable[[], Case]] = {
    "batch above rows": cache(_batch_above_rows),
    "sgd": cache(_sgd),
    "no hidden layer": cache(_no_hidden_layer),
    "clipnorm": cache(_clipnorm),
    "rmsprop": cache(_rmsprop),
    "adam": cache(_adam),
    "adamw": cache(_adamw),
    "nadam": cache(_nadam),
    "penalized activations": cache(_penalized_activations),
    "normalized inputs": cache(_normalized_inputs),
    "adagrad by steps": cache(_adagrad_by_steps),
}


SELDOM = ("rmsprop", "adamw", "nadam", "adagrad by steps")
"""Optimizers that the tests of all of them hold against Keras too."""

EACH_CASE = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name in SELDOM else name for name in CASES]
)


@EACH_CASE
def test_the_cases_train(name: str) -> None:
    """Guard the comparison: plain Keras has learned something, and every weight has moved."""
    dataset, config, told, weights = CASES[name]()
    start = initial_weights(config, dataset.features, FitTrainer(dataset).objective, SEED)
    for variable, value in weights.items():
        if without_gradient(config, variable):
            continue
        assert not np.allclose(start[variable], value, rtol=1e-3, atol=1e-4), variable
    assert all(math.isfinite(number) for epoch in told for number in epoch.values())
    assert [len(told), told[-1]["val_loss"] < 10 * told[0]["val_loss"]] == [
        2 if "steps" in name else EPOCHS,
        True,
    ]


EVERY = pytest.mark.parametrize("maker", MAKERS)
EVERY_SELDOM = pytest.mark.parametrize(
    "maker", ["fit", "compiled", pytest.param("vmapped", marks=pytest.mark.long)]
)
IN_TURN = pytest.mark.parametrize("maker", ["fit", "compiled"])
"""Where the company of a member plays no part."""

NOISY = {
    "input_batch_norm": "batch_norm",
    "input_dropout": 0.1,
    "activation": ["rrelu", "tanh"],
    "batch_norm": "after_activation",
    "dropout": 0.3,
    "alpha_dropout": [0.0, 0.1],
}
"""A model whose training draws numbers; what the tests change beside it are arguments of one program."""


class TestTrainer:
    """The contract."""

    @pytest.fixture
    def make(self, maker: str) -> Callable[[Dataset], Trainer]:
        return MAKERS[maker]

    @IN_TURN
    @EACH_CASE
    def test_equals_plain_keras(self, make: Callable[[Dataset], Trainer], name: str) -> None:
        dataset, config, told, weights = CASES[name]()
        trainer = make(dataset)
        reports = train(trainer, member(config), len(told))
        now = present(trainer)
        for variable, value in weights.items():
            np.testing.assert_allclose(now[variable], value, RELATIVE, ABSOLUTE, err_msg=variable)
        for report, numbers in zip(reports, told, strict=True):
            for metric, number in numbers.items():
                assert report.metrics[metric] == pytest.approx(number, rel=1e-4, abs=1e-6), metric
        assert [report.last for report in reports] == [False] * (len(told) - 1) + [True]
        assert [report.epoch for report in reports] == list(range(1, len(told) + 1))

    @IN_TURN
    def test_penalties_are_kept_apart(self, make: Callable[[Dataset], Trainer]) -> None:
        trainer = make(data())
        (report,) = train(trainer, member(configuration({"l1": [0.01, 0.0], "l2": 0.02})), 1)
        now = present(trainer)
        penalty = 0.01 * np.abs(now["hidden_1/kernel"]).sum()
        penalty += 0.02 * sum(np.square(now[f"hidden_{n}/kernel"]).sum() for n in (1, 2))
        apart = report.metrics["val_loss_with_penalties"] - report.metrics["val_loss"]
        assert apart == pytest.approx(float(penalty), rel=1e-4)
        assert report.metrics["loss_with_penalties"] > report.metrics["loss"] + 0.01

    @EVERY_SELDOM
    def test_two_runs_are_equal(self, make: Callable[[Dataset], Trainer]) -> None:
        config = configuration(NOISY, optimizer="nadam")
        first, second = make(data()), make(data())
        told = [[r.metrics for r in train(trainer, member(config), 2)] for trainer in (first, second)]
        assert told[0] == told[1]
        assert_equal(present(first), present(second))
        other = make(data())
        assert [r.metrics for r in train(other, member(config, seed=SEED + 1), 1)] != told[0][:1]

    @EVERY
    def test_members_do_not_disturb_each_other(self, maker: str, make: Callable[[Dataset], Trainer]) -> None:
        rates = [0.01, 0.02] if maker == "fit" else [0.01, 0.02, 0.03, 0.04]
        members = [
            member(configuration(NOISY, optimizer="nadam", learning_rate=rate), number, seed=SEED + number)
            for number, rate in enumerate(rates)
        ]
        alone = []
        for one in members:
            trainer = make(data())
            alone.append(([r.metrics for r in train(trainer, one, 2)], present(trainer, one.number)))
        trainer = make(data())
        for one in members:
            trainer.start(one)
        numbers = tuple(one.number for one in members)
        told = [trainer.advance_all(numbers), trainer.advance_all(numbers[::-1])]
        for one in members:
            mine = [next(r.metrics for r in reports if r.number == one.number) for reports in told]
            assert mine == alone[one.number][0]
            assert_equal(present(trainer, one.number), alone[one.number][1])

    @EVERY_SELDOM
    def test_dropout_is_for_training_only(self, make: Callable[[Dataset], Trainer]) -> None:
        """With hardly any learning, dropout changes the training loss and not the validation loss."""
        told = []
        for rates in ([0.0, 0.05], [0.0, 0.5]):
            model = {"dropout": rates, "batch_norm": "after_activation"}
            config = configuration(model, learning_rate=1e-20, optimizer="nadam")
            told.append([report.metrics for report in train(make(data()), member(config), 2)])
        assert told[0][1]["val_loss"] == pytest.approx(told[1][1]["val_loss"], rel=1e-6)
        assert abs(told[0][0]["loss"] - told[1][0]["loss"]) > 1e-3
        assert abs(told[1][0]["loss"] - told[1][1]["loss"]) > 1e-3, "every epoch drops the same units"

    @EVERY
    def test_goes_on_from_a_state_as_if_never_stopped(
        self, make: Callable[[Dataset], Trainer], tmp_path: Path
    ) -> None:
        plateau = {"reduce_on_plateau": {"factor": 0.5, "patience": 1, "min_delta": 0.3, "cooldown": 1}}
        config = configuration(NOISY, epochs=6, schedule=plateau, optimizer="nadam")
        whole = make(data())
        reports = train(whole, member(config), 6)
        assert len({report.metrics["learning_rate"] for report in reports}) > 1
        stop = 4
        first = make(data())
        train(first, member(config), stop)
        state = first.state(0)
        write_arrays(tmp_path / "state.npz", state.arrays, state.progress)
        stored = read_arrays(tmp_path / "state.npz")
        assert stored is not None
        second = make(data())
        second.start(member(config), MemberState(*stored))
        later = [second.advance(0) for _ in range(6 - stop)]
        assert [r.metrics for r in later] == [r.metrics for r in reports[stop:]]
        assert [(r.epoch, r.last) for r in later] == [(r.epoch, r.last) for r in reports[stop:]]
        assert_equal(second.state(0).arrays, whole.state(0).arrays)
        assert second.state(0).progress == whole.state(0).progress

    @IN_TURN
    def test_keeps_the_weights_of_the_best_epoch(self, make: Callable[[Dataset], Trainer]) -> None:
        config = configuration({}, learning_rate=0.6, optimizer={"sgd": {"momentum": 0.95}}, epochs=8)
        trainer = make(data())
        trainer.start(member(config))
        assert trainer.best_weights(0) is None
        values, seen = [], []
        for _ in range(8):
            values.append(trainer.advance(0).metrics["val_loss"])
            seen.append(present(trainer))
        best = int(np.argmin(values))
        assert 0 < best < 7, "the best epoch should be neither the first nor the last"
        kept = trainer.best_weights(0)
        assert kept is not None
        assert_equal({name: kept[name] for name in seen[best]}, seen[best])
        later = make(data())
        later.start(member(config), trainer.state(0))
        restored = later.best_weights(0)
        assert restored is not None
        assert_equal(restored, kept)

    @IN_TURN
    def test_folds_report_their_mean(self, make: Callable[[Dataset], Trainer]) -> None:
        dataset = folded()
        config = configuration({"activation": "tanh"}, epochs=1)
        trainer = make(dataset)
        (report,) = train(trainer, member(config), 1)
        losses, scores = [], []
        for fold, split in enumerate(dataset.splits):
            weights = trainer.best_weights(0, fold)
            assert weights is not None
            tensor = split.validation.x.astype(np.float64)
            for layer in ("hidden_1", "hidden_2", "output"):
                tensor = tensor @ weights[f"{layer}/kernel"] + weights[f"{layer}/bias"]
                tensor = tensor if layer == "output" else np.tanh(tensor)
            told = judged(replace(dataset, splits=(split,)), tensor)
            losses.append(told["val_loss"])
            scores.append(told["val_accuracy"])
        assert len(set(losses)) == 3
        assert report.metrics["val_loss"] == pytest.approx(np.mean(losses), rel=1e-5)
        assert report.metrics["val_accuracy"] == pytest.approx(np.mean(scores), rel=1e-6)

    @EVERY
    @pytest.mark.parametrize("name", ["iris", "breast_cancer"])
    def test_the_loss_has_no_upper_end(self, make: Callable[[Dataset], Trainer], name: str) -> None:
        """Probabilities that are clipped to 1e-7 have a loss of at most 16.118, so that bad trials would tie."""
        dataset = data(name, subset=150)
        found = []
        for rate in (1000.0, 3000.0):
            config = configuration({"activation": "tanh"}, learning_rate=rate, optimizer="sgd", epochs=1)
            trainer = make(dataset)
            (report,) = train(trainer, member(config), 1)
            weights = present(trainer)
            model = export_model(
                config, dataset.features, trainer.objective, dataset.splits[0].scaling, weights
            )
            rows = dataset.raw(0, "validation")
            logits, given = both_of(model, rows.x)
            assert report.metrics["val_loss"] == pytest.approx(judged(dataset, logits)["val_loss"], rel=1e-5)
            assert model.evaluate(rows.x, rows.y, verbose=0)[0] < 16.2
            np.testing.assert_allclose(given, model.predict(rows.x, verbose=0), rtol=1e-5, atol=1e-30)
            found.append(report.metrics["val_loss"])
        assert min(found) > 16.2
        assert len(set(found)) == 2

    @EVERY_SELDOM
    def test_keras_evaluates_the_exported_model_alike(self, make: Callable[[Dataset], Trainer]) -> None:
        for name in ("iris", "breast_cancer", "diabetes"):
            dataset = data(name, subset=150)
            config = configuration({"activation": "tanh"}, epochs=1)
            trainer = make(dataset)
            (report,) = train(trainer, member(config), 1)
            scaling = dataset.splits[0].scaling
            model = export_model(config, dataset.features, trainer.objective, scaling, present(trainer))
            rows = dataset.raw(0, "validation")
            loss, score = model.evaluate(rows.x, rows.y, verbose=0)
            assert report.metrics["val_loss"] == pytest.approx(loss, rel=1e-5)
            assert report.metrics[f"val_{trainer.objective.metric}"] == pytest.approx(score, rel=1e-5)

    @IN_TURN
    @pytest.mark.parametrize(
        ("name", "metric", "judge"),
        [
            ("iris", "f1_macro", lambda y, p: sklearn_metrics.f1_score(y, p.argmax(1), average="macro")),
            ("iris", "roc_auc_ovr", lambda y, p: sklearn_metrics.roc_auc_score(y, p, multi_class="ovr")),
            ("breast_cancer", "roc_auc", lambda y, p: sklearn_metrics.roc_auc_score(y, p[:, 0])),
            ("breast_cancer", "precision", lambda y, p: sklearn_metrics.precision_score(y, p[:, 0] > 0.5)),
            (
                "breast_cancer",
                "neg_log_loss",
                lambda y, p: -sklearn_metrics.log_loss(y, p[:, 0].astype(float)),
            ),
            ("diabetes", "r2", lambda y, p: sklearn_metrics.r2_score(y, p[:, 0])),
            (
                "diabetes",
                "neg_median_absolute_error",
                lambda y, p: -sklearn_metrics.median_absolute_error(y, p[:, 0]),
            ),
        ],
    )
    def test_scorers_equal_those_of_sklearn_on_the_exported_model(
        self, make: Callable[[Dataset], Trainer], name: str, metric: str, judge: Callable[[Any, Any], float]
    ) -> None:
        dataset = data(name, subset=150)
        config = configuration({"hidden": [4]}, epochs=1)
        trainer = make(dataset)
        (report,) = train(trainer, member(config, metric=metric), 1)
        weights = trainer.best_weights(0)
        assert weights is not None
        split = dataset.splits[0]
        model = export_model(config, dataset.features, trainer.objective, split.scaling, weights)
        rows = dataset.raw(0, "validation")
        predictions = np.asarray(model.predict(rows.x, verbose=0))
        assert report.metrics[metric] == pytest.approx(judge(rows.y, predictions), rel=1e-4, abs=1e-6)
        assert report.failure is None

    @EVERY
    def test_divergence_is_told_and_not_raised(self, make: Callable[[Dataset], Trainer]) -> None:
        # Linear layers: an activation that saturates may keep the loss finite where weights are not.
        config = configuration({"activation": "linear"}, learning_rate=1e30, optimizer="sgd")
        trainer = make(data())
        (report,) = train(trainer, member(config), 1)
        assert report.failure is not None
        assert report.failure.epoch == 1
        assert report.failure.cause == "the training loss is not finite"
        assert report.failure.step == 2, "the first step still had the initial weights"
        assert trainer.best_weights(0) is None

    @EVERY
    def test_a_member_that_is_let_go(self, make: Callable[[Dataset], Trainer]) -> None:
        trainer = make(data())
        trainer.start(member(configuration({})))
        trainer.stop(0)
        with pytest.raises(KeyError):
            trainer.advance(0)


class TestOneProgramForAStudy:
    """What a study searches becomes arguments of one program, and changes nothing."""

    STUDY = StudySpec.model_validate(
        {
            "name": "s",
            "data": "sklearn:iris",
            "model": {
                "mlp": {
                    "hidden": [6, 5],
                    "activation": {
                        "choice": [
                            {"elu": {"alpha": {"uniform": [0.5, 1.5]}}},
                            {
                                "relu": {
                                    "max_value": {"uniform": [0.1, 2.0]},
                                    "threshold": 0.05,
                                    "negative_slope": 0.1,
                                }
                            },
                            {"hard_shrink": {"threshold": {"uniform": [0.0, 0.2]}}},
                            {"squareplus": {"b": {"uniform": [1.0, 5.0]}}},
                            {"rrelu": {"lower": 0.2, "upper": 0.2}},
                        ]
                    },
                    "input_batch_norm": {
                        "choice": [{"batch_norm": {"epsilon": {"uniform": [0.001, 0.1]}}}, "none"]
                    },
                    "activity_l1": {"uniform": [0.0, 0.01]},
                    "activity_l2": {"choice": [0.01, 0.0]},
                    "batch_norm": {
                        "choice": ["none", {"before_activation": {"momentum": {"uniform": [0.5, 0.99]}}}]
                    },
                    "l1": {"uniform": [0.0, 0.01]},
                    "l2": {"choice": [0.0, 0.01]},
                }
            },
            "training": {
                "optimizer": {
                    "adamw": {"beta_1": {"uniform": [0.5, 0.9]}, "weight_decay": {"uniform": [0.0, 0.1]}}
                },
                "learning_rate": {"log_uniform": [1e-3, 1e-1]},
                "clipping": {
                    "choice": [
                        "none",
                        {"clipvalue": {"uniform": [0.01, 1.0]}},
                        {"clipnorm": {"uniform": [0.01, 1.0]}},
                        {"global_clipnorm": {"uniform": [0.01, 1.0]}},
                    ]
                },
                "schedule": {"choice": ["constant", {"cosine": {"warmup": {"uniform": [0.0, 0.5]}}}]},
                "epochs": 2,
                "batch_size": 60,
            },
        }
    )

    def test_equals_keras_for_every_option(self) -> None:
        space = SearchSpace(self.STUDY)
        trainer = CompiledTrainer(data(), program_options(self.STUDY))
        draw = np.random.default_rng(0)
        seen: set[Any] = set()
        for number in range(5):

            def choose(parameter: Any, number: int = number) -> Any:
                if parameter.options:
                    chosen = parameter.options[number % len(parameter.options)]
                    seen.add((parameter.name, chosen))
                    return chosen
                return draw.uniform(parameter.distribution.low, parameter.distribution.high)

            one = member(space.configure(choose), number, seed=SEED + number)
            plain = FitTrainer(data())
            told = [train(t, one, 2)[-1].metrics for t in (trainer, plain)]
            assert told[0] == pytest.approx(told[1], rel=1e-3, abs=1e-5), one.configuration
            mine, theirs = present(trainer, number), present(plain, number)
            for name, value in theirs.items():
                if without_gradient(one.configuration, name) or name.endswith("moving_mean"):
                    continue
                np.testing.assert_allclose(
                    mine[name], value, rtol=1e-3, atol=1e-5, err_msg=str((number, name))
                )
        assert len(seen) == sum(len(parameter.options) for parameter in space.parameters)
