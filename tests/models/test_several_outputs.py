"""Models of several named outputs, trained, judged, saved and applied, against plain Keras on dicts of targets."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.data import Dataset, load_dataset
from hpsearch.engines.session.evaluation import evaluated
from hpsearch.exceptions import ModelError
from hpsearch.models.model import export_model, save_model
from hpsearch.models.predictions import predictions_of
from hpsearch.models.saved import load_stock
from hpsearch.models.sources.kinds import Sources
from hpsearch.models.sources.python import PythonSource
from hpsearch.seeds import derive
from hpsearch.spec import Data, Search, StudySpec, read_configuration
from hpsearch.spec.sources.python_file import model_code
from hpsearch.training.chance_of_targets import chance_of_targets_in
from hpsearch.training.compiled.keras_model.trainer import KerasModelTrainer
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.interface import epoch_order
from hpsearch.training.messages import Member

pytestmark = pytest.mark.slow

NETS = """
import keras
from keras import layers


class Called(keras.Model):
    def call(self, given):
        return {"age": given["facts"][:, :1], "kind": given["facts"], "sex": given["facts"][:, :1]}


def build(features, outputs, form="logits"):
    facts = keras.Input(features["facts"], name="facts")
    words = keras.Input(features["words"], name="words", dtype="int32")
    read = layers.GlobalAveragePooling1D()(layers.Embedding(9, 3)(words))
    hidden = layers.BatchNormalization()(layers.Concatenate()([read, facts]))
    hidden = layers.Dense(5, activation="tanh", kernel_regularizer="l2")(hidden)
    age, kind, sex = (layers.Dense(outputs[name], name=name) for name in ("age", "kind", "sex"))
    given = {"age": age(hidden), "kind": kind(hidden), "sex": sex(hidden)}
    if form == "probabilities":
        sex.activation = keras.activations.sigmoid
        given["kind"] = keras.ops.softmax(given["kind"])
        given["age"] = layers.Activation("linear")(given["age"])
    if form == "chained":
        sex.activation = keras.activations.sigmoid
        given["age"] = layers.Dense(1)(given["sex"])
    if form == "called":
        return Called()
    if form == "list":
        given = list(given.values())
    if form == "missing":
        del given["sex"]
    if form == "name":
        given["sexx"] = given.pop("sex")
    if form == "units":
        given["kind"] = layers.Dense(2)(hidden)
    if form == "relu":
        given["kind"] = layers.ReLU()(given["kind"])
    return keras.Model([words, facts], given)
"""
EPOCHS, SEED, ROWS = 2, 5, 60
DRAWN = np.random.default_rng(3)
X = {"facts": DRAWN.normal(3, 2, (ROWS, 3)).astype(np.float32), "words": DRAWN.integers(0, 9, (ROWS, 6))}
Y = {
    "age": (X["facts"].sum(axis=1) + DRAWN.normal(size=ROWS)).astype(np.float32),
    "kind": np.arange(ROWS) % 3,
    "sex": (X["facts"][:, 0] > 3).astype(int),
}
WEIGHTS = DRAWN.uniform(size=ROWS).astype(np.float32)
SHARES = {"age": 0.25, "kind": 1.0, "sex": 2.0}
TRAINING = {
    "epochs": EPOCHS,
    "batch_size": 16,
    "learning_rate": 0.01,
    "losses": {"age": "log_cosh", "sex": {"binary_crossentropy": {"label_smoothing": 0.1}}},
    "loss_weights": {"age": 0.25, "sex": 2.0},
}


def configuration(form: str = "logits") -> Any:
    model = {"python": {"file": "nets.py", "arguments": {"form": form}}}
    return read_configuration({"model": model, "training": TRAINING})


def member(form: str = "logits", metric: str = "val_loss") -> Member:
    return Member(0, configuration(form), SEED, metric)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("outputs")
    (made / "nets.py").write_text(NETS, encoding="utf-8")
    arrays = {**{f"x_{name}": x for name, x in X.items()}, **{f"y_{name}": y for name, y in Y.items()}}
    np.savez(made / "d.npz", **arrays)
    np.savez(made / "weighted.npz", sample_weight=WEIGHTS, **arrays)
    return made


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Dataset:
    return load_dataset(Data.model_validate({"npz": "d.npz", "test": 12}), folder)


@pytest.fixture(scope="module")
def sources(folder: Path, dataset: Dataset) -> Sources:
    spec = StudySpec.model_validate({"name": "n", "data": {"npz": "d.npz"}, **configuration().dump()})
    return Sources({"python": PythonSource(model_code(spec, folder), None, dataset.inputs)})


def of_rows(arrays: dict[str, Any], index: Any) -> dict[str, Any]:
    return {name: array[index] for name, array in arrays.items()}


def columns(index: Any) -> dict[str, Any]:
    """Return targets as Keras' losses take them."""
    return {
        name: y[index].astype(np.float32)[:, None] if name != "kind" else y[index] for name, y in Y.items()
    }


@cache
def by_hand(dataset: Dataset, *, weighted: bool) -> tuple[list[dict[str, float]], keras.Model]:
    """Train by plain `fit` on dicts, with a loss for each output; return what `fit` tells, and the model."""
    split, space = dataset.splits[0], {}
    exec(NETS, space)  # noqa: S102 - the same code
    keras.utils.set_random_seed(derive(SEED, "build") % 2**32)
    model = space["build"]({"facts": (3,), "words": (6,)}, {"age": 1, "kind": 3, "sex": 1})
    model.compile(
        keras.optimizers.Adam(0.01),
        {
            "age": keras.losses.LogCosh(),
            "kind": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "sex": keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        },
        loss_weights=SHARES,
        metrics={
            "age": ["mae"],
            "kind": [keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
            "sex": [keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)],
        },
    )
    told = []
    for epoch in range(1, EPOCHS + 1):
        order = split.train_index[epoch_order(SEED, epoch, len(split.train_index))]
        weights = {"sample_weight": WEIGHTS[order]} if weighted else {}
        options = {"batch_size": 16, "verbose": 0}
        fitted = model.fit(of_rows(X, order), columns(order), shuffle=False, **weights, **options)
        others = split.validation_index
        weights = {"sample_weight": WEIGHTS[others]} if weighted else {}
        found = model.evaluate(of_rows(X, others), columns(others), return_dict=True, **weights, **options)
        trained = {name: values[0] for name, values in fitted.history.items()}
        told.append(trained | {f"val_{name}": value for name, value in found.items()})
    return told, model


@pytest.mark.parametrize(
    ("form", "kind", "weighted"),
    [
        ("logits", FitTrainer, False),
        ("logits", KerasModelTrainer, False),
        pytest.param("probabilities", KerasModelTrainer, False, marks=pytest.mark.long),
        pytest.param("list", KerasModelTrainer, False, marks=pytest.mark.long),
        pytest.param("logits", FitTrainer, True, marks=pytest.mark.long),
        ("logits", KerasModelTrainer, True),
    ],
)
def test_training_is_that_of_plain_fit_on_dicts(
    folder: Path, dataset: Dataset, sources: Sources, form: str, kind: type[FitTrainer], weighted: bool
) -> None:
    if weighted:
        dataset = load_dataset(Data.model_validate({"npz": "weighted.npz", "test": 12}), folder)
    expected, model = by_hand(dataset, weighted=weighted)
    trainer = kind(dataset, sources=sources)
    trainer.start(member(form))
    for plain in expected:
        report = trainer.advance(0)
        assert report.failure is None
        names = [name for name in plain if name not in ("loss", "val_loss")]
        assert len(names) == 12
        found = {name: report.metrics[name] for name in names}
        assert found == pytest.approx({name: plain[name] for name in names}, rel=2e-6, abs=1e-7)
        assert report.metrics["loss_with_penalties"] == pytest.approx(plain["loss"], rel=2e-6)
        assert report.metrics["val_loss_with_penalties"] == pytest.approx(plain["val_loss"], rel=2e-6)
        total = sum(share * plain[f"val_{name}_loss"] for name, share in SHARES.items())
        assert report.metrics["val_loss"] == pytest.approx(total, rel=2e-6)
    assert trainer.new_notes() == ()
    weights = trainer.weights(0)
    for index, variable in enumerate(model.weights):
        np.testing.assert_allclose(weights[f"model/{index}"], variable.numpy(), rtol=1e-4, atol=1e-6)


def test_a_member_goes_on_from_its_state_to_the_same_bits(dataset: Dataset, sources: Sources) -> None:
    trainer = KerasModelTrainer(dataset, sources=sources)
    trainer.start(member(metric="val_age_mae"))
    trainer.advance(0)
    state = trainer.state(0)
    report = trainer.advance(0)
    trainer.stop(0)
    trainer.start(member(metric="val_age_mae"), state)
    assert trainer.advance(0).metrics == report.metrics


@pytest.mark.parametrize("form", [pytest.param("logits", marks=pytest.mark.long), "probabilities"])
def test_the_saved_model_has_the_outputs_by_name_and_the_metrics(
    tmp_path: Path, dataset: Dataset, sources: Sources, form: str
) -> None:
    trainer = KerasModelTrainer(dataset, sources=sources)
    trainer.start(member(form))
    told, objective = trainer.advance(0).metrics, sources.objective(configuration(form), dataset)
    split = dataset.splits[0]
    made = export_model(
        configuration(form),
        dataset.features,
        objective,
        split.scaling,
        trainer.weights(0),
        SEED,
        sources,
        dataset.inputs,
    )
    save_model(made, tmp_path / "best.keras")
    model = keras.saving.load_model(tmp_path / "best.keras")
    index = split.validation_index
    found = model.evaluate(of_rows(X, index), columns(index), verbose=0, return_dict=True)
    for name in ("age_loss", "age_mae", "kind_loss", "kind_accuracy", "sex_loss", "sex_accuracy"):
        assert found[name] == pytest.approx(told[f"val_{name}"], rel=1e-5)
    penalties = sum(float(np.asarray(penalty)) for penalty in model.losses)
    assert found["loss"] - penalties == pytest.approx(told["val_loss"], rel=1e-5)
    given = model.predict(of_rows(X, index), verbose=0)
    np.testing.assert_allclose(given["kind"].sum(axis=1), 1, rtol=1e-6)
    rows = dataset.preprocessing().take(of_rows(X, index)).x
    joined = predictions_of(load_stock(tmp_path / "best.keras"), rows, dataset.inputs, list(Y))
    np.testing.assert_allclose(joined, np.concatenate([given[name] for name in Y], axis=1), rtol=1e-6)
    evaluation = evaluated(made, dataset, objective, "test", Search(), None, None)
    judged = {one.name: one for one in evaluation.measures}
    tested = np.setdiff1d(np.arange(ROWS), np.concatenate([split.train_index, index]))
    found = model.evaluate(of_rows(X, tested), columns(tested), verbose=0, return_dict=True)
    for name in ("age_mae", "kind_accuracy", "sex_loss"):
        assert judged[name].value == pytest.approx(found[name], rel=1e-5)
    assert judged["loss"].value == pytest.approx(found["loss"] - penalties, rel=1e-5)


def test_chance_is_the_best_constant_of_each_target(dataset: Dataset, sources: Sources) -> None:
    split, objective = dataset.splits[0], sources.objective(configuration(), dataset)
    train, others = split.train_index, split.validation_index
    middle = np.median(Y["age"][train])
    level = chance_of_targets_in(dataset, "val_age_mae", None)
    assert level.value == pytest.approx(np.abs(Y["age"][others] - middle).mean())
    most = np.bincount(Y["kind"][train]).argmax()
    level = chance_of_targets_in(dataset, "val_kind_accuracy", None)
    assert level.value == pytest.approx((Y["kind"][others] == most).mean())
    parts = [chance_of_targets_in(dataset, f"val_{name}_loss", objective).value for name in Y]
    total = sum(share * part for share, part in zip(SHARES.values(), parts, strict=True) if part is not None)
    assert chance_of_targets_in(dataset, "val_loss", objective).value == pytest.approx(total)
    assert chance_of_targets_in(dataset, "val_loss", None).value is None


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("missing", "the model has no output 'sex', and the targets are age, kind, sex: return keras.Model"),
        (
            "name",
            "the model has an output 'sexx' \\(did you mean 'sex'\\?\\), and the targets are age, kind, sex",
        ),
        ("units", "output 'kind': it has the shape \\(2,\\), and its target needs \\(3,\\)"),
        ("relu", "output 'kind': the model ends in relu, which outputs neither logits nor probabilities"),
        ("chained", "output 'sex': other layers take the sigmoid of the last layer, sex"),
        ("called", "a model of several outputs must be functional"),
    ],
)
def test_a_model_that_does_not_suit_fails_with_the_place(
    dataset: Dataset, sources: Sources, form: str, message: str
) -> None:
    one = configuration(form)
    with pytest.raises(ModelError, match=f"{message}.* \\(in build, nets.py:\\d+\\)"):
        sources.of(one.model).build(one.model, dataset.features, sources.objective(one, dataset), SEED)
