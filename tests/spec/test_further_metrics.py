"""Metrics beside the study's own in a study file, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpsearch.data import load_dataset
from hpsearch.engines.session.open import further_of
from hpsearch.exceptions import StudyFileError, UnsupportedError
from hpsearch.models.sources.kinds import LAYERED
from hpsearch.spec import Data, StudySpec
from hpsearch.spec.study_file.loading import load_study_file


def study(metrics: Any, data: Any = "sklearn:iris") -> StudySpec:
    return StudySpec.model_validate(
        {
            "name": "s",
            "data": data,
            "model": {"mlp": {"hidden": [4]}},
            "training": {"epochs": 1},
            "search": {"metrics": metrics},
        }
    )


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ("[recal]", "did you mean 'recall'"),
        ("[auc, auc]", "metrics with names of their own, each once"),
        ("[accuracy]", "accuracy is recorded anyway, as val_accuracy"),
        ("[hinge]", "takes outputs before their activation"),
        ("[precision_at_recall]", "{precision_at_recall: {recall: ...}}"),
        ("[{precision: {thresholds: 2}}]", "thresholds"),
        ("[{python: f}]", "only beside a model in Python"),
        ("[]", "at least one item"),
        ("[{auc: {curve: {choice: [ROC, PR]}}}]", "curve"),
    ],
)
def test_errors_have_a_line(metrics: str, said: str, tmp_path: Path) -> None:
    text = "name: s\ndata: sklearn:iris\nmodel: {mlp: {hidden: [4]}}\ntraining: {epochs: 1}\nsearch:\n  metrics: "
    (tmp_path / "s.yaml").write_text(f"{text}{metrics}\n", encoding="utf-8")
    with pytest.raises(StudyFileError) as failure:
        load_study_file(tmp_path / "s.yaml")
    assert said in str(failure.value)
    assert "s.yaml:6: search" in str(failure.value)


def test_the_judge_is_not_recorded_twice() -> None:
    with pytest.raises(ValueError, match="metrics beside that of the study"):
        StudySpec.model_validate({**study("f1").dump(), "search": {"metric": "f1", "metrics": ["f1"]}})


def test_names_tell_the_arguments() -> None:
    metrics = ["auc", {"auc": {"curve": "PR"}}, {"precision": {"thresholds": 0.3}}, "roc_auc", "mse"]
    found = study(metrics)
    names = ("auc", "auc(curve=PR)", "precision(thresholds=0.3)", "roc_auc", "mean_squared_error")
    assert found.search.further == names
    assert StudySpec.model_validate(found.dump()) == found
    assert study("auc").search.further == ("auc",)
    plain = StudySpec.model_validate({**found.dump(), "search": {}})
    assert plain.search.further == ()
    assert "metrics" not in plain.search.dump()


@pytest.mark.parametrize(
    ("data", "metric", "said"),
    [
        ("sklearn:iris", "r2_score", "is for a regression, and the data have three or more classes"),
        ("sklearn:diabetes", "auc", "and the data have a regression; choose one of mean_squared_error"),
        ("sklearn:diabetes", "f1", "f1 is not defined for regression"),
        ("sklearn:iris", "f1", "it is defined for two classes"),
        ("sklearn:iris", "f1_score", "write {f1_score: {average: macro}}"),
        ("sklearn:iris", {"precision": {"class_id": 3}}, "a number from 0 to 2"),
        ("sklearn:iris", {"top_k_categorical_accuracy": {"k": 3}}, "the same for all predictions"),
        (
            "sklearn:iris",
            {"sparse_top_k_categorical_accuracy": {"k": 4}},
            "cannot be computed on the validation",
        ),
    ],
)
def test_what_does_not_suit_the_data_is_refused(data: str, metric: Any, said: str) -> None:
    spec, dataset = study([metric], data), load_dataset(Data.model_validate(data), Path())
    with pytest.raises(UnsupportedError) as failure:
        further_of(spec, dataset, LAYERED)
    assert said in str(failure.value)
    assert str(failure.value).startswith("search.metrics: ")


@pytest.mark.parametrize("metric", ["auc", "roc_auc"])
def test_one_class_among_the_validation_rows_is_told(metric: str, tmp_path: Path) -> None:
    rows = "".join(f"{i},{'no' if i > 14 or i % 2 else 'yes'}\n" for i in range(20))
    (tmp_path / "t.csv").write_text("a,y\n" + rows, encoding="utf-8")
    data = {"csv": str(tmp_path / "t.csv"), "target": "y", "validation": {"last": 5}}
    spec, dataset = study([metric], data), load_dataset(Data.model_validate(data), Path())
    with pytest.raises(UnsupportedError, match="it has no row of the class 'yes'"):
        further_of(spec, dataset, LAYERED)


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("mean_absolute_percentage_error", "some targets are 0"),
        ("poisson", "targets of 0 or more, and the least is -3"),
        ("mean_squared_logarithmic_error", "targets of 0 or more"),
    ],
)
def test_targets_that_a_metric_does_not_take_are_refused(metric: str, said: str, tmp_path: Path) -> None:
    rows = "".join(
        f"{i},{i % 9 - 3}.5\n" if metric != "mean_absolute_percentage_error" else f"{i},{i % 3}\n"
        for i in range(30)
    )
    (tmp_path / "t.csv").write_text("a,y\n" + rows, encoding="utf-8")
    data = {"csv": str(tmp_path / "t.csv"), "target": "y", "validation": {"last": 9}, "task": "regression"}
    spec, dataset = study([metric], data), load_dataset(Data.model_validate(data), Path())
    with pytest.raises(UnsupportedError, match=said):
        further_of(spec, dataset, LAYERED)
