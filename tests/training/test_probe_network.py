"""Probes of whole networks, against a forward and a backward pass in NumPy from the same weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from hpsearch.analysis.probe import summarize
from hpsearch.data import Rows
from hpsearch.models.components.objectives import Objective
from hpsearch.models.model import initial_weights
from hpsearch.spec import Configuration
from hpsearch.spec.sections.study import read_configuration
from hpsearch.training.probes.network import Prober
from hpsearch.training.probes.record import EDGES, ArmProbe, LayerProbe

OBJECTIVE = Objective("classification", 3)
ROWS = Rows(
    np.random.default_rng(0).normal(size=(60, 7)).astype(np.float32),
    (np.arange(60) % 3).astype(np.int32),
)
SEED = 5

Function = Callable[[Any], Any]

FUNCTIONS: dict[str, tuple[Function, Function]] = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
}
"""Activations with their derivatives."""


def configuration(**mlp: Any) -> Configuration:
    return read_configuration({"model": {"mlp": {"hidden": [6, 5], **mlp}}, "training": {"epochs": 1}})


@cache
def prober() -> Prober:
    return Prober(ROWS, OBJECTIVE)


def probed(seeds: tuple[int, ...] = (SEED,), **mlp: Any) -> tuple[LayerProbe, ...]:
    return prober().probe(configuration(**mlp), seeds)


def by_hand(activation: str, **mlp: Any) -> tuple[list[Any], list[float]]:
    """Give the activations of both layers and the norms of the gradients by their kernels, in float64."""
    function, derivative = FUNCTIONS[activation]
    arguments = (configuration(activation=activation, **mlp), (7,), OBJECTIVE, SEED)
    weights = {name: value.astype(float) for name, value in initial_weights(*arguments).items()}
    first, second, output = (weights[f"{name}/kernel"] for name in ("hidden_1", "hidden_2", "output"))
    before_1 = ROWS.x.astype(float) @ first
    behind_1 = function(before_1)
    before_2 = behind_1 @ second
    behind_2 = function(before_2)
    logits = behind_2 @ output
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    back = (chances - np.eye(3)[ROWS.y]) / len(ROWS.y)
    back_2 = back @ output.T * derivative(before_2)
    back_1 = back_2 @ second.T * derivative(before_1)
    norms = [np.linalg.norm(ROWS.x.T.astype(float) @ back_1), np.linalg.norm(behind_1.T @ back_2)]
    return [behind_1, behind_2], [float(norm) for norm in norms]


@pytest.mark.slow
@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("initializer", ["he_normal", {"random_normal": {"stddev": 2.0}}])
def test_both_passes_are_those_of_numpy(activation: str, initializer: Any) -> None:
    layers = probed(activation=activation, initializer=initializer)
    activations, norms = by_hand(activation, initializer=initializer)
    for layer, values, norm in zip(layers, activations, norms, strict=True):
        assert layer.mean == pytest.approx(values.mean(), abs=1e-6)
        assert layer.deviation == pytest.approx(values.std(), rel=1e-5)
        between = np.sqrt(np.mean([unit.var() for unit in values.T]))
        assert layer.deviation_between_rows == pytest.approx(between, rel=1e-5)
        assert layer.dead == np.mean([not unit.any() for unit in values.T])
        counts, _ = np.histogram(values, EDGES)
        # Rounding may move a value that lies on an edge into the next bin.
        assert np.abs(np.array(layer.histogram) * values.size - counts).max() <= 1
        assert layer.gradient_norm == pytest.approx(norm, rel=1e-4)
        assert not layer.symmetric


def test_the_gradient_is_that_of_finite_differences() -> None:
    """Independent of any derivation: move one weight, and see what the loss does."""
    arguments = (configuration(activation="tanh"), (7,), OBJECTIVE, SEED)
    weights = {name: value.astype(float) for name, value in initial_weights(*arguments).items()}

    def loss(first: Any) -> float:
        behind = np.tanh(np.tanh(ROWS.x @ first) @ weights["hidden_2/kernel"])
        logits = behind @ weights["output/kernel"]
        chosen = logits[np.arange(len(ROWS.y)), ROWS.y]
        return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - chosen))

    kernel, step = weights["hidden_1/kernel"], 1e-5
    slopes = []
    for place in np.ndindex(*kernel.shape):
        moved = np.zeros_like(kernel)
        moved[place] = step
        slopes.append((loss(kernel + moved) - loss(kernel - moved)) / (2 * step))
    assert probed(activation="tanh")[0].gradient_norm == pytest.approx(np.linalg.norm(slopes), rel=1e-4)


def normalized(values: Any) -> Any:
    return (values - values.mean(axis=0)) / np.sqrt(values.var(axis=0) + 1e-3)


@pytest.mark.slow
def test_batch_normalization_works_with_the_batch() -> None:
    """An activation without a layer of its own is found behind the normalization, and in front of it."""
    weights = initial_weights(configuration(), (7,), OBJECTIVE, SEED)
    before = ROWS.x.astype(float) @ weights["hidden_1/kernel"]

    def celu(values: Any) -> Any:
        return np.where(values > 0, values, np.exp(np.minimum(values, 0)) - 1)

    first, _ = probed(activation="celu", batch_norm="before_activation")
    assert first.deviation == pytest.approx(celu(normalized(before)).std(), rel=1e-4)
    first, second = probed(activation="celu", batch_norm="after_activation")
    assert first.deviation == pytest.approx(celu(before).std(), rel=1e-5)
    inner = normalized(celu(before)) @ weights["hidden_2/kernel"]
    assert second.deviation == pytest.approx(celu(inner).std(), rel=1e-4)


@pytest.mark.slow
def test_dropout_is_at_work_behind_the_activation_and_penalties_are_not() -> None:
    plain, dropped = probed(), probed(dropout=0.5)
    assert dropped[0].deviation == pytest.approx(plain[0].deviation, rel=1e-6)
    # Half of the inputs, twice as large: the second layer has about the square root of 2 of its deviation.
    assert dropped[1].deviation > 1.1 * plain[1].deviation
    assert dropped == probed(dropout=0.5)
    for penalized, layer in zip(probed(l2=10.0, l1=1.0), plain, strict=True):
        assert penalized.gradient_norm == pytest.approx(layer.gradient_norm, rel=1e-6)


def test_several_seeds_give_their_mean() -> None:
    one, other, both = probed((1,)), probed((2,)), probed((1, 2))
    for first, second, mean in zip(one, other, both, strict=True):
        assert first.deviation != second.deviation
        assert mean.deviation == pytest.approx((first.deviation + second.deviation) / 2)
        assert mean.gradient_norm == pytest.approx((first.gradient_norm + second.gradient_norm) / 2)


def test_networks_that_differ_in_weights_only_share_a_program() -> None:
    fresh = Prober(ROWS, OBJECTIVE)
    for initializer in ("he_normal", "zeros"):
        fresh.probe(configuration(initializer=initializer), (SEED,))
    assert len(fresh._programs) == 1


@pytest.mark.parametrize(
    ("task", "outputs", "y"),
    [("classification", 2, (np.arange(60) % 2).astype(np.int32)), ("regression", 1, ROWS.x[:, 0])],
)
def test_two_classes_and_quantities_have_gradients_too(task: str, outputs: int, y: Any) -> None:
    objective = Objective(task, outputs)
    config = configuration(activation="tanh", hidden=[4])
    (layer,) = Prober(Rows(ROWS.x, y), objective).probe(config, (SEED,))
    weights = initial_weights(config, (7,), objective, SEED)
    behind = np.tanh(ROWS.x.astype(float) @ weights["hidden_1/kernel"])
    logits = (behind @ weights["output/kernel"])[:, 0]
    error = 2 * (logits - y) if task == "regression" else 1 / (1 + np.exp(-logits)) - y
    back = error[:, None] / len(y) * weights["output/kernel"].T * (1 - behind**2)
    assert layer.gradient_norm == pytest.approx(np.linalg.norm(ROWS.x.T @ back), rel=1e-4)


def kinds(layers: tuple[LayerProbe, ...]) -> list[str]:
    return [finding.kind for finding in summarize(ArmProbe("", "", "", layers)).findings]


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_zeros_are_called_symmetric(activation: str) -> None:
    layers = probed(initializer="zeros", activation=activation)
    assert all(layer.symmetric for layer in layers)
    assert "symmetry" in kinds(layers)


def test_relu_with_he_keeps_the_deviation_and_small_weights_do_not() -> None:
    """He et al. 2015: weights of variance 2/n keep the spread of relu, layer after layer."""
    rows = Rows(np.random.default_rng(1).normal(size=(200, 100)).astype(np.float32), np.zeros(200, np.int32))
    deep = Prober(rows, OBJECTIVE)
    he = deep.probe(configuration(hidden=[100] * 6, initializer="he_normal"), (1, 2))
    assert 0.5 < he[-1].deviation / he[0].deviation < 2
    assert not {"vanishing activations", "exploding activations", "vanishing gradient"} & set(kinds(he))
    small = configuration(hidden=[100] * 6, initializer={"random_normal": {"stddev": 0.01}})
    assert "vanishing activations" in kinds(deep.probe(small, (1, 2)))
    large = configuration(hidden=[100] * 6, initializer={"random_normal": {"stddev": 1.0}})
    assert "exploding activations" in kinds(deep.probe(large, (1, 2)))


@pytest.mark.slow
def test_a_hundred_layers_of_sigmoid_are_called_vanishing() -> None:
    layers = probed(hidden=[8] * 100, activation="sigmoid", initializer="glorot_uniform")
    assert len(layers) == 100
    assert "vanishing gradient" in kinds(layers)
    assert layers[0].gradient_norm < 1e-20 < layers[-1].gradient_norm


def test_large_weights_saturate() -> None:
    large = {"random_normal": {"stddev": 10.0}}
    assert "saturation" in kinds(probed(initializer=large, activation="tanh"))
    assert "saturation" not in kinds(probed(initializer="glorot_uniform", activation="tanh"))
