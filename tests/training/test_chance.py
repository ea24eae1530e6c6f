"""The level of a constant prediction, against scikit-learn's own constant models."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import get_scorer, log_loss, mean_squared_error

from hpsearch.data import Rows
from hpsearch.spec.sections.scorer_names import SCORERS
from hpsearch.training.chance import chance_of

Array = NDArray[Any]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning", "ignore:.*k.*:")

LABELS = ("no", "yes")
THREE = ("a", "b", "c")


def rows(y: Array) -> Rows:
    return Rows(np.zeros((len(y), 1), np.float32), y)


def two_classes(seed: int, share: float, count: int) -> Array:
    return (np.random.default_rng(seed).random(count) < share).astype(np.int32)


RARE = (two_classes(0, 0.02, 1000), two_classes(1, 0.05, 300))
"""Training and other rows, of which few are positive."""

QUANTITIES = tuple(np.random.default_rng(seed).lognormal(1, 1, 400).astype(np.float32) for seed in (2, 3))


def dummy(strategy: str, train: Array, constant: Any = None) -> Any:
    kind = DummyRegressor if train.dtype == np.float32 else DummyClassifier
    exact = train.astype(np.float64) if train.dtype == np.float32 else train
    return kind(strategy=strategy, constant=constant).fit(rows(train).x, exact)


def best_dummy(metric: str, dummies: list[Any], train: Array, other: Array) -> float:
    """Choose scikit-learn's constant model by its score on the training rows, and score it on others."""
    scorer = get_scorer(metric)
    found = [scorer(model, rows(train).x, train) for model in dummies]
    known = [number if math.isfinite(number) else -math.inf for number in found]
    return float(scorer(dummies[known.index(max(known))], rows(other).x, other))


def test_of_the_loss_and_the_accuracy_of_a_rare_class() -> None:
    train, other = RARE
    loss, accuracy = (chance_of(name, *map(rows, RARE), LABELS) for name in ("val_loss", "val_accuracy"))
    prior = dummy("prior", train)
    assert loss.value == pytest.approx(log_loss(other, prior.predict_proba(rows(other).x)), rel=1e-9)
    assert accuracy.value == prior.score(rows(other).x, other) == (other == 0).mean()
    assert (loss.constant, accuracy.constant) == ("the shares of the classes", "always no")


@pytest.mark.parametrize("metric", [name for name in SCORERS["classification"] if "ratio" not in name])
def test_of_every_scorer_of_two_classes(metric: str) -> None:
    train, other = RARE
    models = [dummy("prior", train), *(dummy("constant", train, constant=label) for label in (0, 1))]
    found = chance_of(metric, *map(rows, RARE), LABELS)
    assert found.value == pytest.approx(best_dummy(metric, models, train, other), rel=1e-9, abs=1e-12)


def test_f1_is_that_of_the_rare_class_everywhere_and_not_0() -> None:
    found = chance_of("f1", *map(rows, RARE), LABELS)
    share = RARE[1].mean()
    assert found.value == pytest.approx(2 * share / (1 + share))
    assert found.constant == "always yes"
    assert chance_of("roc_auc", *map(rows, RARE), LABELS).value == 0.5
    assert chance_of("average_precision", *map(rows, RARE), LABELS).value == pytest.approx(share)


@pytest.mark.parametrize(
    "metric", ["balanced_accuracy", "f1_macro", "neg_log_loss", "roc_auc_ovr", "jaccard_macro"]
)
def test_of_three_classes(metric: str) -> None:
    train, other = (
        np.random.default_rng(s).choice(3, 300, p=[0.2, 0.5, 0.3]).astype(np.int32) for s in (4, 5)
    )
    expected = best_dummy(metric, [dummy("most_frequent", train), dummy("prior", train)], train, other)
    assert chance_of(metric, rows(train), rows(other), THREE).value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("metric", SCORERS["regression"])
def test_of_every_scorer_of_a_quantity(metric: str) -> None:
    train, other = QUANTITIES
    expected = best_dummy(metric, [dummy("mean", train), dummy("median", train)], train, other)
    assert chance_of(metric, rows(train), rows(other), ()).value == pytest.approx(expected, rel=1e-5)


def test_of_a_quantity_by_loss_and_by_mae() -> None:
    train, other = QUANTITIES
    loss, mae = (chance_of(name, rows(train), rows(other), ()) for name in ("val_loss", "mae"))
    assert loss.value == pytest.approx(
        mean_squared_error(other, dummy("mean", train).predict(rows(other).x)), rel=1e-5
    )
    assert mae.value == pytest.approx(np.abs(other - np.median(train)).mean(), rel=1e-5)
    assert (loss.constant, mae.constant) == ("the mean", "the median")
    # R2 is 0 for the mean of the rows that are scored, and below 0 for that of any others.
    r2 = chance_of("r2", rows(train), rows(other), ()).value
    assert r2 is not None
    assert -0.05 < r2 <= 0


def test_what_is_not_finite_is_not_known() -> None:
    one_class = np.zeros(20, np.int32)
    assert chance_of("roc_auc", rows(RARE[0]), rows(one_class), LABELS).value is None
