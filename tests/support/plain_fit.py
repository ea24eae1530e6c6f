"""The epochs of a trainer, by Keras' own `fit` on rows of classes, labels or quantities."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.data import Dataset, load_dataset
from hpsearch.data.readers.arrays import given_arrays, write_arrays
from hpsearch.models.weights import weights_of
from hpsearch.spec import Configuration, Data, read_configuration
from hpsearch.training.compiled import CompiledTrainer
from hpsearch.training.compiled.keras_model.trainer import KerasModelTrainer
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.interface import epoch_order
from hpsearch.training.messages import EpochReport, Member
from hpsearch.training.trainer import Trainer

SEED, ROWS, BATCH, EPOCHS = 5, 60, 16, 2
RELATIVE = 2e-5
"""Programs add numbers of 32 bits in another order than plain Keras may."""

TRAINERS: dict[str, Any] = {
    "compiled": CompiledTrainer,
    "cohort": lambda dataset: CompiledTrainer(dataset, width=2),
    "structure": KerasModelTrainer,
    "fit": FitTrainer,
    "streamed": lambda dataset: FitTrainer(dataset, stream=True),
}


@cache
def made_rows(
    folder: Path, outputs: int, task: str = "auto", *, weighted: bool = False, whole: bool = False
) -> Dataset:
    """Make rows of uneven classes, of labels, or of positive quantities where `outputs` is at most 1.

    With `whole` the last batch is as large as the others, so that a program has one step to be compiled.
    """
    generator, count = np.random.default_rng(outputs), ROWS + 3 if whole else ROWS
    x = generator.normal(size=(count, 3)).astype(np.float32)
    if task == "multilabel":
        y: Any = (x[:, :outputs] + generator.normal(size=(count, outputs)) > 0).astype(np.int32)
    elif outputs > 1:
        y = np.minimum(np.arange(count) % (2 * outputs - 1), outputs - 1)
    else:
        y = np.exp(x[:, 0])
    arrays = {"x": x, "y": y}
    if weighted:
        arrays["sample_weight"] = generator.uniform(0, 3, count)
    place = folder / f"{task}{outputs}{weighted}{whole}"
    write_arrays(place, given_arrays(arrays))
    data = {"arrays": str(place), "validation": 15, "task": task}
    return load_dataset(Data.model_validate(data), Path())


def configuration(**training: Any) -> Configuration:
    training = {"epochs": EPOCHS, "batch_size": BATCH, "learning_rate": 0.05, **training}
    return read_configuration({"model": {"mlp": {"hidden": [5], "l2": 0.01}}, "training": training})


def trained(trainer: Trainer, config: Configuration) -> tuple[list[EpochReport], dict[str, Any]]:
    trainer.start(Member(0, config, SEED))
    reports = [trainer.advance(0) for _ in range(EPOCHS)]
    return reports, trainer.weights(0)


def fitted(
    dataset: Dataset,
    config: Configuration,
    loss: Any,
    activation: str = "linear",
    form: Callable[[Any], Any] = np.asarray,
    **weights: Any,
) -> tuple[list[dict[str, float]], dict[str, Any]]:
    """Train the epochs of a configuration by plain Keras.

    Args:
        dataset: The rows.
        config: The configuration, whose loss and class weights are not looked at.
        loss: Keras' loss.
        activation: That between the output layer and the loss.
        form: What makes the loss's targets of those of the data.
        weights: `sample_weight` or `class_weight` of `fit`.
    """
    bare = read_configuration({"model": config.model.dump(), "training": {"epochs": EPOCHS}})
    network: Any = FitTrainer(dataset).network(Member(0, bare, SEED), dataset.splits[0])
    split = dataset.splits[0]
    model = keras.Sequential([network.model, keras.layers.Activation(activation)])
    optimizer = keras.optimizers.Adam(config.training.learning_rate)
    model.compile(optimizer=optimizer, loss=loss, weighted_metrics=[])
    told = []
    for epoch in range(1, EPOCHS + 1):
        order = epoch_order(SEED, epoch, len(split.train))
        given = {name: value[order] if name == "sample_weight" else value for name, value in weights.items()}
        x, y = split.train.x[order], form(split.train.y[order])
        history = model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0, **given).history
        rows = split.validation
        total = model.evaluate(rows.x, form(rows.y), sample_weight=rows.weights, verbose=0)
        told.append({"loss_with_penalties": history["loss"][0], "val_loss_with_penalties": total})
    return told, weights_of(network.model)


def check_alike(
    found: tuple[list[EpochReport], dict[str, Any]], plain: tuple[list[dict[str, float]], dict[str, Any]]
) -> None:
    """Hold what a trainer reports, and its weights, against plain Keras."""
    for report, numbers in zip(found[0], plain[0], strict=True):
        for key, value in numbers.items():
            assert report.metrics[key] == pytest.approx(value, rel=RELATIVE)
        assert report.metrics["val_loss"] < report.metrics["val_loss_with_penalties"]
    for weight, expected in plain[1].items():
        np.testing.assert_allclose(found[1][weight], expected, rtol=10 * RELATIVE, atol=2e-6)


def column(y: Any) -> Any:
    """Return targets of one output unit as its loss takes them."""
    return np.asarray(y, np.float32).reshape(-1, 1)
