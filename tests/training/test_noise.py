"""What is drawn in training: each kind of noise by the formula of its paper, in both trainers, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np
import pytest
from scipy import stats

from hpsearch.data import Scaling
from hpsearch.models.components.objectives import Objective
from hpsearch.models.model import export_model, initial_weights, training_model
from hpsearch.models.weights import put_weights
from hpsearch.spec import Configuration
from hpsearch.spec.sections.study import read_configuration
from hpsearch.training.compiled.forward.layered import LayeredForward
from hpsearch.training.compiled.forward.operations import NOISES, alpha_dropout, noise_key, rrelu
from hpsearch.training.compiled.forward.options import program_options
from hpsearch.training.compiled.forward.structure import arguments_of, structure_of

UNITS = 200
KEY = np.array([1, 2], np.uint32)
OBJECTIVE = Objective("classification", UNITS)


def identity(**model: Any) -> Configuration:
    """Configure a network that gives its inputs, but for the noise."""
    plain = {"hidden": [UNITS], "activation": "linear", "initializer": "identity"}
    mlp = {**plain, "output_initializer": "identity", **model}
    return read_configuration({"model": {"mlp": mlp}, "training": {"epochs": 1}})


def by_program(config: Configuration, rows: Any, *, training: bool) -> Any:
    """Pass rows through the network as the compiled trainer does."""
    structure = structure_of(config, program_options(config))
    forward = LayeredForward(structure, (UNITS,), OBJECTIVE)
    start = initial_weights(config, (UNITS,), OBJECTIVE, 0)
    weights = {name: start[name] for name in forward.variables}
    moving = {name: start[name] for name in forward.moving}
    arguments = arguments_of(config, structure)
    return np.asarray(forward(weights, moving, rows, arguments, KEY, training=training).logits)


def by_keras(config: Configuration, rows: Any, *, training: bool) -> Any:
    """Pass rows through the network as the fit trainer does."""
    model = training_model(config, (UNITS,), OBJECTIVE, 0)
    put_weights(model, initial_weights(config, (UNITS,), OBJECTIVE, 0))
    return np.asarray(model(rows, training=training))


BOTH = pytest.mark.parametrize("passed", [by_program, by_keras])
Passed = Callable[..., Any]


def expected_share(rate: float, count: int) -> Any:
    return pytest.approx(rate, abs=5 * np.sqrt(rate * (1 - rate) / count))


class TestDropouts:
    ROWS = np.ones((300, UNITS), np.float32)

    @pytest.mark.slow
    @BOTH
    @pytest.mark.parametrize("rate", [0.1, 0.6])
    def test_input_dropout_drops_its_share_and_scales_the_rest(self, passed: Passed, rate: float) -> None:
        told = passed(identity(input_dropout=rate), self.ROWS, training=True)
        assert np.mean(told == 0) == expected_share(rate, told.size)
        np.testing.assert_allclose(told[told != 0], 1 / (1 - rate), rtol=1e-6)

    @pytest.mark.slow
    @BOTH
    @pytest.mark.parametrize("rate", [0.1, 0.6])
    def test_alpha_dropout_moves_its_share_to_the_floor_of_selu(self, passed: Passed, rate: float) -> None:
        """Klambauer et al. 2017: x or the floor, times a, plus b."""
        floor = -1.0507009873554805 * 1.6732632423543772
        a = (1 - rate + floor**2 * rate * (1 - rate)) ** -0.5
        b = -a * rate * floor
        for value in (0.0, 1.0):
            told = passed(identity(alpha_dropout=rate), self.ROWS * value, training=True)
            dropped = np.isclose(told, a * floor + b, rtol=1e-5, atol=1e-6)
            assert np.mean(dropped) == expected_share(rate, told.size)
            np.testing.assert_allclose(told[~dropped], a * value + b, rtol=1e-5, atol=1e-6)

    @BOTH
    def test_alpha_dropout_keeps_mean_and_variance(self, passed: Passed) -> None:
        rows = np.random.default_rng(0).normal(size=(2000, UNITS)).astype(np.float32)
        for rate in (0.05, 0.3):
            told = passed(identity(alpha_dropout=rate), rows, training=True)
            assert abs(told.mean()) < 0.01
            assert abs(told.var() - 1) < 0.015

    @pytest.mark.slow
    def test_alpha_dropout_is_that_of_keras(self) -> None:
        """The same two values for each input, whatever is drawn."""
        x = np.random.default_rng(1).normal(size=(60,)).astype(np.float32)
        rows = np.repeat(x[None], 100, axis=0)
        layer = keras.layers.AlphaDropout(0.4, seed=1)
        values = [
            np.asarray(layer(rows, training=True)),
            np.asarray(alpha_dropout(rows, np.float32(0.4), KEY)),
        ]
        for theirs, ours in zip(values[0].T, values[1].T, strict=True):
            np.testing.assert_allclose(
                [ours.min(), ours.max()], [theirs.min(), theirs.max()], rtol=1e-5, atol=1e-6
            )

    @BOTH
    @pytest.mark.parametrize("name", ["input_dropout", "alpha_dropout", "dropout"])
    def test_nothing_is_dropped_outside_of_training(self, passed: Passed, name: str) -> None:
        np.testing.assert_array_equal(passed(identity(**{name: 0.5}), self.ROWS, training=False), self.ROWS)

    def test_a_rate_of_zero_drops_nothing_where_others_drop(self) -> None:
        config = identity(hidden=[UNITS, UNITS], alpha_dropout=[0.0, 0.5])
        told = by_program(config, self.ROWS, training=True)
        assert len(np.unique(told.round(4))) == 2, "the second layer alone drops"


class TestRrelu:
    ROWS = -np.ones((300, UNITS), np.float32)

    @BOTH
    def test_slopes_are_uniform_between_the_bounds(self, passed: Passed) -> None:
        config = identity(activation={"rrelu": {"lower": 0.25, "upper": 0.75}})
        slopes = -passed(config, self.ROWS, training=True)
        assert slopes.min() >= 0.25
        assert slopes.max() <= 0.75
        assert stats.kstest(slopes.ravel(), stats.uniform(0.25, 0.5).cdf).pvalue > 1e-4
        assert len(np.unique(slopes)) > 0.99 * slopes.size, "each input has a slope of its own"

    @BOTH
    def test_positive_inputs_pass(self, passed: Passed) -> None:
        np.testing.assert_array_equal(
            passed(identity(activation="rrelu"), -self.ROWS, training=True), -self.ROWS
        )

    def test_outside_of_training_it_is_leaky_relu_with_the_mean_slope(self) -> None:
        rows = np.random.default_rng(0).normal(size=(50, UNITS)).astype(np.float32)
        config = identity(activation={"rrelu": {"lower": 0.2, "upper": 0.3}})
        expected = np.asarray(keras.layers.LeakyReLU(0.25)(rows))
        for passed in (by_program, by_keras):
            np.testing.assert_allclose(passed(config, rows, training=False), expected, rtol=1e-6)
        weights = initial_weights(config, (UNITS,), OBJECTIVE, 0)
        exported = export_model(config, (UNITS,), OBJECTIVE, Scaling(), weights)
        logits = keras.Model(exported.inputs[0], exported.get_layer("output").output)
        np.testing.assert_allclose(np.asarray(logits(rows)), expected, rtol=1e-6)

    def test_the_slope_that_was_drawn_is_the_gradient(self) -> None:
        numbers = np.array([0.1, 0.9, 0], np.float32)
        rows = np.random.default_rng(0).normal(size=(40, 30)).astype(np.float32)
        gradient = jax.grad(lambda x: rrelu(x, numbers, KEY).sum())(rows)
        np.testing.assert_allclose(np.asarray(gradient) * rows, rrelu(rows, numbers, KEY), rtol=1e-6)

    @BOTH
    def test_each_layer_draws_its_own_beside_other_activations(self, passed: Passed) -> None:
        orders = (["rrelu", "linear"], ["linear", "rrelu"])
        told = [
            -passed(identity(hidden=[UNITS, UNITS], activation=order), self.ROWS, training=True)
            for order in orders
        ]
        for slopes in told:
            assert 1 / 8 <= slopes.min() < 0.13
            assert 0.33 < slopes.max() <= 1 / 3 + 1e-7
        assert np.mean(told[0] == told[1]) < 0.01


def test_no_two_noises_share_a_key() -> None:
    keys = [
        tuple(np.asarray(noise_key(KEY, noise, layer)).tolist()) for noise in NOISES for layer in range(30)
    ]
    steps = [
        tuple(np.asarray(noise_key(KEY + np.array([1, 0], np.uint32), noise, 0)).tolist()) for noise in NOISES
    ]
    assert len({*keys, *steps}) == len(keys) + len(steps)
    assert keys[:2] == [(1, 2), (1, 3)], "dropout draws what it always drew"


@pytest.mark.parametrize(
    ("model", "draws"),
    [
        ({"activity_l1": 0.1, "activation": "relu"}, 0),
        ({"dropout": 0.1}, 2),
        ({"alpha_dropout": 0.1}, 2),
        ({"input_dropout": 0.1}, 1),
        ({"activation": ["rrelu", "relu"]}, 2),
        ({"dropout": 0.1, "alpha_dropout": 0.1, "input_dropout": 0.1, "activation": "rrelu"}, 7),
    ],
)
def test_a_program_draws_only_what_its_options_ask_for(model: dict[str, Any], draws: int) -> None:
    config = identity(hidden=[UNITS, UNITS], **model)
    structure = structure_of(config, program_options(config))
    forward = LayeredForward(structure, (UNITS,), OBJECTIVE)
    start = initial_weights(config, (UNITS,), OBJECTIVE, 0)
    weights, moving = ({name: start[name] for name in names} for names in (forward.variables, forward.moving))

    def text(key: Any, *, training: bool) -> str:
        arguments = arguments_of(config, structure)
        return (
            jax.jit(lambda *a: forward(*a, key, training=training))
            .lower(weights, moving, np.ones((4, UNITS)), arguments)
            .as_text()
        )

    assert text(KEY, training=True).count("rng_bit_generator") == draws
    assert "rng_bit_generator" not in text(KEY, training=False)
    assert "rng_bit_generator" not in text(None, training=True)


def test_what_a_study_does_not_use_is_not_in_its_programs() -> None:
    config = identity()
    structure = structure_of(config, program_options(config))
    assert set(arguments_of(config, structure)) == {
        *("activation", "activation_arguments", "momentum", "epsilon", "dropout", "l1", "l2"),
        *("clipping", "threshold", "coefficients"),
    }
    assert not any("input" in name for name in LayeredForward(structure, (UNITS,), OBJECTIVE).variables)
