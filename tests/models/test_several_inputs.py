"""Models of several named inputs, trained, saved and applied, against plain Keras on dicts of arrays."""

from __future__ import annotations

import textwrap
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.data import Dataset, load_dataset
from hpsearch.data.named_inputs import InputLayout, NamedInput
from hpsearch.engines.session.evaluation import evaluated
from hpsearch.exceptions import ModelError
from hpsearch.models.components.objectives import Objective
from hpsearch.models.model import export_model, save_model
from hpsearch.models.predictions import predictions_of
from hpsearch.models.saved import load_stock
from hpsearch.models.sources.kinds import Sources
from hpsearch.models.sources.python import PythonSource
from hpsearch.models.sources.several_inputs import on_flat_rows
from hpsearch.models.sources.user_model import user_model
from hpsearch.seeds import derive
from hpsearch.spec import Data, Search, StudySpec, read_configuration
from hpsearch.spec.sources.python_file import model_code
from hpsearch.training.compiled.keras_model.trainer import KerasModelTrainer
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.interface import epoch_order
from hpsearch.training.messages import Member

pytestmark = pytest.mark.slow

NETS = """
import keras
from keras import layers


class Called(keras.Model):
    def __init__(self, outputs):
        super().__init__()
        self.outputs_, self.words, self.out = outputs, layers.Embedding(9, 3), layers.Dense(outputs)

    def get_config(self):
        return {"outputs": self.outputs_}

    def call(self, given):
        assert given["words"].dtype == "int32"
        words = keras.ops.mean(self.words(given["words"]), axis=1)
        return self.out(keras.ops.concatenate([words, given["meta"]], axis=-1))


class Stepping(keras.Model):
    def train_step(self, *given):
        return super().train_step(*given)


def build(features, outputs, form="argument"):
    if form == "called":
        return Called(outputs)
    image = keras.Input(features["image"], name="image")
    words = keras.Input(features["words"], name="words", dtype="int32")
    meta = keras.Input((5,) if form == "shape" else features["meta"], name="mete" if form == "name" else "meta")
    parts = [layers.Flatten()(image), layers.GlobalAveragePooling1D()(layers.Embedding(9, 3)(words)), meta]
    hidden = layers.BatchNormalization()(layers.Concatenate()(parts))
    hidden = layers.Dense(4, activation="tanh", kernel_regularizer="l2")(hidden)
    ending = "sigmoid" if form == "argument" else None
    out = layers.Dense(outputs, activation=ending)(hidden)
    if form == "operation":
        out = keras.ops.sigmoid(out)
    if form == "missing":
        return keras.Model([image, meta], layers.Dense(outputs)(parts[0]))
    inputs = {"words": words, "meta": meta, "image": image} if form == "dict" else [words, meta, image]
    model = Stepping(inputs, out) if form == "stepping" else keras.Model(inputs, out)
    if form == "compiled":
        model.compile("adam", "binary_crossentropy")
    return model
"""
EPOCHS, SEED, ROWS = 2, 5, 60
DRAWN = np.random.default_rng(3)
ARRAYS = {
    "image": DRAWN.integers(0, 256, (ROWS, 3, 2, 1)).astype(np.uint8),
    "meta": DRAWN.normal(3, 2, (ROWS, 4)),
    "words": DRAWN.integers(0, 9, (ROWS, 6)),
}
Y = (ARRAYS["meta"][:, 0] + (ARRAYS["words"] == 2).sum(axis=1) > 3.5).astype(int)
TRAINING = {"epochs": EPOCHS, "batch_size": 16, "learning_rate": 0.01}
OBJECTIVE = Objective("classification", 2)


def configuration(form: str) -> Any:
    model = {"python": {"file": "nets.py", "arguments": {"form": form}}}
    return read_configuration({"model": model, "training": TRAINING})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("inputs")
    (made / "nets.py").write_text(textwrap.dedent(NETS), encoding="utf-8")
    np.savez(made / "d.npz", y=Y, **{f"x_{name}": array for name, array in ARRAYS.items()})
    return made


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Dataset:
    return load_dataset(Data.model_validate({"npz": "d.npz", "standardize": True, "test": 12}), folder)


@pytest.fixture(scope="module")
def source(folder: Path, dataset: Dataset) -> PythonSource:
    spec = StudySpec.model_validate({"name": "n", "data": {"npz": "d.npz"}, **configuration("dict").dump()})
    return PythonSource(model_code(spec, folder), None, dataset.inputs)


def named(dataset: Dataset, index: Any) -> dict[str, Any]:
    """Scale the arrays themselves, apart from what is tested."""
    train = dataset.splits[0].train_index
    scaled = {"words": ARRAYS["words"]}
    for name in ("image", "meta"):
        known = ARRAYS[name].astype(np.float64)
        scaled[name] = (known - known[train].mean(axis=0)) / known[train].std(axis=0)
    kinds = {"words": np.int32}
    return {name: array[index].astype(kinds.get(name, np.float32)) for name, array in scaled.items()}


@cache
def by_hand(dataset: Dataset, *, called: bool) -> tuple[list[float], list[float], keras.Model]:
    """Train by plain `fit` on dicts; return the losses of training and validation, and the model."""
    split, space = dataset.splits[0], {}
    exec(NETS, space)  # noqa: S102 - the same code
    keras.utils.set_random_seed(derive(SEED, "build") % 2**32)
    shapes = {name: array.shape[1:] for name, array in ARRAYS.items()}
    model = space["build"](shapes, 1, "called" if called else "dict")
    bare = keras.metrics.BinaryCrossentropy(from_logits=True, name="bare")
    model.compile(
        keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(from_logits=True), metrics=[bare]
    )
    trained, validated = [], []
    for epoch in range(1, EPOCHS + 1):
        order = split.train_index[epoch_order(SEED, epoch, len(split.train_index))]
        told = model.fit(
            named(dataset, order), Y[order, None], batch_size=16, epochs=1, shuffle=False, verbose=0
        )
        trained.append(told.history["bare"][0])
        others = split.validation_index
        found = model.evaluate(named(dataset, others), Y[others, None], verbose=0, return_dict=True)
        validated.append(found["bare"])
    return trained, validated, model


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        pytest.param("argument", FitTrainer, marks=pytest.mark.long),
        ("called", FitTrainer),
        ("argument", KerasModelTrainer),
        pytest.param("operation", KerasModelTrainer, marks=pytest.mark.long),
        pytest.param("dict", KerasModelTrainer, marks=pytest.mark.long),
        ("called", KerasModelTrainer),
    ],
)
def test_training_is_that_of_plain_fit_on_dicts(
    dataset: Dataset, source: PythonSource, form: str, kind: type[FitTrainer]
) -> None:
    trained, validated, model = by_hand(dataset, called=form == "called")
    trainer = kind(dataset, sources=Sources({"python": source}))
    trainer.start(Member(0, configuration(form), SEED, "val_loss", "minimize"))
    reports = [trainer.advance(0) for _ in range(EPOCHS)]
    assert [report.failure for report in reports] == [None, None]
    np.testing.assert_allclose([report.metrics["loss"] for report in reports], trained, rtol=1e-6)
    np.testing.assert_allclose([report.metrics["val_loss"] for report in reports], validated, rtol=1e-6)
    assert trainer.new_notes() == ()
    found = trainer.weights(0)
    for index, variable in enumerate(model.weights):
        np.testing.assert_allclose(found[f"model/{index}"], variable.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("form", ["argument", pytest.param("operation", marks=pytest.mark.long)])
def test_the_saved_model_has_the_inputs_by_name_and_the_metric(
    tmp_path: Path, dataset: Dataset, source: PythonSource, form: str
) -> None:
    trainer = FitTrainer(dataset, sources=Sources({"python": source}))
    member = Member(0, configuration(form), SEED, "val_loss", "minimize")
    trainer.start(member)
    told, scaling = trainer.advance(0).metrics, dataset.splits[0].scaling
    made = export_model(
        member.configuration,
        dataset.features,
        OBJECTIVE,
        scaling,
        trainer.weights(0),
        SEED,
        trainer.sources,
        dataset.inputs,
    )
    save_model(made, tmp_path / "best.keras")
    # Keras' safe mode, and its own evaluate on the arrays as they came.
    model = keras.saving.load_model(tmp_path / "best.keras")
    assert {tensor.name for tensor in model.inputs} == set(ARRAYS)
    index = dataset.splits[0].validation_index
    raw = {name: array[index] for name, array in ARRAYS.items()}
    found = model.evaluate(raw, Y[index, None], verbose=0, return_dict=True)
    assert found["accuracy"] == pytest.approx(told["val_accuracy"])
    penalties = sum(float(np.asarray(penalty)) for penalty in model.losses)
    assert found["loss"] - penalties == pytest.approx(told["val_loss"], rel=1e-5)
    rows = dataset.preprocessing().take(raw).x
    given = predictions_of(load_stock(tmp_path / "best.keras"), rows, dataset.inputs)
    np.testing.assert_allclose(given, model.predict(raw, verbose=0), rtol=1e-6)
    judged = evaluated(made, dataset, OBJECTIVE, "test", Search(), None, None)
    tested = np.setdiff1d(np.arange(ROWS), np.concatenate([dataset.splits[0].train_index, index]))
    raw = {name: array[tested] for name, array in ARRAYS.items()}
    found = model.evaluate(raw, Y[tested, None], verbose=0, return_dict=True)
    assert judged.measures[1].value == pytest.approx(found["accuracy"])


def test_outputs_may_have_any_shape() -> None:
    layout, rows = InputLayout((NamedInput("image", (3, 2, 1)),)), keras.Input((3, 2, 1), name="image")
    built = keras.Model(rows, keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(rows))
    objective, x = Objective("multilabel", 6), DRAWN.normal(size=(5, 6)).astype(np.float32)
    expected = np.asarray(built(x.reshape(5, 3, 2, 1))).reshape(5, 6)
    found = user_model(on_flat_rows(built, layout, (6,), objective), objective, (6,))
    inputs = keras.Input((6,))
    given = keras.Model(inputs, found.connect(inputs))(x)
    np.testing.assert_allclose(objective.predictions(given), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("name", "the model has an input 'mete' \\(did you mean 'meta'\\?\\), and the data have image"),
        (
            "missing",
            "the model has no input 'words', and the data have .* keras.Input\\(features\\['words'\\]",
        ),
        (
            "shape",
            "the input 'meta' of the model takes rows of the shape \\(5,\\), and those of the data have",
        ),
        ("stepping", "the model has its own train_step, and is trained on its inputs"),
        ("compiled", "the model has a compile of its own, and is trained on its inputs"),
    ],
)
def test_a_model_that_does_not_suit_fails_with_the_place(
    source: PythonSource, dataset: Dataset, form: str, message: str
) -> None:
    model = configuration(form).model
    with pytest.raises(ModelError, match=f"{message}.* \\(in build, nets.py:\\d+\\)"):
        source.build(model, dataset.features, OBJECTIVE, SEED)
