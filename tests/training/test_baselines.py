"""Models without a search, against scikit-learn's own on the same rows, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hpsearch.analysis.baselines import BaselineComparison
from hpsearch.data import Dataset, load_dataset
from hpsearch.report.words.baselines import baselines_line, baselines_table
from hpsearch.spec import Data
from hpsearch.training import baselines
from hpsearch.training.baselines import Baseline, fit_baselines


def loaded(**data: Any) -> Dataset:
    return load_dataset(Data.model_validate(data), Path())


def test_classifiers_are_those_of_scikit_learn() -> None:
    dataset = loaded(sklearn="wine")
    train, rows = dataset.splits[0].train, dataset.splits[0].validation
    found = fit_baselines(dataset, "val_loss")
    assert found is not None
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(train.x, train.y)
    trees = HistGradientBoostingClassifier(random_state=0).fit(train.x, train.y)
    expected = [log_loss(rows.y, model.predict_proba(rows.x)) for model in (linear, trees)]
    assert [one.value for one in found.rows[1:]] == pytest.approx(expected, rel=1e-5)
    assert found.rows[0].value == pytest.approx(dataset.summary().chance_loss, rel=1e-6)


def test_regressors_are_judged_by_the_metric_on_every_fold() -> None:
    dataset = loaded(sklearn="diabetes", validation={"folds": 2})
    found = fit_baselines(dataset, "r2")
    assert found is not None
    models = (make_pipeline(StandardScaler(), Ridge()), HistGradientBoostingRegressor(random_state=0))
    for one, model in zip(found.rows[1:], models, strict=True):
        scores = [
            r2_score(split.validation.y, model.fit(split.train.x, split.train.y).predict(split.validation.x))
            for split in dataset.splits
        ]
        assert one.value == pytest.approx(sum(scores) / 2, rel=1e-6)


def test_many_rows_are_sampled_and_many_features_get_no_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "MOST_NUMBERS", 142 * 13)
    monkeypatch.setattr(baselines, "MOST_FEATURES", 12)
    found = fit_baselines(loaded(sklearn="wine"), "val_accuracy")
    assert found is not None
    assert [(one.name, one.rows) for one in found.rows] == [
        ("class frequencies", 48),
        ("logistic regression", 48),
    ]


def test_rows_that_are_their_own_targets_have_none() -> None:
    assert fit_baselines(loaded(sklearn="iris", target="x"), "val_loss") is None


def test_the_line_names_what_is_not_beaten() -> None:
    rows = (Baseline("mean", 2.0, 0.1, 10), Baseline("ridge regression", 0.5, 0.1, 10))
    found = BaselineComparison("val_loss", 0.75, rows, ("ridge regression",))
    line = "baselines: mean 2, ridge regression 0.5. The winner does not beat ridge regression"
    assert baselines_line(found) == line
    assert [row[0].text for row in baselines_table(found).rows] == ["winner", "mean", "ridge regression"]
