"""Networks on transformed targets, against plain Keras on targets that are transformed by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.data import Dataset, load_dataset
from hpsearch.data.readers.arrays import given_arrays, write_arrays
from hpsearch.models.model import export_model
from hpsearch.models.predictions import both_of, predictions_of
from hpsearch.models.saved import load_stock
from hpsearch.spec import Data
from hpsearch.training.messages import Member
from support.plain_fit import EPOCHS, RELATIVE, SEED, TRAINERS, configuration, fitted, trained

pytestmark = pytest.mark.long

TRANSFORMS: dict[str, Any] = {
    "standard": "standard",
    "clamped": "standard",
    "log": "log",
    "power": "power",
}


@cache
def rows(folder: Path, transform: str = "none", targets: int = 1) -> Dataset:
    """Make prices of houses, in the thousands and skewed."""
    generator = np.random.default_rng(7)
    x = generator.normal(size=(60, 3)).astype(np.float32)
    y = 40_000 * np.exp(x[:, :targets] + 0.1 * generator.normal(size=(60, targets)))
    place = folder / str(targets)
    write_arrays(place, given_arrays({"x": x, "y": y[:, 0] if targets == 1 else y * [1, 1e-3][:targets]}))
    data = {"arrays": str(place), "validation": 15, "clamp": transform == "clamped"}
    data["target_transform"] = TRANSFORMS.get(transform, transform)
    return load_dataset(Data.model_validate(data), Path())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("houses")


def by_hand(dataset: Dataset) -> Dataset:
    """Standardize the targets of the first split by hand."""
    split = dataset.splits[0]
    mean, deviation = split.train.y.mean(axis=0), split.train.y.std(axis=0)
    parts = {
        name: replace(part, y=((part.y - mean) / deviation).astype(np.float32))
        for name, part in (("train", split.train), ("validation", split.validation))
    }
    return replace(dataset, splits=(replace(split, **parts),))


class TestStandardizedTargets:
    @pytest.mark.parametrize("name", list(TRAINERS))
    @pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
    def test_equal_plain_keras_on_targets_standardized_by_hand(
        self, folder: Path, name: str, loss: str
    ) -> None:
        dataset, config = rows(folder, "standard"), configuration(loss=loss)
        reports, weights = trained(TRAINERS[name](dataset), config)
        kind = {"mse": keras.losses.MeanSquaredError, "mae": keras.losses.MeanAbsoluteError}.get(
            loss, keras.losses.Huber
        )
        told, expected = fitted(by_hand(rows(folder)), config, kind())
        for weight, value in expected.items():
            np.testing.assert_allclose(weights[weight], value, rtol=10 * RELATIVE, atol=2e-6)
        unit = dataset.splits[0].train.y.std(dtype=np.float64) ** (1 if loss == "mae" else 2)
        for report, plain in zip(reports, told, strict=True):
            for key, value in plain.items():
                assert report.metrics[key] == pytest.approx(value * unit, rel=5 * RELATIVE)


@pytest.mark.parametrize("name", list(TRAINERS))
@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("transform", list(TRANSFORMS))
def test_what_is_told_is_in_the_units_of_the_targets(
    folder: Path, name: str, transform: str, targets: int
) -> None:
    dataset = rows(folder, transform, targets)
    split, config = dataset.splits[0], configuration()
    trainer = TRAINERS[name](dataset)
    trainer.start(Member(0, config, SEED))
    for _ in range(EPOCHS):
        metrics = trainer.advance(0).metrics
    objective = trainer.objective_of(config, split)
    model = export_model(config, dataset.features, objective, split.scaling, trainer.weights(0))
    given = predictions_of(model, split.validation.x)
    y = split.validation.y.reshape(given.shape).astype(np.float64)
    assert metrics["val_loss"] == pytest.approx(np.square(given - y).mean(), rel=1e-4)
    assert metrics["val_mae"] == pytest.approx(np.abs(given - y).mean(), rel=1e-4)
    told = model.evaluate(split.validation.x, split.validation.y, verbose=0)
    assert told[0] == pytest.approx(metrics["val_loss"], rel=1e-4)
    logits, both = both_of(model, split.validation.x)
    np.testing.assert_array_equal(both, given)
    losses = np.asarray(objective.losses(split.aimed(split.validation).y, logits))
    assert losses.mean() == pytest.approx(metrics["val_loss"], rel=1e-4)
    if transform == "clamped":
        assert given.max() <= split.train.y.max() * (1 + 1e-6)


@pytest.mark.parametrize("transform", list(TRANSFORMS))
def test_a_saved_model_is_of_stock_layers_and_predicts_alike(
    folder: Path, transform: str, tmp_path: Path
) -> None:
    dataset = rows(folder, transform)
    split, config = dataset.splits[0], configuration()
    trainer = TRAINERS["compiled"](dataset)
    trainer.start(Member(0, config, SEED))
    trainer.advance(0)
    model = export_model(
        config, dataset.features, trainer.objective_of(config, split), split.scaling, trainer.weights(0)
    )
    model.save(tmp_path / "best.keras")
    again = load_stock(tmp_path / "best.keras")
    x = split.validation.x
    np.testing.assert_array_equal(predictions_of(again, x), predictions_of(model, x))
