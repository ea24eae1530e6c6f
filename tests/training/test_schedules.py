"""Schedules against Keras' own, and against their definitions where Keras has none."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from hpsearch.spec import Training
from hpsearch.spec.sections.schedules import SCHEDULES
from hpsearch.training.schedules import Plateau, RunLength, learning_rates, run_length, scheduled_shares

Schedules = keras.optimizers.schedules
FIRST_DECAY = "cosine_restarts.first_decay"
SHORT = 0.001
LENGTH = RunLength(steps_per_epoch=20, steps=200)


def training(schedule: Any, learning_rate: float = 0.4, **rest: Any) -> Training:
    raw = {"schedule": schedule, "learning_rate": learning_rate, "epochs": 10, **rest}
    return Training.model_validate(raw)


def rates(schedule: Any, length: RunLength = LENGTH, learning_rate: float = 0.4) -> Any:
    return learning_rates(training(schedule, learning_rate), length, 0, length.steps)


class TestKerasSchedules:
    @pytest.mark.parametrize(
        ("schedule", "twin"),
        [
            ({"exponential": {"rate": 0.5}}, Schedules.ExponentialDecay(0.4, 20, 0.5)),
            (
                {"exponential": {"rate": 0.9, "every": {"steps": 7}, "staircase": True}},
                Schedules.ExponentialDecay(0.4, 7, 0.9, staircase=True),
            ),
            ({"exponential": {"rate": 0.7, "every": 0.25}}, Schedules.ExponentialDecay(0.4, 50, 0.7)),
            ({"inverse_time": {"rate": 0.3}}, Schedules.InverseTimeDecay(0.4, 20, 0.3)),
            (
                {"inverse_time": {"rate": 2.0, "every": {"epochs": 2.5}, "staircase": True}},
                Schedules.InverseTimeDecay(0.4, 50, 2.0, staircase=True),
            ),
            ("polynomial", Schedules.PolynomialDecay(0.4, 200, end_learning_rate=0.0)),
            (
                {"polynomial": {"end": 0.1, "power": 3.0}},
                Schedules.PolynomialDecay(0.4, 200, 0.04, power=3.0),
            ),
            (
                {"polynomial": {"end": 0.1, "power": 2.0, "decay": {"steps": 60}}},
                Schedules.PolynomialDecay(0.4, 60, 0.04, power=2.0),
            ),
            (
                {"polynomial": {"end": 0.1, "decay": {"epochs": 2.5}, "cycle": True}},
                Schedules.PolynomialDecay(0.4, 50, 0.04, cycle=True),
            ),
            (
                {"polynomial": {"decay": 0.32, "cycle": True}},
                Schedules.PolynomialDecay(0.4, 64, 0.0, cycle=True),
            ),
            (
                {"piecewise_constant": {"boundaries": [{"steps": 59}, 0.6], "values": [1, 2.5, 0.01]}},
                Schedules.PiecewiseConstantDecay([59, 120], [0.4, 1.0, 0.004]),
            ),
            (
                {"piecewise_constant": {"boundaries": [{"epochs": 2}], "values": [1, 0.5], "warmup": 0.05}},
                Schedules.PiecewiseConstantDecay(
                    [*range(10), 40], [*(0.04 * (step + 1) for step in range(10)), 0.4, 0.2]
                ),
            ),
            ("cosine", Schedules.CosineDecay(0.4, 200)),
            ({"cosine": {"alpha": 0.2, "decay": 0.25}}, Schedules.CosineDecay(0.4, 50, alpha=0.2)),
            (
                {"cosine": {"alpha": 0.1, "warmup": {"steps": 30}, "warmup_from": 0.25}},
                Schedules.CosineDecay(0.1, 170, alpha=0.1, warmup_target=0.4, warmup_steps=30),
            ),
            (
                {"cosine": {"warmup": 0.1, "warmup_from": 0.0, "decay": {"epochs": 4}}},
                Schedules.CosineDecay(0.0, 80, warmup_target=0.4, warmup_steps=20),
            ),
            ({"cosine": {"alpha": 0.2}}, Schedules.CosineDecay(0.4, 200, alpha=0.2)),
            (
                {"cosine_restarts": {"first_decay": {"steps": 9}, "t_mul": 2.0, "m_mul": 0.8, "alpha": 0.1}},
                Schedules.CosineDecayRestarts(0.4, 9, t_mul=2.0, m_mul=0.8, alpha=0.1),
            ),
            (
                {"cosine_restarts": {"first_decay": 0.1, "t_mul": 1.0}},
                Schedules.CosineDecayRestarts(0.4, 20, t_mul=1.0),
            ),
            ("constant", lambda step: 0.4),
            ("reduce_on_plateau", lambda step: 0.4),
        ],
    )
    def test_every_step(self, schedule: Any, twin: Any) -> None:
        ours, steps = rates(schedule), np.arange(200)
        if getattr(twin, "warmup_steps", 0):
            # Keras' warm-up takes single steps only, each of which takes its time.
            steps = np.array([0, 1, 19, 20, 21, 29, 30, 31, 90, 199])
            theirs = np.array([float(twin(int(step))) for step in steps])
        else:
            theirs = np.broadcast_to(twin(steps.astype(np.float32)), 200)
        np.testing.assert_allclose(ours[steps], theirs, rtol=2e-5, atol=1e-7)
        assert ours.dtype == np.float32

    def test_step_equals_piecewise_constant_decay(self) -> None:
        ours = rates({"step": {"factor": 0.5, "every": {"steps": 60}}})
        # Keras' boundaries belong to the earlier piece.
        twin = Schedules.PiecewiseConstantDecay([59, 119, 179], [0.4, 0.2, 0.1, 0.05])
        np.testing.assert_allclose(ours, [float(twin(step)) for step in range(200)], rtol=1e-6)

    def test_boundaries_count_in_the_order_of_time(self) -> None:
        names = {"boundaries": [0.6, {"steps": 59}], "values": [1, 2.5, 0.01]}
        sorted_names = {**names, "boundaries": names["boundaries"][::-1]}
        np.testing.assert_array_equal(
            rates({"piecewise_constant": names}), rates({"piecewise_constant": sorted_names})
        )

    def test_no_schedule_of_keras_is_missing(self) -> None:
        known = {
            "CosineDecay": "cosine",
            "CosineDecayRestarts": "cosine_restarts",
            "ExponentialDecay": "exponential",
            "InverseTimeDecay": "inverse_time",
            "PiecewiseConstantDecay": "piecewise_constant",
            "PolynomialDecay": "polynomial",
        }
        theirs = {
            name
            for name, one in vars(Schedules).items()
            if isinstance(one, type) and name != "LearningRateSchedule"
        }
        assert theirs == set(known)
        assert set(known.values()) <= set(SCHEDULES)

    def test_thirds_of_a_run_are_thirds(self) -> None:
        ours = rates({"step": {"factor": 0.1}}, RunLength(10, 90))
        np.testing.assert_allclose(ours, np.repeat([0.4, 0.04, 0.004], 30), rtol=1e-6)

    def test_restarts_begin_at_the_top(self) -> None:
        """Powers of three are where rounding would put the last step of one period into the next."""
        schedule = {"cosine_restarts": {"first_decay": {"steps": 1}, "t_mul": 3.0}}
        ours = rates(schedule, RunLength(20, 1_100))
        begins = [(3**n - 1) // 2 for n in range(7)]
        np.testing.assert_allclose(ours[begins], 0.4, rtol=1e-5)
        assert ours[begins[-1] - 1] < 0.001

    @pytest.mark.parametrize(
        ("schedule", "twin"),
        [
            ({"exponential": {"rate": 0.5, "every": SHORT}}, Schedules.ExponentialDecay(0.4, 1, 0.5)),
            (
                {"exponential": {"rate": 0.9, "every": SHORT, "staircase": True}},
                Schedules.ExponentialDecay(0.4, 1, 0.9, staircase=True),
            ),
            ({"inverse_time": {"every": SHORT}}, Schedules.InverseTimeDecay(0.4, 1, 0.5)),
            ({"step": {"factor": 0.5, "every": SHORT}}, Schedules.ExponentialDecay(0.4, 1, 0.5)),
            (
                {"cosine_restarts": {"first_decay": SHORT, "t_mul": 2.0, "m_mul": 1.5}},
                Schedules.CosineDecayRestarts(0.4, 1, t_mul=2.0, m_mul=1.5),
            ),
        ],
    )
    def test_a_period_is_at_least_one_step(self, schedule: Any, twin: Any) -> None:
        """A thousandth of a run of 40 steps would be 0.04 steps, which Keras' decay_steps cannot be."""
        ours = rates(schedule, RunLength(20, 40))
        # Keras' own restarts leave the period by rounding in float32 where it begins exactly at a step.
        steps = [0, 1, 2, 4, 5, 6] if "cosine_restarts" in schedule else range(40)
        theirs = [float(twin(step)) for step in steps]
        np.testing.assert_allclose(ours[list(steps)], theirs, rtol=2e-5, atol=1e-7)

    @pytest.mark.parametrize("name", ["exponential.every", "inverse_time.every", "step.every", FIRST_DECAY])
    @pytest.mark.parametrize(
        "period",
        [
            0,
            0.0,
            {"share": 0},
            {"steps": 0},
            {"epochs": 0.0},
            {"uniform": [0, 0.5]},
            {"choice": [0.1, 0]},
            {"share": {"uniform": [0.0, 0.5]}},
            {"epochs": {"choice": [0, 1]}},
            {"steps": {"int": [0, 3]}},
        ],
    )
    def test_a_period_of_no_length_is_refused(self, name: str, period: Any) -> None:
        schedule, field = name.split(".")
        with pytest.raises(ValidationError):
            training({schedule: {field: period}})

    @pytest.mark.parametrize("name", ["exponential.every", "inverse_time.every", "step.every", FIRST_DECAY])
    def test_periods_above_none_are_accepted(self, name: str) -> None:
        schedule, field = name.split(".")
        for period in (1, 0.01, {"share": 1}, {"uniform": [0.01, 0.5]}, {"steps": {"int": [1, 3]}}):
            training({schedule: {field: period}})


class TestOneCycle:
    def test_corners(self) -> None:
        ours = rates({"one_cycle": {"peak": 0.25, "div": 10.0, "final_div": 100.0}})
        assert ours[0] == pytest.approx(0.04, rel=1e-5)
        assert int(np.argmax(ours)) == 50
        assert ours[50] == pytest.approx(0.4)
        assert (np.diff(ours[:51]) > 0).all()
        assert (np.diff(ours[50:]) < 0).all()
        assert ours[25] == pytest.approx((0.04 + 0.4) / 2, rel=1e-5), (
            "half a cosine is half way up in the middle"
        )
        assert ours[125] == pytest.approx((0.4 + 0.0004) / 2, rel=1e-5)
        assert ours[-1] == pytest.approx(0.0004, rel=0.3)


@cache
def keras_warmup() -> dict[int, float]:
    """Give the rates of some of our steps by Keras' warm-up over 400 steps.

    Its step 0 has a rate of 0 and trains nothing; our first step has the rate of its step 1.
    """
    twin = Schedules.CosineDecay(0.0, 400, warmup_target=0.4, warmup_steps=400)
    return {step: float(twin(step + 1)) for step in (0, 1, 18, 19, 20, 59, 210, 398, 399)}


class TestWarmup:
    @pytest.mark.parametrize("span", [0.1, {"steps": 20}, {"epochs": 1}])
    def test_rises_in_a_line_and_then_the_schedule_begins(self, span: Any) -> None:
        ours = rates({"cosine": {"warmup": span}})
        np.testing.assert_allclose(ours[:20], 0.4 * np.arange(1, 21) / 20, rtol=1e-6)
        twin = Schedules.CosineDecay(0.4, 180)
        np.testing.assert_allclose(
            ours[20:], [float(twin(step)) for step in range(180)], rtol=2e-5, atol=1e-7
        )

    @pytest.mark.parametrize("span", [{"steps": 400}, {"epochs": 20}])
    @pytest.mark.parametrize("name", ["constant", "cosine", "polynomial", "one_cycle", "step"])
    @pytest.mark.parametrize("epochs", [1, 3, 19, 20, 21, 40])
    def test_does_not_depend_on_the_length_of_the_run(self, name: str, span: Any, epochs: int) -> None:
        """As with Keras' `warmup_steps`: a run that is shorter ends within its warm-up."""
        ours = rates({name: {"warmup": span}}, RunLength(20, 20 * epochs))
        theirs = {step: rate for step, rate in keras_warmup().items() if step < len(ours)}
        np.testing.assert_allclose(ours[list(theirs)], list(theirs.values()), rtol=1e-6)

    def test_longer_than_any_run(self) -> None:
        ours = rates({"constant": {"warmup": {"epochs": 1e308}}})
        assert 0 < ours[0] < ours[-1] < 1e-12


class TestSteps:
    def test_a_part_is_a_part_of_the_whole(self) -> None:
        schedule = {"one_cycle": {"warmup": 0.05}}
        parts = [learning_rates(training(schedule), LENGTH, first, 20) for first in range(0, 200, 20)]
        np.testing.assert_array_equal(np.concatenate(parts), rates(schedule))

    def test_lengths(self) -> None:
        by_epochs = run_length(training("constant", batch_size=32), 100)
        assert (by_epochs.steps_per_epoch, by_epochs.steps, by_epochs.epochs) == (4, 40, 10)
        by_steps = run_length(Training.model_validate({"steps": 10, "batch_size": 32}), 100)
        assert (by_steps.steps, by_steps.epochs) == (10, 3)
        assert [by_steps.steps_of(epoch) for epoch in (1, 2, 3)] == [4, 4, 2]


class _Model:
    """All that Keras' ReduceLROnPlateau wants of a model."""

    def __init__(self, learning_rate: float) -> None:
        self.optimizer = keras.optimizers.SGD(learning_rate)


class TestPlateau:
    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize(
        "settings",
        [
            {"factor": 0.5, "patience": 1},
            {"factor": 0.1, "patience": 2, "min_delta": 0.3},
            {"factor": 0.5, "patience": 1, "cooldown": 2, "min_delta": 0.1},
            {"factor": 0.3, "patience": 2, "cooldown": 1, "min_learning_rate": 0.01},
            {"factor": 0.3, "patience": 1, "min_learning_rate": 1.0},
        ],
    )
    def test_equals_keras(self, settings: dict[str, Any], seed: int) -> None:
        draw = np.random.default_rng(seed)
        losses = (2 + np.cumsum(draw.normal(-0.05, 0.4, 40))).tolist()
        known = {"min_delta": 1e-4, **settings}
        named = {"min_lr" if name == "min_learning_rate" else name: value for name, value in known.items()}
        callback = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", mode="min", **named)
        model = _Model(0.4)
        callback.set_model(model)
        callback.on_train_begin()
        ours = training({"reduce_on_plateau": settings})
        plateau = Plateau()
        lowered = 0
        for epoch, loss in enumerate(losses):
            callback.on_epoch_end(epoch, {"val_loss": loss})
            plateau = plateau.after(ours, {"val_loss": loss}, "val_loss", "minimize")
            theirs = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate.value))
            assert 0.4 * plateau.factor == pytest.approx(theirs, rel=1e-5), epoch
            lowered += plateau.factor < 1
        assert lowered or settings.get("min_learning_rate") == 1.0

    def test_other_schedules_do_not_listen(self) -> None:
        state = Plateau()
        for _ in range(20):
            state = state.after(training("cosine"), {"val_loss": math.pi}, "val_loss", "minimize")
        assert state.factor == 1

    @pytest.mark.parametrize(
        ("settings", "drops"),
        [
            ({}, False),
            ({"monitor": "loss"}, True),
            ({"monitor": "accuracy"}, False),
            ({"monitor": "accuracy", "mode": "min"}, True),
            ({"monitor": "loss", "mode": "max"}, False),
            ({"mode": "min"}, True),
            ({"monitor": "val_loss_with_penalties"}, True),
        ],
    )
    def test_looks_at_the_metric_that_it_is_told(self, settings: dict[str, Any], drops: bool) -> None:
        """Of the metric of the study, which is to be maximized, and of two others that all become larger."""
        ours, state = training({"reduce_on_plateau": {"patience": 1, **settings}}), Plateau()
        for epoch in range(1, 4):
            metrics = {"val_accuracy": 0.1 * epoch, "loss": 1.0 * epoch, "accuracy": 0.2 * epoch}
            not_finite = {"val_loss_with_penalties": None}
            state = state.after(ours, {**metrics, **not_finite}, "val_accuracy", "maximize")
        assert (state.factor < 1) is drops


def test_coslog_has_waves_that_double_in_length():
    found = rates({"coslog": {"cycles": 3}}, RunLength(7, 70))
    told = [0.4 * 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 7 * step / 70))) for step in range(70)]
    np.testing.assert_allclose(found, told, atol=1e-7)
    # It is 0 at 0, 1/7, 3/7 and the end, and full between them.
    assert [float(found[step]) for step in (0, 10, 30)] == pytest.approx([0, 0, 0], abs=1e-6)


def test_shares_are_flat_and_then_half_a_cosine():
    known = training("constant", dropout_schedule={"flat_cosine": {"flat": 0.4}}, decay_biases=False)
    shares = [scheduled_shares(known, LENGTH, epoch) for epoch in range(1, 11)]
    assert all(set(share) == {"dropout"} for share in shares)
    told = [0.5 * (1 + math.cos(math.pi * max(0.0, (epoch + 0.5) / 10 - 0.4) / 0.6)) for epoch in range(10)]
    assert [share["dropout"] for share in shares] == pytest.approx(told)
    assert scheduled_shares(training("constant", weight_decay_schedule="none"), LENGTH, 1) == {}
