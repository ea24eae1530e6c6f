"""Batches that are larger than the training set, in everything that counts steps or rows."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.data import Dataset, load_dataset
from hpsearch.engines.policy.probes import training_seconds
from hpsearch.models.model import initial_weights
from hpsearch.scheduling.pruners import longest_run
from hpsearch.seeds import derive
from hpsearch.spec import Configuration, Data, StudySpec
from hpsearch.spec.sections.study import read_configuration
from hpsearch.training.compiled import CompiledTrainer
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.interface import epoch_order
from hpsearch.training.messages import Member, RefitRun
from hpsearch.training.refit import refit_length, refit_slot
from hpsearch.training.schedules import run_length
from support.commands import ended, succeed_here, write_study

pytestmark = pytest.mark.slow

SEED = 5


@cache
def folded() -> Dataset:
    """Give folds of 112 and of 113 training rows."""
    return load_dataset(Data.model_validate({"sklearn": "iris", "validation": {"folds": 4}}), Path())


def configuration(batch: int, epochs: int = 2) -> Configuration:
    training = {"optimizer": "sgd", "learning_rate": 0.05, "batch_size": batch, "epochs": epochs}
    return read_configuration({"model": {"mlp": {"hidden": [5]}}, "training": training})


def by_plain_keras(config: Configuration, dataset: Dataset, fold: int, epochs: int) -> list[Any]:
    """Train one fold by Keras' `fit`; gives its weights."""
    rows = dataset.splits[fold].train
    model = keras.Sequential(
        [
            keras.Input(dataset.features),
            keras.layers.Dense(5, "relu", name="hidden_1"),
            keras.layers.Dense(3, name="output"),
        ]
    )
    start = initial_weights(config, dataset.features, FitTrainer(dataset).objective, SEED)
    for layer in model.layers:
        layer.set_weights([start[f"{layer.name}/{variable.name}"] for variable in layer.weights])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss=loss)
    seed = derive(SEED, "fold", fold) if fold else SEED
    for epoch in range(1, epochs + 1):
        order = epoch_order(seed, epoch, len(rows))
        size = config.training.batch_size
        model.fit(rows.x[order], rows.y[order], batch_size=size, shuffle=False, verbose=0)
    return list(model.get_weights())


NAMES = ("hidden_1/kernel", "hidden_1/bias", "output/kernel", "output/bias")


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("batch", [113, 120, 10**6])
def test_folds_of_different_sizes_train_as_by_fit(batch: int, width: int) -> None:
    config, dataset = configuration(batch), folded()
    assert sorted({len(split.train) for split in dataset.splits}) == [112, 113]
    trainer = CompiledTrainer(dataset, width=width)
    trainer.start(Member(0, config, SEED))
    reports = [trainer.advance(0) for _ in range(2)]
    assert [report.failure for report in reports] == [None, None]
    assert reports[-1].last
    for fold in range(4):
        weights = trainer.weights(0, fold)
        expected = by_plain_keras(config, dataset, fold, epochs=2)
        for name, value in zip(NAMES, expected, strict=True):
            np.testing.assert_allclose(weights[name], value, rtol=1e-4, atol=1e-6, err_msg=name)


def test_a_batch_of_all_rows_and_a_larger_one_are_the_same_run() -> None:
    dataset = load_dataset(Data.model_validate({"sklearn": "iris"}), Path())
    found = []
    for batch in (120, 121, 4096):
        trainer = CompiledTrainer(dataset, probes=True)
        trainer.start(Member(0, configuration(batch, epochs=3), SEED))
        reports = [trainer.advance(0) for _ in range(3)]
        assert all(report.probe is not None for report in reports)
        found.append([dict(report.metrics) for report in reports])
    assert found[0] == found[1] == found[2]


def test_what_diverges_in_a_batch_above_the_rows_is_found_where_it_breaks() -> None:
    dataset = load_dataset(Data.model_validate({"sklearn": "iris"}), Path())
    raw = {"optimizer": "sgd", "learning_rate": 1e30, "batch_size": 500, "epochs": 3}
    config = read_configuration({"model": {"mlp": {"hidden": [5], "activation": "elu"}}, "training": raw})
    trainer = CompiledTrainer(dataset)
    trainer.start(Member(0, config, SEED))
    failures = [trainer.advance(0).failure for _ in range(2)]
    failure = next(failure for failure in failures if failure is not None)
    assert "finite" in failure.cause
    assert failure.layer is not None


@pytest.mark.parametrize("batch", [121, 150, 10**6])
def test_a_refit_counts_its_steps(batch: int) -> None:
    """120 training rows become 150: a batch of 121 takes two steps an epoch then."""
    dataset = load_dataset(Data.model_validate({"sklearn": "iris"}), Path())
    training = configuration(batch).training
    assert (run_length(training, 120).steps_per_epoch, run_length(training, 120).steps) == (1, 2)
    refit = refit_length(training, 120, 150)
    steps = math.ceil(150 / batch)
    assert (refit.steps_per_epoch, refit.steps) == (steps, 2 * steps)
    trainer = CompiledTrainer(dataset)
    trainer.take(refit_slot(trainer, Member(0, configuration(batch), SEED), dataset, RefitRun(2)))
    assert [trainer.advance(0).last for _ in range(2)] == [False, True]


def test_rules_on_a_study_count_no_rows_that_are_not_there() -> None:
    dataset = load_dataset(Data.model_validate({"sklearn": "iris"}), Path())

    def spec(batch: Any) -> StudySpec:
        training = {"steps": 50, "batch_size": batch}
        return StudySpec.model_validate(
            {"name": "a", "data": "sklearn:iris", "model": {"mlp": {"hidden": [4]}}, "training": training}
        )

    assert training_seconds(spec(10**6), dataset) == training_seconds(spec(120), dataset)
    assert longest_run(spec(10**6), 120) == longest_run(spec(120), 120) == 50


@pytest.mark.long
def test_a_search_over_batch_sizes_above_the_rows_is_whole(tmp_path: Path) -> None:
    study = {
        "name": "a",
        "data": {"sklearn": "iris", "validation": {"folds": 4}},
        "model": {"mlp": {"hidden": [4]}},
        "training": {"batch_size": {"choice": [32, 256]}, "epochs": 2, "schedule": "cosine"},
        "search": {"trials": 2, "sampler": "grid"},
        "confirm": "none",
    }
    succeed_here("optimize", write_study(tmp_path / "a.yaml", study), cwd=tmp_path)
    assert [end["state"] for end in ended(tmp_path / "runs" / "a").values()] == ["complete", "complete"]
