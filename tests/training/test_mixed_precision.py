"""Layers that compute in 16 bits, against Keras' own `fit` under the same policy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.datasets import load_wine

import hpsearch
from hpsearch.exceptions import StudyFileError, UnsupportedError
from hpsearch.models.model import export_model
from hpsearch.models.predictions import predictions_of
from hpsearch.models.saved import load_stock
from hpsearch.study.script.script import study_script
from hpsearch.training.messages import Member
from support.plain_fit import EPOCHS, SEED, TRAINERS, configuration, made_rows, trained

POLICY = "mixed_bfloat16"


def by_keras(dataset: Any, first: dict[str, Any], batches: Any) -> keras.Model:
    """Train the network of `configuration()` as Keras does under the policy."""
    keras.config.set_dtype_policy(POLICY)
    try:
        model = keras.Sequential(
            [
                keras.Input((3,)),
                keras.layers.Dense(5, kernel_regularizer=keras.regularizers.L2(0.01), activation="relu"),
                keras.layers.Dense(3),
                keras.layers.Activation("linear", dtype="float32"),
            ]
        )
    finally:
        keras.config.set_dtype_policy("float32")
    model.layers[0].set_weights([first["hidden_1/kernel"], first["hidden_1/bias"]])
    model.layers[1].set_weights([first["output/kernel"], first["output/bias"]])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.05), loss)
    rows = dataset.splits[0].train
    for order in batches:
        model.fit(rows.x[order], rows.y[order], batch_size=16, shuffle=False, verbose=0)
    return model


@pytest.mark.long
@pytest.mark.parametrize("name", ["fit", "structure"])
def test_training_is_that_of_keras_under_the_policy(name: str, tmp_path: Path) -> None:
    from hpsearch.training.interface import epoch_order

    dataset, config = made_rows(tmp_path, 3), configuration(precision=POLICY)
    split = dataset.splits[0]
    trainer = TRAINERS[name](dataset)
    trainer.start(Member(0, config, SEED))
    first = trainer.weights(0)
    assert {str(value.dtype) for value in first.values()} == {"float32"}
    reports = [trainer.advance(0) for _ in range(EPOCHS)]
    orders = [epoch_order(SEED, epoch, len(split.train)) for epoch in range(1, EPOCHS + 1)]
    plain = by_keras(dataset, first, orders)
    found = trainer.weights(0)
    np.testing.assert_allclose(found["hidden_1/kernel"], plain.layers[0].get_weights()[0], atol=1e-6)
    np.testing.assert_allclose(found["output/kernel"], plain.layers[1].get_weights()[0], atol=1e-6)
    assert keras.config.dtype_policy().name == "float32"

    precise, _ = trained(TRAINERS[name](dataset), replace(config, training=configuration().training))
    ours, theirs = (one[-1].metrics["val_loss"] for one in (reports, precise))
    assert ours == pytest.approx(theirs, rel=0.1)
    assert abs(ours - theirs) > 1e-6 * theirs

    objective = trainer.objective_of(config, split)
    model = export_model(config, dataset.features, objective, split.scaling, found)
    given = predictions_of(model, split.validation.x)
    logits = plain.predict(split.validation.x, verbose=0)
    np.testing.assert_allclose(given, np.asarray(keras.ops.softmax(logits)), atol=1e-6)
    model.save(tmp_path / "best.keras")
    np.testing.assert_array_equal(
        predictions_of(load_stock(tmp_path / "best.keras"), split.validation.x), given
    )


@pytest.mark.long
def test_words_keep_their_numbers(tmp_path: Path) -> None:
    """A number of 16 bits has no 1,001: tokens must not become such."""
    tokens = np.array([[257.0, 1_001.0], [256.0, 1_000.0]] * 40, np.float32)
    study = {
        "name": "words",
        "model": {"sequential": [{"embedding": {"input_dim": 1_100, "output_dim": 4}}, "flatten"]},
        "training": {"epochs": 12, "precision": POLICY, "learning_rate": 0.1},
        "search": {"trials": 1, "metric": "val_accuracy"},
        "confirm": "none",
        "baseline": "off",
    }
    rows = tokens, np.arange(80) % 2
    found = hpsearch.optimize(study, rows, out=tmp_path, engine="in_process", progress=False)
    assert found.best is not None
    assert found.best.value == 1.0


@pytest.mark.long
def test_a_study_searches_it(tmp_path: Path) -> None:
    x, y = load_wine(return_X_y=True)
    study = {
        "name": "wine",
        "data": {"standardize": True},
        "model": {"mlp": {"hidden": [8], "dropout": 0.1}},
        "training": {"epochs": 3, "precision": {"choice": ["float32", POLICY]}},
        "search": {"trials": 2, "sampler": "grid"},
        "confirm": "none",
        "baseline": "off",
    }
    found = hpsearch.optimize(study, (x, y), out=tmp_path, engine="in_process", progress=False)
    assert {trial.parameters["precision"] for trial in found.record.trials} == {"float32", POLICY}
    assert len({trial.value for trial in found.record.trials}) == 2
    assert found.best is not None
    policies = {layer.dtype_policy.name for layer in found.best.model().layers if layer.name == "hidden_1"}
    assert policies == {found.best.parameters["precision"]}
    with pytest.raises(UnsupportedError, match=f"compute in {found.best.parameters['precision']}"):
        study_script(found.files)


def test_it_is_refused_beside_a_model_that_computes_as_it_was_saved(tmp_path: Path) -> None:
    study = {
        "name": "a",
        "data": "sklearn:iris",
        "model": {"pretrained": {"donor": "old.keras"}},
        "training": {"epochs": 1, "precision": POLICY},
    }
    with pytest.raises(StudyFileError, match=r"training.precision: expected nothing beside a pretrained"):
        hpsearch.optimize(study, out=tmp_path, progress=False)
