"""A winner on training and validation rows together is trained as plain Keras trains on all rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from hpsearch.data import Dataset, RawData, load_raw_data
from hpsearch.models.model import initial_weights
from hpsearch.spec import Data
from hpsearch.spec.sections.study import read_configuration
from hpsearch.training.compiled import CompiledTrainer
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.interface import epoch_order
from hpsearch.training.messages import Member, RefitRun
from hpsearch.training.refit import RefitSlot, refit_length, refit_slot
from hpsearch.training.schedules import run_length
from hpsearch.training.trainer import Trainer

pytestmark = pytest.mark.slow

SEED, EPOCHS, BATCH, RATE = 7, 6, 32, 0.05
STOP = 4
"""The epoch after which the winner is done, before its schedule is."""

MAKERS: dict[str, Callable[[Dataset], Trainer]] = {
    "fit": FitTrainer,
    "streamed": lambda dataset: FitTrainer(dataset, stream=True),
    "compiled": CompiledTrainer,
    "side by side": lambda dataset: CompiledTrainer(dataset, width=2),
}


@cache
def raw_data() -> RawData:
    return load_raw_data(Data.model_validate({"sklearn": "iris", "standardize": True}), Path())


def member(schedule: Any = "constant") -> Member:
    training = {"optimizer": {"sgd": {"momentum": 0.9}}, "learning_rate": RATE, "schedule": schedule}
    raw = {
        "model": {"mlp": {"hidden": [6], "activation": "tanh", "dropout": 0.0}},
        "training": {**training, "epochs": EPOCHS, "batch_size": BATCH},
    }
    return Member(0, read_configuration(raw), SEED, split="whole")


def refitted(trainer: Trainer, one: Member, run: RefitRun) -> dict[str, Any]:
    slot = refit_slot(trainer, one, raw_data().combined(), run)
    trainer.take(slot)
    reports = [trainer.advance(one.number) for _ in range(run.epochs)]
    assert [report.last for report in reports] == [False] * (run.epochs - 1) + [True]
    assert all(report.failure is None for report in reports)
    assert not any(name.startswith("val_") for report in reports for name in report.metrics)
    return trainer.best_weights(one.number) or {}


def plain(one: Member, rates: Any, epochs: int = STOP) -> dict[str, Any]:
    """Train by Keras alone on every row of iris; `rates` is a schedule, or the rate of each epoch."""
    rows, y = load_iris(return_X_y=True)
    x = StandardScaler().fit_transform(rows).astype(np.float32)
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(6, activation="tanh"), keras.layers.Dense(3)]
    )
    first = initial_weights(one.configuration, (4,), FitTrainer(raw_data().own()).objective, SEED)
    names = ("hidden_1/kernel", "hidden_1/bias", "output/kernel", "output/bias")
    model.set_weights([first[name] for name in names])
    rate = rates if isinstance(rates, keras.optimizers.schedules.LearningRateSchedule) else RATE
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), loss)
    for epoch in range(1, epochs + 1):
        if isinstance(rates, list):
            model.optimizer.learning_rate = rates[epoch - 1]
        order = epoch_order(SEED, epoch, 150)
        model.fit(x[order], y[order], batch_size=BATCH, shuffle=False, verbose=0)
    return dict(zip(names, model.get_weights(), strict=True))


def assert_close(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=2e-4, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("maker", MAKERS)
def test_all_rows_are_trained_as_keras_does_and_the_schedule_is_stretched(maker: str) -> None:
    one = member("cosine")
    steps = EPOCHS * math.ceil(150 / BATCH)
    expected = plain(one, keras.optimizers.schedules.CosineDecay(RATE, steps))
    assert_close(refitted(MAKERS[maker](raw_data().own()), one, RefitRun(STOP)), expected)


def test_the_steps_of_a_plateau_are_taken_in_their_epochs() -> None:
    one = member({"reduce_on_plateau": {"patience": 1}})
    run = RefitRun(STOP, ((2, 0.5), (4, 0.1)))
    expected = plain(one, [RATE, 0.5 * RATE, 0.5 * RATE, 0.1 * RATE])
    assert_close(refitted(CompiledTrainer(raw_data().own()), one, run), expected)


@pytest.mark.parametrize("maker", ["fit", "compiled"])
def test_from_a_state_it_goes_on_to_the_same_bits(maker: str) -> None:
    one, run = member("cosine"), RefitRun(STOP)
    whole = refitted(MAKERS[maker](raw_data().own()), one, run)
    first, second = (MAKERS[maker](raw_data().own()) for _ in range(2))
    first.take(refit_slot(first, one, raw_data().combined(), run))
    first.advance(0)
    first.advance(0)
    second.take(refit_slot(second, one, raw_data().combined(), run), first.state(0))
    second.advance(0)
    assert second.advance(0).last
    found = second.best_weights(0) or {}
    for name, array in whole.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_one_that_diverges_says_where() -> None:
    raw = member().configuration.dump()
    raw["training"]["learning_rate"] = 1e30
    raw["model"]["mlp"]["activation"] = "relu"
    one = Member(0, read_configuration(raw), SEED, split="whole")
    trainer = CompiledTrainer(raw_data().own())
    slot = refit_slot(trainer, one, raw_data().combined(), RefitRun(EPOCHS))
    assert isinstance(slot, RefitSlot)
    trainer.take(slot)
    failure = next(r.failure for r in (trainer.advance(0) for _ in range(EPOCHS)) if r.failure)
    assert "the training loss is not finite (epoch" in failure.told


@pytest.mark.parametrize("given", [{"epochs": 5}, {"steps": 14}, {"steps": 15}, {"steps": 1}])
def test_a_run_on_more_rows_has_as_many_epochs(given: dict[str, int]) -> None:
    raw = member().configuration.dump()
    del raw["training"]["epochs"]
    raw["training"] |= {"batch_size": 40, "steps": None, **given}
    training = read_configuration(raw).training
    before, after = run_length(training, 120), refit_length(training, 120, 150)
    assert (before.steps_per_epoch, after.steps_per_epoch) == (3, 4)
    assert after.epochs == before.epochs
    for epoch in range(1, before.epochs + 1):
        # As far in its schedule at the end of each epoch, but for what is less than a step.
        done = [min(epoch * length.steps_per_epoch, length.steps) for length in (before, after)]
        assert abs(done[0] / before.steps - done[1] / after.steps) < 1 / before.steps
