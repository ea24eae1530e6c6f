"""Partial dependence on columns, against scikit-learn's of the same model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import partial_dependence
from sklearn.linear_model import LogisticRegression

from hpsearch.training.column_effects import ColumnFeatures, column_effects

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 3))


def test_it_is_that_of_scikit_learn() -> None:
    model = RandomForestRegressor(20, random_state=0).fit(X, np.sin(2 * X[:, 0]) + X[:, 1])
    columns = [ColumnFeatures("b", (1,)), ColumnFeatures("a", (0,))]
    found = column_effects(columns, X, lambda x: model.predict(x)[:, None], (), 0)
    assert [(one.column, one.of) for one in found] == [("b", ""), ("a", "")]
    for one, place in zip(found, (1, 0), strict=True):
        values = [at.value for at in one.values]
        assert len(values) == 9
        assert set(values) <= set(X[:, place])
        theirs = partial_dependence(
            model, X, [place], custom_values={place: np.array(values)}, method="brute"
        )
        assert [at.mean for at in one.values] == pytest.approx(theirs["average"][0].tolist())


def test_of_many_classes_the_one_that_moves_most_is_told() -> None:
    model = LogisticRegression().fit(X, np.digitize(X[:, 2], [-1, 1.5]))
    (one,) = column_effects([ColumnFeatures("c", (2,))], X, model.predict_proba, ("low", "middle", "high"), 0)
    theirs = partial_dependence(
        model,
        X,
        [2],
        custom_values={2: np.array([at.value for at in one.values])},
        response_method="predict_proba",
    )["average"]
    spans = theirs.max(axis=1) - theirs.min(axis=1)
    assert one.of == ("low", "middle", "high")[int(spans.argmax())]
    assert [at.mean for at in one.values] == pytest.approx(theirs[spans.argmax()].tolist())


def test_all_rows_get_each_category() -> None:
    x = np.hstack([np.eye(3)[RANDOM.integers(0, 3, 100)], X[:100, :1]])
    seen: list[Any] = []

    def given(rows: Any) -> Any:
        seen.append(rows)
        return rows[:, :1]

    (one,) = column_effects([ColumnFeatures("kind", (0, 1, 2), ("p", "q", "r"))], x, given, ("no", "yes"), 0)
    assert [(at.value, at.mean) for at in one.values] == [("p", 1.0), ("q", 0.0), ("r", 0.0)]
    assert one.of == "yes"
    parts = seen[0].reshape(3, 100, 4)
    assert (parts[:, :, 3] == x[:, 3]).all()
    for place in range(3):
        assert (parts[place, :, :3] == np.eye(3)[place]).all()
