"""Rows with several named targets, each of its own kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch.data import Dataset, load_dataset
from hpsearch.data.named_targets import NamedTarget, TargetLayout
from hpsearch.data.readers.arrays import given_arrays
from hpsearch.engines.policy.inputs import check_inputs
from hpsearch.engines.policy.metric import check_metric
from hpsearch.engines.policy.targets import check_targets
from hpsearch.exceptions import DataError, StudyFileError, UnsupportedError
from hpsearch.spec import Data, StudySpec, load_study_file
from hpsearch.spec.sections.objectives import direction_of

DRAWN = np.random.default_rng(0)
ROWS = 40
X = DRAWN.normal(size=(ROWS, 3)).astype(np.float32)
AGE = DRAWN.normal(40, 9, ROWS)
SEX = np.array(["f", "m"])[np.arange(ROWS) % 2]
KIND = np.arange(ROWS) % 3 + 5
TAGS = (DRAWN.uniform(size=(ROWS, 3)) > 0.5).astype(int)
NAMED = {"y_age": AGE, "y_kind": KIND, "y_sex": SEX, "y_tags": TAGS}
PYTHON = {"python": {"file": "nets.py"}}


def loaded(folder: Path, arrays: dict[str, Any], **options: Any) -> Dataset:
    np.savez(folder / "d.npz", **arrays)
    return load_dataset(Data.model_validate({"npz": "d.npz", **options}), folder)


def layout_of(dataset: Dataset) -> TargetLayout:
    assert dataset.target_layout is not None
    return dataset.target_layout


def study(model: Any = PYTHON, metric: str = "val_loss", data: Any = None, **training: Any) -> StudySpec:
    return StudySpec.model_validate(
        {
            "name": "n",
            "data": {"npz": "d.npz", **(data or {})},
            "model": model,
            "training": {"epochs": 1, **training},
            "search": {"metric": metric},
        }
    )


def test_each_target_has_the_task_of_its_values(tmp_path: Path) -> None:
    dataset = loaded(tmp_path, {"x": X, **NAMED})
    assert layout_of(dataset).targets == (
        NamedTarget("age", "regression"),
        NamedTarget("kind", "classification", ("5", "6", "7")),
        NamedTarget("sex", "classification", ("f", "m")),
        NamedTarget("tags", "multilabel", (), 3),
    )
    assert (dataset.task, dataset.outputs, dataset.summary().targets) == (
        "multitask",
        4,
        ("age", "kind", "sex", "tags"),
    )
    split = dataset.splits[0]
    index = split.validation_index
    found = {target.name: rows.y for target, rows in layout_of(dataset).rows_of(split.validation)}
    np.testing.assert_array_equal(found["age"], AGE[index].astype(np.float32))
    np.testing.assert_array_equal(found["kind"], KIND[index] - 5)
    np.testing.assert_array_equal(found["sex"], (SEX[index] == "m").astype(int))
    np.testing.assert_array_equal(found["tags"], TAGS[index])


def test_the_study_file_may_give_tasks_by_target(tmp_path: Path) -> None:
    dataset = loaded(tmp_path, {"x": X, **NAMED}, tasks={"kind": "regression"})
    assert [target.task for target in layout_of(dataset).targets][:2] == ["regression", "regression"]


def test_a_test_set_has_the_same_targets(tmp_path: Path) -> None:
    train = {name.replace("y_", "y_train_"): y for name, y in NAMED.items()}
    test = {name.replace("y_", "y_test_"): y[:9] for name, y in NAMED.items()}
    dataset = loaded(tmp_path, {"x_train": X, **train, "x_test": X[:9], **test})
    rows = dataset.raw_test()
    assert rows is not None
    np.testing.assert_array_equal(dict(_plain(layout_of(dataset), rows))["kind"], KIND[:9] - 5)
    with pytest.raises(DataError, match="y_kind: the test part has the class '9', which is not in training"):
        loaded(tmp_path, {"x_train": X, **train, "x_test": X[:9], **test, "y_test_kind": KIND[:9] + 4})
    with pytest.raises(DataError, match="lacks y_test_sex"):
        loaded(
            tmp_path,
            {"x_train": X, **train, "x_test": X[:9], **{k: v for k, v in test.items() if "sex" not in k}},
        )


def _plain(layout: TargetLayout, rows: Any) -> Any:
    return ((target.name, own.y) for target, own in layout.rows_of(rows))


def test_in_memory_they_are_what_a_file_holds(tmp_path: Path) -> None:
    named = {name[2:]: y for name, y in NAMED.items()}
    given = given_arrays((X, named))
    assert given.fingerprint == loaded(tmp_path, {"x": X, **NAMED}).fingerprint
    validated = given_arrays((((X, named)), (X[:5], {name: y[:5] for name, y in named.items()})))
    assert validated.validation == 5
    np.testing.assert_array_equal(validated.arrays["y_train_sex"], [*SEX, *SEX[:5]])


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({"x_age": X, **NAMED}, {}, "an input and a target are both called 'age'"),
        ({**NAMED, "y": AGE}, {}, "holds 'y' beside 'y_age': name every array y_NAME"),
        ({**NAMED, "y_age": AGE[:9]}, {}, "there are 40 rows, but y_age has 9"),
        ({**NAMED, "y_rows": AGE}, {}, "the name of a target behind y_: .* found 'rows'"),
        ({**NAMED, "y_age": np.where(AGE > 50, np.nan, AGE)}, {}, r"y_train_age\[\d+\] is nan"),
        ({"y_age": 1.7e12 + AGE, "y_sex": SEX}, {}, "y_age: float32 cannot resolve the targets"),
        ({"y_a": np.zeros(ROWS), "y_sex": SEX}, {}, "y_a: there is only one class"),
        (
            NAMED,
            {"task": "regression"},
            r"as in 'tasks: \{age: regression\}'; found 'task: regression' for all",
        ),
        (NAMED, {"tasks": {"agee": "regression"}}, r"'tasks' names 'agee' \(did you mean 'age'\?\)"),
        (NAMED, {"tasks": {"sex": "regression"}}, "y_sex: the task is regression, but the targets are text"),
        (NAMED, {"classes": ["f"]}, "'classes' is for a single target"),
    ],
)
def test_what_does_not_suit_is_refused(
    tmp_path: Path, arrays: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        loaded(tmp_path, {**({} if "x_age" in arrays else {"x": X}), **arrays}, **options)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            study({"mlp": {"units": 4, "layers": 1}}),
            "model.mlp: .* have y_age, y_kind, y_sex, y_tags: concat",
        ),
        (
            study(loss="huber"),
            r"training.loss: expected a loss for each target, as in 'losses: \{age: huber\}'",
        ),
        (
            study(losses={"agee": "huber"}),
            r"training.losses.agee: there is no target 'agee' \(did you mean 'age'",
        ),
        (
            study(loss_weights={"one": 2.0}),
            "training.loss_weights.one: there is no target 'one'; the targets are age",
        ),
        (
            study(losses={"sex": "poisson"}),
            "training.losses.sex: poisson is not for two classes; choose one of",
        ),
        (study(losses={"low": "poisson"}), "there is no target 'low'"),
        (
            study(metric="val_accuracy"),
            "val_accuracy is not defined for several targets; choose one of val_loss, val_",
        ),
        (
            study(metric="val_age_accuracy"),
            "choose one of val_loss, val_age_loss, val_age_mae, val_kind_loss",
        ),
    ],
)
def test_studies_that_do_not_suit_are_refused(tmp_path: Path, spec: StudySpec, message: str) -> None:
    dataset = loaded(tmp_path, {"x": X, **NAMED})

    def check() -> None:
        for suits in (check_inputs, check_targets, check_metric):
            suits(spec, dataset)

    with pytest.raises(UnsupportedError, match=message):
        check()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            study(losses={"age": "huber"}),
            "training.losses: this is for several named targets, .* write 'loss'",
        ),
        (study(loss_weights={"age": 1.0}), "training.loss_weights: this is for several named targets"),
        (study(data={"tasks": {"age": "regression"}}), "data.tasks: this is for several named targets"),
    ],
)
def test_a_single_target_has_no_names(tmp_path: Path, spec: StudySpec, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        check_targets(spec, loaded(tmp_path, {"x": X, "y": AGE}))


def test_losses_that_differ_are_not_judged_by_their_sum(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "name: n\ndata: {npz: d.npz}\nmodel: {python: {file: nets.py}}\n"
        "training: {epochs: 1, loss_weights: {age: {uniform: [0.1, 1]}}}\n",
        encoding="utf-8",
    )
    with pytest.raises(
        StudyFileError, match="another metric than val_loss, because the losses of trials differ"
    ):
        load_study_file(tmp_path / "s.yaml")


def test_early_stopping_looks_at_the_metric_of_a_target(tmp_path: Path) -> None:
    stopping = {"patience": 1, "monitor": "val_age_mae"}
    spec = study(metric="val_sex_accuracy", early_stopping=stopping)
    check_metric(spec, loaded(tmp_path, {"x": X, **NAMED}))
    found: Any = spec.training
    assert found.early_stopping.turned(2.0, "maximize") == 2.0


def test_the_metric_of_a_target_has_a_direction() -> None:
    found = [direction_of(f"val_age_{name}") for name in ("loss", "mae", "accuracy")]
    assert found == ["minimize", "minimize", "maximize"]
