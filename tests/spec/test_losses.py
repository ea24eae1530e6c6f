"""Losses and class weights in a study file, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpsearch.data import load_dataset
from hpsearch.engines.policy.loss import check_class_weights, check_loss, notes_on_losses, single_loss
from hpsearch.exceptions import StudyFileError, UnsupportedError
from hpsearch.spec import Data, StudySpec
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.loading import load_study_file
from hpsearch.study.inspection import inspect


def study(data: Any = "sklearn:iris", metric: str = "val_accuracy", **training: Any) -> StudySpec:
    return StudySpec.model_validate(
        {
            "name": "s",
            "data": data,
            "model": {"mlp": {"hidden": [4]}},
            "training": {"epochs": 1, **training},
            "search": {"metric": metric},
        }
    )


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ("loss: mean_sqared_error", "did you mean 'mean_squared_error'"),
        ("loss: dice", "is one number for a batch"),
        ("loss: {huber: {delta: -1}}", "delta"),
        ("loss: {python: f}", "only beside a model in Python"),
        ("loss: {choice: [mse, mae]}", "another metric than val_loss"),
        ("loss: {huber: {delta: {uniform: [1, 2]}}}", "another metric than val_loss"),
        ("class_weight: {a: -1}", "class_weight"),
        ("class_weight: balance", "class_weight"),
    ],
)
def test_errors_have_a_line(training: str, said: str, tmp_path: Path) -> None:
    text = "name: s\ndata: sklearn:iris\nmodel: {mlp: {hidden: [4]}}\ntraining:\n  epochs: 1\n  " + training
    (tmp_path / "s.yaml").write_text(text + "\n", encoding="utf-8")
    with pytest.raises(StudyFileError, match=said) as failure:
        load_study_file(tmp_path / "s.yaml")
    assert "s.yaml:" in str(failure.value)


def test_losses_and_weights_are_searched() -> None:
    weight = {"choice": ["none", "balanced", {"setosa": {"uniform": [1, 5]}}]}
    loss = {
        "choice": [
            "categorical_crossentropy",
            {"categorical_focal_crossentropy": {"gamma": {"uniform": [1, 3]}}},
        ]
    }
    names = [one.name for one in SearchSpace(study(loss=loss, class_weight=weight)).parameters]
    assert names == [
        "loss",
        "loss.categorical_focal_crossentropy.gamma",
        "class_weight",
        "class_weight.setosa.setosa",
    ]


@pytest.mark.parametrize(
    ("data", "training", "said"),
    [
        (
            "sklearn:iris",
            {"loss": "binary_crossentropy"},
            "the data have three or more classes; choose one of",
        ),
        ("sklearn:diabetes", {"loss": "categorical_hinge"}, "the data have a regression"),
        ("sklearn:breast_cancer", {"loss": "poisson"}, "the data have two classes"),
        ("sklearn:diabetes", {"class_weight": "balanced"}, "expected a classification"),
        ("sklearn:iris", {"class_weight": {"setos": 2}}, r"no class 'setos' \(did you mean 'setosa'\?\)"),
    ],
)
def test_what_does_not_suit_the_data_is_refused(data: str, training: dict[str, Any], said: str) -> None:
    spec, dataset = study(data, **training), load_dataset(Data.model_validate(data), Path())
    check = check_loss if "loss" in training else check_class_weights
    with pytest.raises(UnsupportedError, match=said):
        check(spec, dataset)


def test_targets_below_zero_and_weighted_rows_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y,c,w\n" + "".join(f"{i},{i - 3.5},{i % 2},1\n" for i in range(20)))
    named = {"csv": str(tmp_path / "t.csv"), "target": "y", "weight": "w"}
    dataset = load_dataset(Data.model_validate(named), Path())
    with pytest.raises(UnsupportedError, match=r"poisson needs targets of 0 or more, and the least is -3\.5"):
        check_loss(study(named, loss="poisson"), dataset)
    named["target"] = "c"
    dataset = load_dataset(Data.model_validate(named), Path())
    with pytest.raises(UnsupportedError, match="the rows have weights already"):
        check_class_weights(study(named, class_weight="balanced"), dataset)
    check_class_weights(study(named, class_weight="none"), dataset)


def test_labels_have_losses_and_no_class_weights(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i % 2},{i % 3 // 2}\n" for i in range(20))
    (tmp_path / "t.csv").write_text("a,y,z\n" + rows)
    named = {"csv": str(tmp_path / "t.csv"), "target": ["y", "z"], "task": "multilabel"}
    dataset = load_dataset(Data.model_validate(named), Path())
    check_loss(study(named, loss="binary_focal_crossentropy"), dataset)
    with pytest.raises(UnsupportedError, match="the data have several labels; choose one of"):
        check_loss(study(named, loss="categorical_crossentropy"), dataset)
    with pytest.raises(UnsupportedError, match="the task is multilabel"):
        check_class_weights(study(named, class_weight="balanced"), dataset)


def test_the_common_loss_of_a_study_is_known_where_there_is_one() -> None:
    assert single_loss(study()) is None
    found = single_loss(study(loss="kl_divergence"))
    assert getattr(found, "name", None) == "kl_divergence"
    assert single_loss(study(loss={"choice": ["mse", "mae"]})) == "searched"
    (note,) = notes_on_losses(study(loss="categorical_hinge"))
    assert note.startswith("best.keras is compiled without a loss: it gives probabilities")
    assert not list(notes_on_losses(study(loss="huber")))


@pytest.mark.parametrize(
    "line",
    [
        "training: {epochs: 1, loss: poisson}",
        "training: {epochs: 1, class_weight: {setos: 2}}",
        "search: {metrics: [r2_score]}",
    ],
)
def test_validate_refuses_what_training_would(line: str, tmp_path: Path) -> None:
    text = f"name: s\ndata: sklearn:iris\nmodel: {{mlp: {{hidden: [4]}}}}\n{line}\n"
    text += "" if line.startswith("training") else "training: {epochs: 1}\n"
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UnsupportedError, match=r"s\.yaml:4: (training|search)\."):
        inspect(load_study_file(tmp_path / "s.yaml"))
