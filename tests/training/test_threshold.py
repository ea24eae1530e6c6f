"""The threshold that tells two classes apart, against scikit-learn's scorers and its own choice of a threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import f1_score, get_scorer
from sklearn.model_selection import TunedThresholdClassifierCV

from hpsearch.spec.sections.search import ThresholdScorer
from hpsearch.training.evaluation import Predictions, evaluate, guessed
from hpsearch.training.threshold import FORMULAS, HALF, Counts, Threshold, choose_threshold, judge_threshold

SCORERS = ThresholdScorer.__args__  # type: ignore[attr-defined]


def rows(seed: int, count: int = 120, rare: float = 0.2) -> tuple[Any, Any]:
    """Give classes, and probabilities that are low and tell them apart a little; many are equal."""
    generator = np.random.default_rng(seed)
    y = (generator.uniform(size=count) < rare).astype(np.int32)
    said = 1 / (1 + np.exp(-generator.normal(1.5 * y - 1.5, 1.0)))
    return y, said.round(2).astype(np.float32)[:, None]


def by_sklearn(name: str, y: Any, guesses: Any) -> float:
    scorer = get_scorer(name)
    return float(scorer._score_func(y, guesses, **scorer._kwargs))


class Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose rows are its probabilities."""

    def fit(self, x: Any, y: Any) -> Given:
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, x: Any) -> Any:
        return np.hstack([1 - x, x])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("seed", range(3))
def test_every_score_of_counts_is_scikit_learns(name: str, seed: int) -> None:
    y, given = rows(seed, 40)
    thresholds = np.linspace(-0.01, 1.01, 60)
    found = FORMULAS[name](Counts.above(thresholds, given[:, 0].astype(float), y == 1))
    expected = [by_sklearn(name, y, (given[:, 0] > one).astype(int)) for one in thresholds]
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SCORERS)
@pytest.mark.parametrize("seed", range(3))
def test_no_threshold_between_probabilities_is_better(name: str, seed: int) -> None:
    y, given = rows(seed)
    found = choose_threshold(name, y, given)
    assert found is not None
    known = np.unique(given.astype(float))
    tried = [HALF, *((known[1:] + known[:-1]) / 2)]
    scores = np.array([by_sklearn(name, y, (given[:, 0] > one).astype(int)) for one in tried])
    assert found.score == pytest.approx(scores.max(), abs=1e-12)
    nearest = min(
        abs(one - HALF) for one, score in zip(tried, scores, strict=True) if score > scores.max() - 1e-9
    )
    assert abs(found.value - HALF) == pytest.approx(nearest)
    assert found.score_at_half == pytest.approx(scores[0])
    assert by_sklearn(name, y, guessed(given, found)) == pytest.approx(found.score)
    assert (found.scorer, found.rows) == (name, len(y))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["balanced_accuracy", "f1", "matthews_corrcoef"])
def test_scikit_learns_own_choice_is_not_better(name: str) -> None:
    y, given = rows(7, 400)
    tuned = TunedThresholdClassifierCV(
        Given().fit(None, None), scoring=name, thresholds=1_000, cv="prefit", refit=False
    )
    tuned.fit(given.astype(float), y)
    found = choose_threshold(name, y, given)
    assert found is not None
    assert found.score == pytest.approx(tuned.best_score_, abs=1e-9)
    assert found.score > found.score_at_half


def test_one_half_is_kept_where_nothing_is_better() -> None:
    y, given = np.array([0, 0, 1, 1]), np.array([[0.1], [0.2], [0.6], [0.9]], np.float32)
    found = choose_threshold("f1", y, given)
    assert found == Threshold("f1", HALF, 1.0, 1.0, 4)


def test_neighbours_of_float32_are_told_apart() -> None:
    low = np.float32(0.3)
    given = np.array([low, np.nextafter(low, np.float32(1))])[:, None]
    found = choose_threshold("accuracy", np.array([0, 1]), given)
    assert found is not None
    assert found.score == 1.0
    assert guessed(given, found).tolist() == [0, 1]


@pytest.mark.parametrize("y", [[0, 0, 0], [1, 1, 1]])
def test_rows_of_one_class_choose_nothing(y: list[int]) -> None:
    assert choose_threshold("f1", np.array(y), np.array([[0.1], [0.2], [0.3]])) is None


def test_probabilities_that_are_not_finite_choose_and_judge_nothing() -> None:
    y, given = np.array([0, 1, 1]), np.array([[0.1], [np.nan], [0.3]])
    assert choose_threshold("f1", y, given) is None
    assert list(judge_threshold(Threshold("f1", 0.2, 1.0, 0.5, 3), y, given, 0)) == []


def test_other_rows_judge_it_with_the_intervals_of_a_bootstrap_over_rows() -> None:
    y, given = rows(1, 300)
    threshold = choose_threshold("f1", y, given)
    assert threshold is not None
    y, given = rows(2, 300)
    found = {one.gain.name: one for one in judge_threshold(threshold, y, given, 0)}
    assert list(found) == ["f1", "accuracy", "balanced_accuracy", "precision", "recall"]
    chosen, half = guessed(given, threshold), guessed(given)
    for name, one in found.items():
        values = by_sklearn(name, y, chosen), by_sklearn(name, y, half)
        assert [one.at_threshold.value, one.at_half.value] == pytest.approx(values)
        assert one.gain.value == pytest.approx(values[0] - values[1])

    def gain(y: Any, chosen: Any, half: Any) -> float:
        return float(f1_score(y, chosen, zero_division=0) - f1_score(y, half, zero_division=0))

    drawn = bootstrap(
        (y, chosen, half), gain, paired=True, vectorized=False, method="percentile", n_resamples=1_000, rng=0
    )
    interval = found["f1"].gain.low, found["f1"].gain.high
    width = drawn.confidence_interval.high - drawn.confidence_interval.low
    assert interval == pytest.approx(tuple(drawn.confidence_interval), abs=0.15 * width)


def test_the_confusion_matrix_is_at_the_threshold_and_the_measures_are_at_one_half() -> None:
    y, given = rows(3)
    threshold = Threshold("f1", 0.25, 0.5, 0.4, 9)
    without, found = (
        evaluate(Predictions(y, given, given[:, 0], ("no", "yes"), one), "test", "f1", 1)
        for one in (None, threshold)
    )
    assert found.measures == without.measures
    assert without.decided == ()
    assert found.confusion is not None
    above = given[:, 0] > 0.25
    assert found.confusion[1] == (int((~above & (y == 1)).sum()), int((above & (y == 1)).sum()))
    assert {one.at_half.name: one.at_half.value for one in found.decided}["f1"] == pytest.approx(
        found.measures[-1].value
    )
    judged_by_choosing = evaluate(
        Predictions(y, given, given[:, 0], ("no", "yes"), threshold), "validation", "f1", 1
    )
    assert judged_by_choosing.decided == ()
