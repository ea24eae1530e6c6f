"""Losses by Keras' names, against Keras' losses on what a plain model gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.exceptions import ModelCodeError
from hpsearch.models.components.losses import LOSSES as OBJECTS
from hpsearch.models.components.objectives import Objective
from hpsearch.models.interface import ModelFiles
from hpsearch.models.model import export_model
from hpsearch.models.sources.kinds import sources_of
from hpsearch.spec import StudySpec, read_configuration
from hpsearch.spec.sections.losses import CLASSES, LABELS, LOSSES, REGRESSION, TWO_CLASSES
from hpsearch.training.chance import chance_in
from hpsearch.training.compiled.keras_model.trainer import KerasModelTrainer
from support.commands import STUDY, succeed_here, write_study
from support.plain_fit import (
    EPOCHS,
    TRAINERS,
    check_alike,
    column,
    configuration,
    fitted,
    made_rows,
    trained,
)

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Kind:
    """Targets of a kind, and how Keras takes them."""

    outputs: int
    task: str
    activation: str
    form: Callable[[Any], Any]


def floats(y: Any) -> Any:
    return np.asarray(y, np.float32)


KINDS = {
    REGRESSION: Kind(1, "regression", "linear", column),
    TWO_CLASSES: Kind(2, "classification", "sigmoid", column),
    CLASSES: Kind(3, "classification", "softmax", lambda y: keras.utils.to_categorical(y, 3)),
    LABELS: Kind(2, "multilabel", "sigmoid", floats),
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "huber": {"delta": 0.3},
    "binary_crossentropy": {"label_smoothing": 0.2},
    "binary_focal_crossentropy": {"apply_class_balancing": True, "alpha": 0.4, "gamma": 1.5},
    "categorical_crossentropy": {"label_smoothing": 0.1},
    "categorical_focal_crossentropy": {"alpha": 0.5, "gamma": 1.0, "label_smoothing": 0.1},
    "categorical_generalized_cross_entropy": {"q": 0.7},
}
CASES = [(name, kind) for name, loss in LOSSES.items() for kind in loss.tasks]  # type: ignore[attr-defined]
QUICK_ROWS = {
    ("poisson", REGRESSION),
    ("categorical_hinge", CLASSES),
    ("binary_focal_crossentropy", LABELS),
    ("sparse_categorical_crossentropy", CLASSES),
}
QUICK = {("categorical_crossentropy", CLASSES, "structure")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


def study_loss(name: str) -> Any:
    return configuration(loss={name: ARGUMENTS[name]} if name in ARGUMENTS else name).training.loss


def keras_loss(name: str, *, from_logits: bool) -> Any:
    """Make Keras' loss by its own name, which is that of the study file in camel case."""
    kind = getattr(keras.losses, type(study_loss(name)).__name__)
    arguments = dict(ARGUMENTS.get(name, {}))
    if "crossentropy" in name:
        arguments["from_logits"] = from_logits
    return kind(**arguments)


def form_of(name: str, kind: str) -> Callable[[Any], Any]:
    numbers = name in ("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy")
    return np.asarray if numbers else KINDS[kind].form


def activation_of(name: str, kind: str) -> str:
    """Return what stands between the output layer and the loss of a plain model."""
    if "hinge" in name:
        return "linear"
    return "exponential" if name == "poisson" else KINDS[kind].activation


@pytest.mark.parametrize(
    ("name", "kind"),
    [pytest.param(*case, marks=[] if case in QUICK_ROWS else pytest.mark.long) for case in CASES],
)
def test_the_losses_of_rows_are_those_of_keras(name: str, kind: str) -> None:
    """From logits, and from the predictions of the exported model."""
    one = KINDS[kind]
    objective = Objective(one.task, one.outputs, study_loss(name))
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(7, objective.units)).astype(np.float32)
    shape = (7, one.outputs) if kind == LABELS else 7
    y: Any = generator.integers(0, one.outputs, shape).astype(np.int32)
    if kind == LABELS:
        y = generator.integers(0, 2, shape).astype(np.int32)
    if kind == REGRESSION:
        y = generator.uniform(0.1, 2, 7).astype(np.float32)
    given = keras.activations.get(activation_of(name, kind))(logits)
    loss = keras_loss(name, from_logits=False)
    loss.reduction = None
    expected = np.asarray(loss(form_of(name, kind)(y), given))
    np.testing.assert_allclose(objective.losses(y, logits), expected, rtol=1e-4, atol=1e-5)
    weights = np.arange(7, dtype=np.float32)
    np.testing.assert_allclose(objective.losses(y, logits, weights), expected * weights, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(objective.total_loss(y, logits), expected.mean(), rtol=1e-5, atol=1e-6)
    if "hinge" not in name:
        np.testing.assert_allclose(objective.losses_of_predictions(y, given), expected, rtol=1e-5, atol=1e-6)


@cache
def plain_fit(name: str, kind: str, folder: Path, *, whole: bool) -> Any:
    """Train by plain Keras, once for all trainers."""
    one, logits = KINDS[kind], "crossentropy" in name
    dataset = made_rows(folder, one.outputs, one.task, whole=whole)
    activation = "linear" if logits else activation_of(name, kind)
    loss = keras_loss(name, from_logits=logits)
    return fitted(dataset, configuration(), loss, activation, form_of(name, kind))


@pytest.mark.parametrize(
    ("name", "kind", "trainer"),
    [
        pytest.param(*case, marks=[] if case in QUICK else pytest.mark.long)
        for case in ((*case, trainer) for case in CASES for trainer in ("compiled", "structure", "fit"))
    ],
)
def test_training_by_a_loss_is_that_of_keras(name: str, kind: str, trainer: str, folder: Path) -> None:
    one, whole = KINDS[kind], (name, kind, trainer) not in QUICK
    own = configuration(loss={name: ARGUMENTS[name]} if name in ARGUMENTS else name)
    dataset = made_rows(folder, one.outputs, one.task, whole=whole)
    check_alike(trained(TRAINERS[trainer](dataset), own), plain_fit(name, kind, folder, whole=whole))


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "kind", "weights", "trainer"),
    [
        (*case, weights, trainer)
        for case in CASES
        for weights, trainer in (("rows", "compiled"), ("classes", "structure"))
        if weights == "rows" or case[1] in (TWO_CLASSES, CLASSES)
    ],
)
def test_training_by_a_weighted_loss_is_that_of_keras(
    name: str, kind: str, weights: str, trainer: str, folder: Path
) -> None:
    one, rows = KINDS[kind], weights == "rows"
    dataset = made_rows(folder, one.outputs, one.task, weighted=rows, whole=True)
    given = {} if rows else {"class_weight": {"1": 3.0}}
    own = configuration(loss={name: ARGUMENTS[name]} if name in ARGUMENTS else name, **given)
    logits = "crossentropy" in name
    activation = "linear" if logits else activation_of(name, kind)
    arguments: dict[str, Any] = {"sample_weight": dataset.splits[0].train.weights}
    if not rows:
        arguments = {"class_weight": {number: 3.0 if number == 1 else 1.0 for number in range(one.outputs)}}
    loss = keras_loss(name, from_logits=logits)
    plain = fitted(dataset, configuration(), loss, activation, form_of(name, kind), **arguments)
    check_alike(trained(TRAINERS[trainer](dataset), own), plain)


def test_every_loss_of_the_study_file_is_an_object_of_keras() -> None:
    assert list(OBJECTS) == list(LOSSES)
    for name, kind in LOSSES.items():
        assert OBJECTS[name] is getattr(keras.losses, kind.__name__)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("poisson", REGRESSION),
        pytest.param("hinge", TWO_CLASSES, marks=pytest.mark.long),
        pytest.param("huber", LABELS, marks=pytest.mark.long),
    ],
)
def test_an_exported_model_is_compiled_with_the_loss_where_it_can(name: str, kind: str, folder: Path) -> None:
    one = KINDS[kind]
    dataset = made_rows(folder, one.outputs, one.task)
    split = dataset.splits[0]
    trainer = TRAINERS["fit"](dataset)
    config = configuration(loss=name)
    report, weights = trained(trainer, config)
    objective = trainer.objective_of(config, split)
    model = export_model(config, dataset.features, objective, split.scaling, weights, 0)
    rows = split.validation
    given = model.predict(rows.x, verbose=0)
    if name == "hinge":
        assert model.loss is None
    else:
        told = model.evaluate(rows.x, one.form(rows.y), verbose=0, return_dict=True)
        assert told["loss"] == pytest.approx(
            float(np.mean(objective.losses_of_predictions(rows.y, given))), rel=1e-5
        )
    if name == "poisson":
        assert (given > 0).all()
        assert report[-1].metrics["val_loss"] == pytest.approx(told["loss"], rel=1e-5)


def test_a_model_is_not_saved_with_a_loss_that_would_be_loaded_as_another(folder: Path) -> None:
    dataset = made_rows(folder, 1, "regression")

    def exported_loss(loss: Any) -> Any:
        config = configuration(loss=loss)
        return TRAINERS["fit"](dataset).objective_of(config, dataset.splits[0]).exported_loss

    assert exported_loss({"huber": {"delta": 0.25}}) is None
    for name in (name for name, kind in LOSSES.items() if REGRESSION in getattr(kind, "tasks", ())):
        assert exported_loss(name) is not None, name


OWN = """
import keras


def net(features, outputs):
    rows = keras.Input(features)
    return keras.Model(rows, keras.layers.Dense(outputs)(rows))


def cubed(y_true, y_pred):
    return keras.ops.abs(y_true - y_pred) ** 3
"""


def test_a_function_of_the_models_file_is_a_loss(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "net.py").write_text(OWN, encoding="utf-8")
    dataset = made_rows(folder, 1, "regression")
    model = {"python": {"file": "net.py", "function": "net"}}
    training = {"epochs": EPOCHS, "batch_size": 16, "learning_rate": 0.05, "loss": {"python": "cubed"}}
    raw = {"name": "own", "data": {"sklearn": "diabetes"}, "model": model, "training": training}
    spec = StudySpec.model_validate(raw)
    sources = sources_of(spec, ModelFiles(tmp_path), dataset)
    config = read_configuration({"model": model, "training": training})
    reports, weights = trained(KerasModelTrainer(dataset, sources=sources), config)
    rows = dataset.splits[0].validation
    bias, kernel = sorted(weights.values(), key=np.ndim)
    expected = np.mean(np.abs(rows.y - (rows.x @ kernel + bias)[:, 0]) ** 3)
    assert reports[-1].metrics["val_loss"] == pytest.approx(float(expected), rel=1e-5)
    assert reports[1].metrics["loss"] < reports[0].metrics["loss"]
    wrong = StudySpec.model_validate({**raw, "training": {**training, "loss": {"python": "cubes"}}})
    with pytest.raises(ModelCodeError, match=r"no function 'cubes' \(did you mean 'cubed'\?\)"):
        sources_of(wrong, ModelFiles(tmp_path), dataset)


def test_the_level_of_chance_is_that_of_the_loss(folder: Path) -> None:
    """By the absolute error it is the median, by the squared one the mean; of classes by a known constant."""
    dataset = made_rows(folder, 1, "regression")
    train, rows = dataset.splits[0].train, dataset.splits[0].validation
    by_mae = chance_in(dataset, "val_loss", Objective("regression", 1, study_loss("mean_absolute_error")))
    assert by_mae.constant == "the median"
    assert by_mae.value == pytest.approx(float(np.abs(rows.y - np.median(train.y)).mean()), rel=1e-5)
    dataset = made_rows(folder, 3)
    train, rows = dataset.splits[0].train, dataset.splits[0].validation
    loss = Objective("classification", 3, study_loss("mean_squared_error"))
    shares = np.bincount(train.y) / len(train)
    expected = np.square(np.eye(3)[rows.y] - shares).mean()
    assert chance_in(dataset, "val_loss", loss).value == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.long
def test_a_study_of_losses_below_zero_ends_and_finds_nothing_wrong(tmp_path: Path) -> None:
    """Intervals are not cut at 0, and no loss is said to explode because it is not 10 times chance."""
    study = {
        **STUDY,
        "training": {**STUDY["training"], "loss": "cosine_similarity", "epochs": 8},
        "search": {"trials": 3},
        "confirm": {"finalists": 2, "replicates": 3, "share": 9.0},
    }
    succeed_here("optimize", write_study(tmp_path / "a.yaml", study), cwd=tmp_path)
    best = json.loads(succeed_here("best", "a", "--format", "json", cwd=tmp_path).stdout)
    estimate = best["confirmation"]["conclusion"]["standings"][0]["estimate"]
    assert estimate["low"] < estimate["mean"] < estimate["high"] < 0
    report = json.loads(succeed_here("report", "a", "--format", "json", cwd=tmp_path).stdout)
    assert not {one["kind"] for one in report["search"]["judgement"]["findings"]} & {
        "exploding loss",
        "did not learn",
    }
