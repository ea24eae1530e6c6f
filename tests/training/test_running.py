"""Early stopping and the best epoch, as the coordinator judges them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.spec.sections.study import read_configuration
from hpsearch.store.events import Reported
from hpsearch.study.trial import RunningTrial
from hpsearch.training.messages import EpochReport, Member


def trial(metric: str = "val_loss", early: dict[str, Any] | None = None) -> RunningTrial:
    training = {"epochs": 100} if early is None else {"epochs": 100, "early_stopping": early}
    config = read_configuration({"model": {"mlp": {"hidden": [4]}}, "training": training})
    direction: Any = "minimize" if metric == "val_loss" else "maximize"
    return RunningTrial(Member(0, config, 1, metric, direction), {})


def report(running: RunningTrial, epoch: int, value: float | None, **others: float | None) -> None:
    running.apply(Reported(0, epoch, value, {running.member.metric: value, **others}, 0.1))


def epochs_of(running: RunningTrial, curve: list[float]) -> int:
    """Hear a curve and count the epochs until the trial is finished."""
    for epoch, value in enumerate(curve, 1):
        report(running, epoch, value)
        if running.stops_early or epoch == len(curve):
            return epoch
    raise AssertionError("never finished")


class _Model:
    """All that Keras' EarlyStopping wants of a model."""

    def __init__(self) -> None:
        self.stop_training = False
        self.epoch = 0

    def get_weights(self) -> int:
        return self.epoch

    def set_weights(self, weights: int) -> None:
        self.epoch = weights


@pytest.mark.parametrize("metric", ["val_loss", "val_accuracy"])
@pytest.mark.parametrize(("patience", "min_delta"), [(1, 0.0), (2, 0.0), (3, 0.2), (5, 0.05)])
def test_stops_where_keras_stops(metric: str, patience: int, min_delta: float) -> None:
    stopped = 0
    for seed in range(20):
        drift = -0.05 if metric == "val_loss" else 0.05
        curve = np.cumsum(np.random.default_rng(seed).normal(drift, 0.2, 30)).tolist()
        mode = "min" if metric == "val_loss" else "max"
        callback = keras.callbacks.EarlyStopping(metric, patience=patience, min_delta=min_delta, mode=mode)
        model = _Model()
        callback.set_model(model)
        callback.on_train_begin()
        expected = len(curve)
        for epoch, value in enumerate(curve):
            callback.on_epoch_end(epoch, {metric: value})
            if model.stop_training:
                expected = epoch + 1
                break
        running = trial(metric, {"patience": patience, "min_delta": min_delta})
        assert epochs_of(running, curve) == expected
        stopped += expected < len(curve)
        best = (np.argmin if metric == "val_loss" else np.argmax)(curve[:expected])
        assert running.best_epoch == best + 1, "the best epoch knows no min_delta"
        assert running.best_value == curve[best]
    assert stopped >= 10


@pytest.mark.parametrize(
    "settings",
    [
        {"monitor": "loss"},
        {"monitor": "accuracy", "min_delta": 0.1},
        {"monitor": "val_loss_with_penalties", "mode": "max"},
        {"baseline": -0.3},
        {"monitor": "accuracy", "baseline": 0.9},
        {"start_from_epoch": 7},
        {"start_from_epoch": 3, "baseline": 0.2, "monitor": "loss", "min_delta": 0.05},
    ],
)
def test_stops_where_keras_stops_by_another_metric(settings: dict[str, Any]) -> None:
    monitor = settings.get("monitor", "val_loss")
    mode = settings.get("mode", "max" if monitor == "accuracy" else "min")
    stopped = []
    for seed in range(20):
        drift = -0.03 if mode == "min" else 0.03
        seen = np.cumsum(np.random.default_rng(seed).normal(drift, 0.2, 30)).tolist()
        callback = keras.callbacks.EarlyStopping(**{**settings, "monitor": monitor, "mode": mode}, patience=3)
        model = _Model()
        callback.set_model(model)
        callback.on_train_begin()
        running = trial(early={"patience": 3, **settings})
        for epoch, value in enumerate(seen):
            callback.on_epoch_end(epoch, {monitor: value})
            report(running, epoch + 1, *([value] if monitor == "val_loss" else [0.0]), **{monitor: value})
            assert running.stops_early == model.stop_training, (seed, epoch)
            if model.stop_training:
                stopped.append(epoch)
                break
    assert len(stopped) >= 10
    assert running.best_epoch is not None


def test_a_monitored_metric_that_is_not_finite_is_no_improvement() -> None:
    running = trial(early={"patience": 2, "monitor": "loss"})
    report(running, 1, 1.0, loss=None)
    assert not running.stops_early
    report(running, 2, 0.9, loss=None)
    assert running.stops_early
    assert running.best_epoch == 2


def test_without_early_stopping_the_run_is_whole() -> None:
    running = trial()
    assert epochs_of(running, [1.0, *[2.0] * 30]) == 31
    assert (running.best_value, running.best_epoch) == (1.0, 1)
    assert running.seconds == pytest.approx(3.1)


def test_of_equal_epochs_the_first_is_the_best() -> None:
    running = trial()
    epochs_of(running, [1.0, 0.5, 0.5, 0.5])
    assert running.best_epoch == 2


def test_a_failed_epoch_is_no_best() -> None:
    running = trial()
    report(running, 1, 1.0)
    running.apply(Reported(0, 2, None, {"val_loss": 0.1}, 0.1))
    assert (running.best_value, running.best_epoch, len(running.epochs)) == (1.0, 1, 2)


def test_catches_up_with_what_was_reported() -> None:
    curve = [1.0, 0.9, 0.95, 0.97, 0.99, 0.8]
    whole = trial(early={"patience": 3})
    assert epochs_of(whole, curve) == 5
    resumed = trial(early={"patience": 3})
    for epoch, value in enumerate(curve[:4], 1):
        report(resumed, epoch, value)
    resumed.trained = 3
    assert resumed.behind
    assert resumed.catch_up(EpochReport(0, 4, {"val_loss": curve[3]}, 0.1))
    assert not resumed.behind
    assert not resumed.stops_early
    report(resumed, 5, curve[4])
    assert resumed.stops_early
    assert (resumed.best_value, resumed.best_epoch) == (0.9, 2)
