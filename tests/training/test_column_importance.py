"""Permutation importance of columns, against scikit-learn's of the same model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression

from hpsearch.training.column_importance import MOST_COLUMNS, column_importance

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(2_000, 4))
Y = 3 * X[:, 0] + X[:, 1] + RANDOM.normal(size=2_000)
MODEL = LinearRegression().fit(X, Y)


def losses(rows: Any, x: Any) -> Any:
    return (MODEL.predict(x) - Y[rows]) ** 2


def test_it_is_that_of_scikit_learn() -> None:
    found = column_importance({name: [place] for place, name in enumerate("abcd")}, X, losses, 0)
    theirs = permutation_importance(
        MODEL, X, Y, scoring="neg_mean_squared_error", n_repeats=20, random_state=1
    )
    assert [one.column for one in found][:2] == ["a", "b"]
    for one in found:
        mean = theirs.importances_mean["abcd".index(one.column)]
        assert one.value == pytest.approx(mean, rel=0.1, abs=0.02)
        assert one.low is not None
        assert one.high is not None
        assert one.low - 0.02 <= mean <= one.high + 0.02


def test_an_interval_over_rows_holds_what_other_rows_give() -> None:
    held = 0
    for seed in range(20):
        rows = np.random.default_rng(seed).choice(2_000, 200, replace=False)

        def of_rows(places: Any, x: Any, rows: Any = rows) -> Any:
            return losses(rows[places], x)

        (one,) = column_importance({"b": [1]}, X[rows], of_rows, seed)
        assert one.low is not None
        assert one.high is not None
        held += one.low <= 2 * MODEL.coef_[1] ** 2 <= one.high
    assert held >= 16


def test_features_of_one_column_are_shuffled_together() -> None:
    labels = RANDOM.integers(0, 3, 600)
    x = np.eye(3)[labels]

    def of_rows(rows: Any, given: Any) -> Any:
        assert (given.sum(axis=1) == 1).all()
        return (given.argmax(axis=1) != labels[rows]).astype(float)

    (one,) = column_importance({"kind": [0, 1, 2]}, x, of_rows, 1)
    shares = np.bincount(labels) / 600
    assert one.value == pytest.approx(1 - (shares**2).sum(), abs=0.05)


def test_windows_are_shuffled_whole() -> None:
    x = RANDOM.normal(size=(50, 7, 2))
    seen = []

    def of_rows(rows: Any, given: Any) -> Any:
        seen.append(given)
        return np.zeros(len(rows))

    column_importance({"second": [1]}, x, of_rows, 1)
    (given,) = seen
    shuffled = given[50:100]
    assert (shuffled[..., 0] == x[..., 0]).all()
    assert sorted(map(tuple, shuffled[..., 1])) == sorted(map(tuple, x[..., 1]))


def test_very_many_columns_are_left_out() -> None:
    columns = {str(place): [place] for place in range(MOST_COLUMNS + 1)}
    assert column_importance(columns, np.zeros((5, MOST_COLUMNS + 1)), losses, 0) == ()
