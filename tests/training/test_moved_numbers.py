"""Schedules of dropout and weight decay, and biases without decay, against plain Keras."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.data import Dataset, load_dataset
from hpsearch.engines.messages import Job
from hpsearch.engines.session.open import trainer_of
from hpsearch.models.components.objectives import Objective
from hpsearch.models.model import initial_weights
from hpsearch.spec import Data, StudySpec, read_configuration
from hpsearch.training.compiled.keras_model.trainer import KerasModelTrainer
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.interface import epoch_order
from hpsearch.training.messages import Member
from hpsearch.training.trainer import Trainer

pytestmark = pytest.mark.slow

EPOCHS = 3
TRAINING = {"epochs": EPOCHS, "batch_size": 50, "learning_rate": 0.1}


@cache
def iris() -> Dataset:
    return load_dataset(Data.model_validate({"sklearn": "iris", "standardize": True}), Path())


def raw(model: dict[str, Any], **training: Any) -> dict[str, Any]:
    return {"model": {"mlp": {"hidden": [6], **model}}, "training": {**TRAINING, **training}}


def weights(trainer: Trainer, made: dict[str, Any]) -> dict[str, Any]:
    trainer.start(Member(0, read_configuration(made), 3))
    for _ in range(EPOCHS):
        assert trainer.advance(0).failure is None
    assert trainer.new_notes() == ()
    return {name: array for name, array in trainer.state(0).arrays.items() if "/now/" in name}


def by_hand(made: dict[str, Any], decays: list[float]) -> dict[str, Any]:
    """Train with plain Keras, an epoch a compile, which costs this optimizer nothing that it remembers."""
    dense = keras.layers.Dense
    model = keras.Sequential([keras.Input((4,)), dense(6, "relu", name="hidden_1"), dense(3, name="output")])
    first = initial_weights(read_configuration(made), (4,), Objective("classification", 3), 3)
    model.set_weights(
        [first[f"{layer}/{name}"] for layer in ("hidden_1", "output") for name in ("kernel", "bias")]
    )
    train = iris().splits[0].train
    for epoch, decay in enumerate(decays, 1):
        optimizer = keras.optimizers.SGD(0.1, weight_decay=decay)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        order = epoch_order(3, epoch, len(train))
        model.fit(train.x[order], train.y[order], 50, 1, shuffle=False, verbose=0)
    return {f"{one.path.replace('sequential/', '')}": np.asarray(one) for one in model.weights}


@pytest.mark.parametrize("kind", [KerasModelTrainer, FitTrainer])
def test_weight_decay_moves_with_its_schedule_and_leaves_biases_alone(kind: type[Trainer]) -> None:
    optimizer = {"sgd": {"weight_decay": 0.5}}
    made = raw(
        {}, optimizer=optimizer, weight_decay_schedule={"flat_cosine": {"flat": 0.0}}, decay_biases=False
    )
    shares = [0.5 * (1 + np.cos(np.pi * (epoch + 0.5) / EPOCHS)) for epoch in range(EPOCHS)]
    found, told = weights(kind(iris()), made), by_hand(made, [0.5 * share for share in shares])
    for layer in ("hidden_1", "output"):
        for name in ("kernel", "bias"):
            expected = next(array for path, array in told.items() if path.endswith(f"{layer}/{name}"))
            np.testing.assert_allclose(found[f"0/now/{layer}/{name}"], expected, rtol=1e-5, atol=1e-6)


def test_dropout_moves_alike_in_the_program_and_by_fit_and_changes_no_structure() -> None:
    model = {"dropout": 0.5}
    falling, constant = raw(model, dropout_schedule="flat_cosine"), raw(model, dropout_schedule="none")
    trainer = KerasModelTrainer(iris())
    found = weights(trainer, falling)
    made = trainer.programs.compilations
    trainer.start(Member(1, read_configuration(constant), 3))
    for _ in range(EPOCHS):
        trainer.advance(1)
    assert trainer.programs.compilations == made
    other = trainer.state(1).arrays
    plain = weights(FitTrainer(iris()), falling)
    for name, array in found.items():
        np.testing.assert_allclose(array, plain[name], rtol=1e-5, atol=1e-6)
    assert not np.allclose(found["0/now/hidden_1/kernel"], other["0/now/hidden_1/kernel"], atol=1e-4)


def test_a_study_with_such_schedules_is_trained_as_any_keras_model() -> None:
    spec = {"name": "one", "data": {"sklearn": "iris"}, **raw({}, decay_biases=False)}
    trainer, _ = trainer_of("auto", iris(), StudySpec.model_validate(spec), Job({}, "."))
    assert isinstance(trainer, KerasModelTrainer)
