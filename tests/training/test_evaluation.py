"""Measures of predictions, against NumPy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import balanced_accuracy_score, r2_score

from hpsearch.training.evaluation import PAIRS, Predictions, evaluate


def of_classes(classes: int, rows: int = 200) -> Predictions:
    generator = np.random.default_rng(classes)
    given = generator.dirichlet(np.ones(classes), rows).astype(np.float32)
    y = generator.integers(0, classes, rows).astype(np.int32)
    labels = tuple(map(str, range(classes)))
    return Predictions(y, given, -np.log(given[np.arange(rows), y]), labels)


def test_a_scorer_stands_beside_loss_and_accuracy() -> None:
    predictions = of_classes(3)
    found = {
        measure.name: measure for measure in evaluate(predictions, "test", "balanced_accuracy", 1).measures
    }
    guesses = predictions.given.argmax(axis=1)
    assert list(found) == ["loss", "accuracy", "balanced_accuracy"]
    expected = balanced_accuracy_score(predictions.y, guesses)
    assert found["balanced_accuracy"].value == pytest.approx(expected)
    assert found["accuracy"].value == pytest.approx((guesses == predictions.y).mean())
    low, high = found["balanced_accuracy"].low, found["balanced_accuracy"].high
    assert low is not None
    assert high is not None
    assert low < expected < high


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers_and_another_seed_other_intervals() -> None:
    first, again, other = (evaluate(of_classes(3), "test", "f1_macro", seed) for seed in (1, 1, 2))
    assert first == again
    assert first.measures[-1].value == other.measures[-1].value
    assert first.measures[-1].low != other.measures[-1].low


def test_confusion_ends_at_fifty_classes() -> None:
    assert evaluate(of_classes(50), "test", "val_loss", 1).confusion is not None
    assert evaluate(of_classes(51), "test", "val_loss", 1).confusion is None


def test_numbers_have_residuals_and_a_sample_of_pairs() -> None:
    generator = np.random.default_rng(0)
    y = generator.normal(size=500).astype(np.float32)
    given = (y + generator.normal(size=500))[:, None].astype(np.float32)
    found = evaluate(Predictions(y, given, (given[:, 0] - y) ** 2, ()), "test", "r2", 1)
    assert [measure.name for measure in found.measures] == ["loss", "mae", "r2"]
    assert found.measures[2].value == pytest.approx(r2_score(y, given[:, 0]))
    assert found.residuals is not None
    pairs = set(zip(y.tolist(), given[:, 0].tolist(), strict=True))
    assert len(set(found.residuals.pairs)) == PAIRS
    assert set(found.residuals.pairs) <= pairs
    assert found.residuals.quantiles[3] == pytest.approx(np.median(given[:, 0] - y), abs=1e-6)


def test_what_is_not_finite_has_no_number() -> None:
    y = np.zeros(3, np.float32)
    given = np.array([[1.0], [np.inf], [2.0]], np.float32)
    found = evaluate(Predictions(y, given, given[:, 0] ** 2, ()), "test", "r2", 1)
    assert [measure.value for measure in found.measures] == [None, None, None]
    assert found.residuals is None
    assert found.confusion is None


def test_one_row_has_no_interval() -> None:
    y, given = np.zeros(1, np.float32), np.ones((1, 1), np.float32)
    loss, mae = evaluate(Predictions(y, given, np.ones(1), ()), "test", "val_loss", 1).measures
    assert (loss.value, loss.low, mae.value, mae.high) == (1.0, None, 1.0, None)


@pytest.mark.parametrize("units", [1, 2])
def test_the_reliability_of_two_classes_is_that_of_scikit_learn(units: int) -> None:
    generator = np.random.default_rng(3)
    said = generator.beta(0.7, 0.7, 400).astype(np.float32)
    y = (generator.uniform(size=400) < said**1.5).astype(np.int32)
    given = said[:, None] if units == 1 else np.stack([1 - said, said], axis=1)
    bins = evaluate(Predictions(y, given, np.zeros(400), ("no", "yes")), "test", "val_loss", 1).reliability
    observed, predicted = calibration_curve(y, said, n_bins=10)
    assert [one.observed for one in bins] == pytest.approx(observed.tolist())
    assert [one.predicted for one in bins] == pytest.approx(predicted.tolist())
    assert sum(one.rows for one in bins) == 400
    for one in bins:
        hits = round(one.observed * one.rows)
        interval = binomtest(hits, one.rows).proportion_ci(method="wilson")
        assert (one.low, one.high) == pytest.approx((interval.low, interval.high))


def test_the_calibration_error_is_the_distance_of_what_is_said_from_what_is_right() -> None:
    predictions = of_classes(4, 500)
    found = evaluate(predictions, "validation", "val_loss", 1)
    said, right = predictions.given.max(axis=1), predictions.given.argmax(axis=1) == predictions.y
    error = 0.0
    for low in np.arange(10) / 10:
        rows = (said >= low) & (said < low + 0.1)
        if rows.any():
            error += rows.mean() * abs(said[rows].mean() - right[rows].mean())
    assert found.calibration_error == pytest.approx(error, abs=1e-6)


def test_what_has_no_probability_has_no_reliability() -> None:
    y = np.arange(5, dtype=np.float32)
    found = evaluate(Predictions(y, y[:, None], np.zeros(5), ()), "test", "val_loss", 1)
    assert found.reliability == ()
    assert found.calibration_error is None
