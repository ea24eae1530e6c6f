"""A search as an estimator of scikit-learn, held against what scikit-learn expects of its own."""

from __future__ import annotations

import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

import hpsearch
from hpsearch import KerasSearchClassifier, KerasSearchRegressor

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
SMALL: dict[str, Any] = {
    "model": {"mlp": {"hidden": [16]}},
    "training": {"learning_rate": 0.03, "epochs": 30, "batch_size": 16},
    "engine": "in_process",
}
SEARCHED = {**SMALL, "training": {**SMALL["training"], "learning_rate": {"log_uniform": [1e-2, 1e-1]}}}

NOT_FOR_NETWORKS = {
    "check_sample_weight_equivalence_on_dense_data": "rows are split and batched at random",
}
"""Checks that no estimator with random batches and validation rows passes, and why."""


@pytest.fixture(scope="module")
def fitted() -> KerasSearchClassifier:
    return KerasSearchClassifier(**SEARCHED, trials=2, random_state=0).fit(X, NAMES)


@pytest.mark.slow
class TestClassifier:
    def test_it_predicts_the_classes_that_it_was_given(self, fitted: KerasSearchClassifier) -> None:
        assert list(fitted.classes_) == ["setosa", "versicolor", "virginica"]
        assert fitted.score(X, NAMES) > 0.9
        proba = fitted.predict_proba(X)
        np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
        assert (fitted.classes_[proba.argmax(axis=1)] == fitted.predict(X)).all()

    def test_the_keras_model_gives_the_same(self, fitted: KerasSearchClassifier) -> None:
        given = fitted.keras_model().predict(X.astype(np.float32), verbose=0)
        np.testing.assert_allclose(given, fitted.predict_proba(X), atol=1e-6)

    def test_a_pickle_predicts_the_same(self, fitted: KerasSearchClassifier) -> None:
        fitted.predict(X)
        written = pickle.dumps(fitted)
        named = [str(argument) for _, argument, _ in pickletools.genops(written)]
        assert [name for name in named if name.startswith("keras")] == []
        assert (pickle.loads(written).predict_proba(X) == fitted.predict_proba(X)).all()

    def test_its_trials_have_the_columns_of_a_randomized_search(self, fitted: KerasSearchClassifier) -> None:
        theirs = RandomizedSearchCV(LogisticRegression(), {"C": [1, 2]}, n_iter=2, cv=2).fit(X, Y).cv_results_
        ours = fitted.cv_results_
        folds = {name for name in theirs if name.startswith("split")}
        scored = {
            "mean_score_time",
            "std_score_time",
        }  # a trial is validated after each epoch of its training
        assert set(theirs) - folds - scored - {"param_C"} == set(ours) - {"param_learning_rate"}
        best = int(np.argmin(ours["rank_test_score"]))
        assert ours["params"][best] == fitted.best_params_
        assert fitted.best_score_ == ours["mean_test_score"][best] == ours["mean_test_score"].max()
        assert all(len(column) == 2 for column in ours.values())

    def test_a_clone_finds_the_same_again(self, fitted: KerasSearchClassifier) -> None:
        again = clone(fitted).fit(X, NAMES)
        assert again.best_params_ == fitted.best_params_
        assert (again.predict_proba(X) == fitted.predict_proba(X)).all()


@pytest.mark.long
def test_pipelines_are_cross_validated() -> None:
    search = KerasSearchClassifier(**SMALL, trials=1, random_state=0)
    scores = cross_val_score(make_pipeline(MinMaxScaler(), search), X, NAMES, cv=3)
    assert scores.mean() > 0.9


@pytest.mark.long
def test_its_own_settings_may_be_searched() -> None:
    search = KerasSearchClassifier(**SMALL, trials=1, random_state=0)
    found = GridSearchCV(search, {"epochs": [1, 20]}, cv=2).fit(X, Y)
    assert found.best_params_ == {"epochs": 20}


@pytest.mark.slow
def test_what_is_kept_is_a_study_that_goes_on(tmp_path: Path) -> None:
    search = KerasSearchClassifier(**SEARCHED, trials=1, random_state=0, out=tmp_path).fit(X, Y)
    study = hpsearch.load(search.study_name_, out=tmp_path)
    assert study.name.startswith("search-")
    assert (study.directory / "best.keras").read_bytes() == search.winner_.model
    longer = clone(search).set_params(trials=2).fit(X, Y)
    assert longer.n_trials_ == 2
    assert longer.study_name_ == search.study_name_


@pytest.mark.parametrize(
    ("kind", "y", "told"),
    [
        (KerasSearchClassifier, ["a"], "expected at least 2 classes; found one class, a"),
        (KerasSearchRegressor, [0.5], "rows to train on and rows to validate on; found 1 sample"),
    ],
)
def test_too_few_rows_are_an_error_of_values(kind: type[Any], y: list[Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        kind(**SMALL, trials=1).fit([[1.0, 2.0]], y)


@pytest.mark.long
@pytest.mark.parametrize("kind", [KerasSearchClassifier, KerasSearchRegressor])
def test_it_is_an_estimator_as_scikit_learn_checks_it(kind: type[Any]) -> None:
    results = check_estimator(
        kind(**SMALL, trials=1), expected_failed_checks=NOT_FOR_NETWORKS, on_skip=None, on_fail=None
    )
    failed = {one["check_name"]: one["exception"] for one in results if one["status"] == "failed"}
    assert not failed
    passed = [one for one in results if one["status"] == "passed"]
    assert len(passed) > 40
