"""Targets of several numbers: labels, quantities, and rows that are their own targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.metrics import average_precision_score, f1_score, log_loss, r2_score, roc_auc_score

from hpsearch.data import Dataset, Rows, load_dataset
from hpsearch.engines.policy.metric import check_metric
from hpsearch.exceptions import DataError, StudyFileError, UnsupportedError
from hpsearch.models.components.objectives import Objective
from hpsearch.spec import Data, StudySpec, load_study_file
from hpsearch.training.chance import chance_of
from hpsearch.training.evaluation import Predictions, evaluate
from hpsearch.training.scorers import score

pytestmark = pytest.mark.slow

DRAWN = np.random.default_rng(0)
X = DRAWN.normal(size=(60, 4)).astype(np.float32)
LABELS = (DRAWN.normal(size=(60, 3)) > 0.3).astype(int)
NUMBERS = DRAWN.normal(size=(60, 3))


def loaded(folder: Path, y: Any, **options: Any) -> Dataset:
    np.savez(folder / "d.npz", x=X, y=y)
    return load_dataset(Data.model_validate({"npz": "d.npz", **options}), folder)


def table(folder: Path, **options: Any) -> Dataset:
    rows = [f"{i},{i % 2},{(i // 3) % 2},{i / 7}" for i in range(60)]
    (folder / "d.csv").write_text("\n".join(["n,sun,rain,heat", *rows]), encoding="utf-8")
    return load_dataset(Data.model_validate({"csv": "d.csv", **options}), folder)


def test_zeros_and_ones_are_labels_and_other_numbers_quantities(tmp_path: Path) -> None:
    labels, numbers = loaded(tmp_path, LABELS), loaded(tmp_path, NUMBERS)
    assert (labels.task, labels.outputs, labels.targets, labels.labels) == (
        "multilabel",
        3,
        ("0", "1", "2"),
        (),
    )
    assert (numbers.task, numbers.outputs) == ("regression", 3)
    for dataset, y in ((labels, LABELS), (numbers, NUMBERS.astype(np.float32))):
        split = dataset.splits[0]
        np.testing.assert_array_equal(split.train.y, y[split.train_index])
    assert loaded(tmp_path, LABELS, task="regression").task == "regression"
    assert loaded(tmp_path, NUMBERS[:, :1]).targets == ()


def test_one_hot_classes_are_numbered_where_the_study_says_so(tmp_path: Path) -> None:
    classes = np.arange(60) % 3
    one_hot = np.eye(3)[classes]
    with pytest.raises(DataError, match="write 'task: classification' if they are one-hot classes"):
        loaded(tmp_path, one_hot)
    dataset = loaded(tmp_path, one_hot, task="classification")
    np.testing.assert_array_equal(dataset.splits[0].train.y, classes[dataset.splits[0].train_index])
    assert loaded(tmp_path, one_hot, task="multilabel").task == "multilabel"


def test_several_columns_of_a_table_are_targets(tmp_path: Path) -> None:
    dataset = table(tmp_path, target=["rain", "sun"])
    assert (dataset.task, dataset.targets, dataset.features) == ("multilabel", ("rain", "sun"), (2,))
    split = dataset.splits[0]
    np.testing.assert_array_equal(split.train.y[:, 1], split.train_index % 2)
    assert table(tmp_path, target=["rain", "heat"]).task == "regression"
    preprocessing = dataset.preprocessing()
    assert (preprocessing.units, preprocessing.read(tmp_path / "d.csv").notes) == (2, ())


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        (NUMBERS, {"task": "classification"}, "3 targets that are not one-hot"),
        (NUMBERS, {"task": "multilabel"}, "some targets are neither 0 nor 1"),
        (LABELS[:, 0], {"task": "multilabel"}, "each row has a single target"),
        (LABELS, {"classes": [0, 1]}, "these are several targets"),
        (LABELS.astype(str), {}, "y_train must have one text for each row"),
        (LABELS[:, :, None], {}, "one number, or a list of numbers"),
        (np.where(NUMBERS > 2, np.nan, NUMBERS), {}, "is nan; every number must be finite"),
    ],
)
def test_what_does_not_suit_is_refused(tmp_path: Path, y: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        loaded(tmp_path, y, **options)


def test_a_column_of_words_or_a_wrong_name_is_no_target(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no target column 'rein' \(did you mean 'rain'\?\)"):
        table(tmp_path, target=["rein", "sun"])
    (tmp_path / "w.csv").write_text("a,b,c\n1,2,x\n2,3,y\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"w.csv:2: column 'c' holds 'x'"):
        load_dataset(Data.model_validate({"csv": "w.csv", "target": ["b", "c"]}), tmp_path)


class TestRowsThatAreTheirOwnTargets:
    def test_they_are_the_scaled_rows(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "d.npz", x=X.reshape(60, 2, 2))
        options = {"npz": "d.npz", "target": "x", "standardize": True, "test": 9}
        dataset = load_dataset(Data.model_validate(options), tmp_path)
        split, test, raw = dataset.splits[0], dataset.test(), dataset.raw_test()
        assert test is not None
        assert raw is not None
        for rows in (split.train, split.validation, test):
            np.testing.assert_array_equal(rows.y, rows.x.reshape(len(rows), 4))
        np.testing.assert_array_equal(dataset.raw(0, "train").y, split.train.y)
        np.testing.assert_array_equal(raw.y, test.y)
        assert (dataset.task, dataset.outputs, dataset.features) == ("regression", 4, (2, 2))

    def test_any_source_may_be_so(self, tmp_path: Path) -> None:
        digits = load_dataset(
            Data.model_validate({"sklearn": "digits", "target": "x", "rescale": "1/16"}), tmp_path
        )
        split = digits.splits[0]
        expected = load_digits().data[split.train_index].astype(np.float32) / 16
        np.testing.assert_array_equal(split.train.y, expected)
        every = table(tmp_path, target="x")
        assert every.targets == ("n", "sun", "rain", "heat")
        assert every.splits[0].train.y.shape == (48, 4)

    def test_a_column_of_that_name_is_a_target(self, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text("a,x\n" + "1,2.5\n2,3\n" * 9, encoding="utf-8")
        dataset = load_dataset(Data.model_validate({"csv": "x.csv", "target": "x"}), tmp_path)
        assert (dataset.features, dataset.targets) == ((1,), ())

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ("{sklearn: digits, target: y}", "'target: x', the rows themselves"),
            ("{sklearn: digits, target: x, classes: [1, 2]}", "no 'classes' with 'target: x'"),
            ("{sklearn: digits, target: x, task: classification}", "regression with 'target: x'"),
        ],
    )
    def test_what_excludes_it_is_told_with_its_line(self, tmp_path: Path, data: str, message: str) -> None:
        text = f"name: a\ndata: {data}\nmodel: {{mlp: {{hidden: [4]}}}}\ntraining: {{epochs: 1}}\n"
        (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(StudyFileError, match=r"study.yaml:2: ") as failure:
            load_study_file(tmp_path / "study.yaml")
        assert message in str(failure.value)


class TestMeasures:
    def test_losses_and_scores_are_those_of_keras(self) -> None:
        logits = DRAWN.normal(size=(60, 3)).astype(np.float32)
        labels, numbers = Objective("multilabel", 3), Objective("regression", 3)
        y = NUMBERS.astype(np.float32)
        binary = keras.losses.BinaryCrossentropy(from_logits=True)(LABELS, logits)
        assert float(np.mean(labels.losses(LABELS, logits))) == pytest.approx(float(binary), rel=1e-6)
        assert float(np.mean(numbers.losses(y, logits))) == pytest.approx(
            np.square(y - logits).mean(), rel=1e-6
        )
        accuracy = keras.metrics.BinaryAccuracy()
        given = labels.predictions(logits)
        accuracy.update_state(LABELS, given)
        assert float(np.mean(labels.scores(LABELS, given))) == pytest.approx(float(accuracy.result()))
        assert float(np.mean(numbers.scores(y, logits))) == pytest.approx(np.abs(y - logits).mean(), rel=1e-6)
        assert (labels.units, labels.activation, Objective("multilabel", 2).units) == (3, "sigmoid", 2)

    def test_scorers_are_those_of_scikit_learn(self) -> None:
        given, y = DRAWN.uniform(size=(60, 3)), LABELS.astype(np.int32)
        for metric, expected in (
            ("f1_macro", f1_score(y, given > 0.5, average="macro")),
            ("average_precision", average_precision_score(y, given)),
            ("roc_auc", roc_auc_score(y, given)),
        ):
            assert score(metric, y, given, ()) == pytest.approx(expected), metric
        assert score("r2", NUMBERS, given, ()) == pytest.approx(r2_score(NUMBERS, given))

    def test_chance_is_what_a_dummy_gives(self) -> None:
        train, rows = (Rows(X[part], LABELS[part].astype(np.int32)) for part in (slice(40), slice(40, 60)))
        dummy = DummyClassifier(strategy="prior").fit(train.x, train.y)
        shares = np.column_stack([one[:, 1] for one in dummy.predict_proba(rows.x)])
        expected = np.mean([log_loss(rows.y[:, k], shares[:, k], labels=[0, 1]) for k in range(3)])
        assert chance_of("val_loss", train, rows, ()).value == pytest.approx(expected)
        assert chance_of("val_accuracy", train, rows, ()).value == pytest.approx(
            (rows.y == (shares > 0.5)).mean()
        )
        numbers = [Rows(X[part], NUMBERS[part].astype(np.float32)) for part in (slice(40), slice(40, 60))]
        middle = NUMBERS[:40].mean(axis=0)
        found = chance_of("val_loss", *numbers, ()).value
        assert found == pytest.approx(np.square(NUMBERS[40:] - middle).mean(), rel=1e-5)

    def test_the_test_set_is_measured_by_row(self) -> None:
        given = DRAWN.uniform(size=(60, 3))
        losses = np.ones(60)
        labels = evaluate(Predictions(LABELS.astype(np.int32), given, losses, ()), "test", "f1_macro", 0)
        by_name = {measure.name: measure.value for measure in labels.measures}
        assert by_name["accuracy"] == pytest.approx(((given > 0.5) == LABELS).mean())
        assert (list(by_name), labels.confusion, labels.residuals) == (
            ["loss", "accuracy", "f1_macro"],
            None,
            None,
        )
        numbers = evaluate(Predictions(NUMBERS, given, losses, ()), "test", "val_loss", 0)
        assert numbers.measures[1].value == pytest.approx(np.abs(given - NUMBERS).mean())
        assert numbers.residuals is not None
        assert numbers.residuals.quantiles[0] == pytest.approx((given - NUMBERS).min())

    def test_a_metric_for_one_target_is_refused(self, tmp_path: Path) -> None:
        dataset = loaded(tmp_path, LABELS)
        study = {
            "name": "a",
            "data": "npz:d.npz",
            "model": {"mlp": {"hidden": [4]}},
            "training": {"epochs": 1},
        }
        check_metric(StudySpec.model_validate({**study, "search": {"metric": "f1_macro"}}), dataset)
        with pytest.raises(UnsupportedError, match="matthews_corrcoef cannot be computed") as failure:
            check_metric(
                StudySpec.model_validate({**study, "search": {"metric": "matthews_corrcoef"}}), dataset
            )
        assert "f1_micro" in str(failure.value)
        with pytest.raises(UnsupportedError, match="r2 is not defined for multilabel"):
            check_metric(StudySpec.model_validate({**study, "search": {"metric": "r2"}}), dataset)
