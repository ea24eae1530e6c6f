"""One layer in numbers, against counting by hand."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import jax.numpy as jnp
import numpy as np
import pytest

from hpsearch.training.probes import formulas
from hpsearch.training.probes.formulas import RANGES
from hpsearch.training.probes.layers import mean_layer, measure_layer
from hpsearch.training.probes.record import BINS, EDGES, HIGH, LOW, LayerProbe

KERNEL = np.array([[3.0, 0.0], [0.0, 4.0]])


def measured(rows: list[list[float]], activation: str = "relu", gradient: np.ndarray = KERNEL) -> LayerProbe:
    return measure_layer(np.array(rows, np.float32), gradient, activation)


def test_moments_are_over_rows_and_units() -> None:
    layer = measured([[0, 1], [0, 3]])
    assert layer.units == 2
    assert layer.mean == 1.0
    assert layer.deviation == pytest.approx(math.sqrt((1 + 0 + 1 + 4) / 4))
    assert layer.deviation_between_rows == pytest.approx(math.sqrt((0 + 1) / 2))
    assert layer.gradient_norm == 5.0


def test_a_unit_is_dead_that_is_0_for_every_row() -> None:
    assert measured([[0, 0, 0, 1], [0, 2, 0, 0]]).dead == 0.5
    assert measured([[0, 1e-30], [0, 0]]).dead == 0.5


@pytest.mark.parametrize("activation", RANGES)
def test_saturated_is_what_lies_within_a_hundredth_of_the_range(activation: str) -> None:
    low, high = RANGES[activation]
    step = (high - low) / 100
    rows = [[low, low + 0.9 * step, low + 1.1 * step], [high, high - 0.9 * step, high - 1.1 * step]]
    assert measured(rows, activation).saturated == pytest.approx(4 / 6)
    assert measured(rows, "relu").saturated is None


def test_histogram_holds_shares_of_equal_bins_and_of_what_is_outside() -> None:
    rows = np.random.default_rng(0).normal(0, 2, (40, 50)).astype(np.float32)
    layer = measured(rows.tolist())
    width = (HIGH - LOW) / BINS
    counted = [0] * BINS
    for value in rows.ravel():
        if LOW <= value <= HIGH:
            counted[min(int((float(value) - LOW) / width), BINS - 1)] += 1
    assert [round(share * rows.size) for share in layer.histogram] == counted
    assert layer.below == (rows < LOW).mean()
    assert layer.above == (rows > HIGH).mean()
    assert sum(layer.histogram) + layer.below + layer.above == pytest.approx(1)
    np.testing.assert_allclose(np.diff(EDGES), width)
    for pile in (-1, 0, 0.5, 1):
        assert np.abs(np.array(EDGES) - pile).min() == pytest.approx(width / 2), "in the middle of a bin"


@pytest.mark.parametrize(
    ("rows", "symmetric"),
    [
        ([[1, 1], [2, 2]], True),
        ([[0, 0], [0, 0]], True),
        ([[1, 1.00000006], [2, 2]], True),
        ([[1, 1], [2, 2.01]], False),
        ([[1e-20, 2e-20], [1e-20, 1e-20]], False),
        ([[1], [2]], False),
    ],
)
def test_a_layer_is_symmetric_whose_units_are_equal_for_every_row(
    rows: list[list[float]], symmetric: bool
) -> None:
    assert measured(rows).symmetric is symmetric


@pytest.mark.parametrize("endless", [math.inf, math.nan])
def test_what_is_not_finite_is_infinite(endless: float) -> None:
    layer = measured([[0, endless], [1, 2]], gradient=np.array([[endless, 1.0]]))
    assert layer.mean == layer.deviation == layer.deviation_between_rows == layer.gradient_norm == math.inf
    assert not layer.symmetric


def test_means_over_seeds_are_means_of_every_number() -> None:
    one = measured([[0, 0], [0, 3]], "sigmoid")
    other = measured([[1, 5], [1, 7]], "sigmoid", 3 * KERNEL)
    mean = mean_layer([one, other])
    for field in fields(LayerProbe):
        first, second, found = (getattr(layer, field.name) for layer in (one, other, mean))
        if field.name not in ("units", "symmetric"):
            np.testing.assert_allclose(found, (np.array(first) + np.array(second)) / 2, err_msg=field.name)
    assert mean.dead == 0.25


def test_a_layer_is_symmetric_when_it_is_with_every_seed() -> None:
    equal, other = measured([[1, 1], [2, 2]]), measured([[1, 0], [2, 2]])
    assert mean_layer([equal, equal]).symmetric
    assert not mean_layer([equal, other]).symmetric
    assert mean_layer([replace(equal, saturated=None)] * 2).saturated is None


@pytest.mark.parametrize("size", [1.0, 1e-25, 1e25])
@pytest.mark.parametrize("shape", [(32, 5), (8, 4, 4, 3)])
def test_the_formulas_are_the_same_in_numpy_and_in_jax(shape, size):
    values = np.maximum(np.random.default_rng(0).normal(size=shape), 0).astype(np.float32) * np.float32(size)
    values[..., 0] = 0
    exact, single, scale = values.astype(np.float64), jnp.asarray(values), jnp.max(jnp.abs(values))
    for formula in (formulas.norm, formulas.deviation):
        assert float(formula(jnp, single, scale)) == pytest.approx(float(formula(np, exact)), rel=1e-6)
    ends = (-math.inf, size)
    assert float(formulas.dead(jnp, single)) == pytest.approx(1 / shape[-1]) == formulas.dead(np, exact)
    assert float(formulas.saturated(jnp, single, ends)) == pytest.approx(formulas.saturated(np, exact, ends))
    assert 0 < formulas.saturated(np, exact, ends) < 0.5
