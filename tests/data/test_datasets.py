"""Data sets against scikit-learn and numpy, and every way in which data can be wrong."""

from __future__ import annotations

import csv
import importlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from hpsearch.data import Dataset, Rows, Scaling, load_dataset
from hpsearch.exceptions import DataError
from hpsearch.spec import Data

NOWHERE = Path("nowhere")
NPY_AND_ZIP = b"\x93NUMPY\x01\x00\x06\x00{(+%=\n" + b"PK\x05\x06" + bytes(18)


def load(directory: Path = NOWHERE, data_dir: Path | None = None, **options: Any) -> Dataset:
    return load_dataset(Data.model_validate(options), directory, data_dir)


def write_csv(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture
def npz(tmp_path: Path) -> Callable[..., Dataset]:
    """Write arrays to an npz file and load it."""

    def write_and_load(arrays: Mapping[str, Any], **options: Any) -> Dataset:
        np.savez(tmp_path / "d.npz", **arrays)
        return load(tmp_path, npz="d.npz", **options)

    return write_and_load


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Dataset]:
    """Write the text of a csv file and load it."""

    def write_and_load(text: str | bytes, **options: Any) -> Dataset:
        raw = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "d.csv").write_bytes(raw)
        return load(tmp_path, csv="d.csv", **{"target": "y", **options})

    return write_and_load


def numbers(rows: int = 40, classes: int = 2) -> dict[str, Any]:
    x = np.random.default_rng(0).normal(size=(rows, 3)).astype(np.float32)
    return {"x_train": x, "y_train": np.arange(rows) % classes}


def whole(dataset: Dataset, split: int = 0) -> np.ndarray:
    """Give the raw training set in the order of the file."""
    chosen = dataset.splits[split]
    index = np.concatenate([chosen.train_index, chosen.validation_index])
    parts = [dataset.raw(split, "train").x, dataset.raw(split, "validation").x]
    return np.concatenate(parts)[np.argsort(index)]


class TestRandomNormal:
    def drawn(self, **options: Any) -> Dataset:
        return load(random_normal={"rows": 3000, "features": 7, "classes": 4}, **options)

    def test_features_are_standard_normal_and_independent(self) -> None:
        dataset = self.drawn()
        rows = whole(dataset)
        assert rows.shape == (3000, 7)
        assert rows.dtype == np.float32
        for feature in rows.T:
            assert stats.kstest(feature, "norm").pvalue > 1e-3
        others = np.corrcoef(rows.T) - np.eye(7)
        assert np.abs(others).max() < 0.1

    def test_every_class_is_equally_frequent_and_says_nothing_of_the_features(self) -> None:
        dataset = self.drawn(validation={"last": 600})
        split = dataset.splits[0]
        y = np.concatenate([split.train.y, split.validation.y])
        assert np.bincount(y).tolist() == [750] * 4
        assert (dataset.task, dataset.labels) == ("classification", ("0", "1", "2", "3"))
        assert len(set(y[:40].tolist())) == 4, "in random order"
        means = [whole(dataset)[y == number].mean(axis=0) for number in range(4)]
        assert np.abs(means).max() < 0.2

    def test_derives_from_the_split_seed(self) -> None:
        first, again, other = self.drawn(), self.drawn(), self.drawn(split_seed=1)
        assert first.fingerprint == again.fingerprint != other.fingerprint
        np.testing.assert_array_equal(whole(first), whole(again))
        assert not np.array_equal(whole(first), whole(other))

    def test_is_split_and_scaled_as_any_other(self) -> None:
        dataset = self.drawn(validation={"folds": 3}, test=0.1, standardize=True)
        assert (len(dataset.splits), dataset.summary().test_rows) == (3, 300)
        np.testing.assert_allclose(dataset.splits[1].train.x.mean(axis=0), 0, atol=1e-5)
        assert dataset.source == "random_normal: 3000 rows, 7 features, 4 classes"

    def test_what_does_not_fit_in_memory_is_refused(self) -> None:
        with pytest.raises(DataError, match="lower rows or features"):
            load(random_normal={"rows": 10**9, "features": 1000, "classes": 2})

    def test_too_few_rows_for_the_classes_are_refused(self) -> None:
        with pytest.raises(DataError, match=r"class '\d' has 1 row"):
            load(random_normal={"rows": 5, "features": 2, "classes": 4})


class TestBundled:
    @pytest.mark.parametrize(
        ("name", "loader"),
        [
            ("digits", load_digits),
            ("wine", load_wine),
            ("breast_cancer", load_breast_cancer),
            ("iris", load_iris),
            ("diabetes", load_diabetes),
        ],
    )
    def test_holds_what_scikit_learn_gives(self, name: str, loader: Callable[..., Any]) -> None:
        x, y = loader(return_X_y=True)
        dataset = load(sklearn=name)
        split = dataset.splits[0]
        assert dataset.source == f"sklearn:{name}"
        assert dataset.features == x.shape[1:]
        np.testing.assert_array_equal(split.train.x, x[split.train_index].astype(np.float32))
        np.testing.assert_array_equal(split.train.y, y[split.train_index].astype(split.train.y.dtype))
        np.testing.assert_array_equal(split.validation.y, y[split.validation_index])
        assert split.train.x.dtype == np.float32

    def test_names_the_classes(self) -> None:
        assert load(sklearn="iris").labels == ("setosa", "versicolor", "virginica")
        assert load(sklearn="digits").labels == tuple("0123456789")
        assert load(sklearn="diabetes").labels == ()

    def test_counts_the_outputs(self) -> None:
        assert load(sklearn="digits").outputs == 10
        assert load(sklearn="diabetes").outputs == 1

    def test_gives_int32_classes_and_float32_quantities(self) -> None:
        assert load(sklearn="wine").splits[0].train.y.dtype == np.int32
        assert load(sklearn="diabetes").splits[0].train.y.dtype == np.float32

    @pytest.mark.parametrize("validation", [100, 0.3, {"folds": 4}])
    def test_chance_is_what_a_dummy_of_scikit_learn_gives(self, validation: Any) -> None:
        dataset = load(sklearn="wine", validation=validation)
        losses, accuracies = [], []
        for split in dataset.splits:
            (x, y), (xv, yv) = ((part.x, part.y) for part in (split.train, split.validation))
            prior = DummyClassifier(strategy="prior").fit(x, y)
            losses.append(log_loss(yv, prior.predict_proba(xv), labels=prior.classes_))
            accuracies.append(DummyClassifier(strategy="most_frequent").fit(x, y).score(xv, yv))
        summary = dataset.summary()
        assert summary.chance_loss == pytest.approx(np.mean(losses))
        assert summary.chance_accuracy == pytest.approx(np.mean(accuracies))

    def test_chance_of_a_quantity_is_its_mean(self) -> None:
        dataset = load(sklearn="diabetes", validation=0.3)
        (split,), summary = dataset.splits, dataset.summary()
        dummy = DummyRegressor().fit(split.train.x, split.train.y.astype(float))
        error = mean_squared_error(split.validation.y.astype(float), dummy.predict(split.validation.x))
        assert summary.chance_loss == pytest.approx(error)
        assert summary.chance_accuracy is None

    def test_gives_a_summary(self) -> None:
        summary = load(sklearn="digits", test=0.2, validation=100).summary()
        assert (summary.train_rows, summary.validation_rows, summary.test_rows) == (1337, 100, 360)
        assert (summary.folds, summary.outputs, summary.features) == (1, 10, (64,))
        assert len(summary.fingerprint) == 64


class TestSplits:
    @pytest.mark.parametrize(("size", "rows"), [(0.2, 360), (0.1, 180), (500, 500)])
    def test_takes_a_share_or_a_count(self, size: float, rows: int) -> None:
        assert len(load(sklearn="digits", validation=size).splits[0].validation) == rows

    def test_is_stratified(self) -> None:
        dataset = load(sklearn="breast_cancer", validation=0.25)
        split = dataset.splits[0]
        whole_share = load_breast_cancer().target.mean()
        assert abs(split.validation.y.mean() - whole_share) < 1 / len(split.validation)

    def test_parts_are_disjoint_and_complete(self) -> None:
        split = load(sklearn="wine").splits[0]
        together = np.concatenate([split.train_index, split.validation_index])
        np.testing.assert_array_equal(np.sort(together), np.arange(178))

    def test_last_rows_keep_their_order(self) -> None:
        split = load(sklearn="diabetes", validation={"last": 42}).splits[0]
        np.testing.assert_array_equal(split.validation_index, np.arange(400, 442))
        np.testing.assert_array_equal(split.train_index, np.arange(400))

    def test_folds_validate_each_row_once(self) -> None:
        dataset = load(sklearn="iris", validation={"folds": 5})
        together = np.concatenate([split.validation_index for split in dataset.splits])
        np.testing.assert_array_equal(np.sort(together), np.arange(150))
        assert dataset.summary().folds == 5
        for split in dataset.splits:
            np.testing.assert_array_equal(np.bincount(split.validation.y), [10, 10, 10])

    def test_the_same_seed_gives_the_same_rows(self) -> None:
        np.random.default_rng(0).normal()
        first, again, other = (load(sklearn="wine", split_seed=seed) for seed in (3, 3, 4))
        np.testing.assert_array_equal(first.splits[0].train_index, again.splits[0].train_index)
        assert not np.array_equal(first.splits[0].train_index, other.splits[0].train_index)

    def test_an_enormous_seed_is_a_seed(self) -> None:
        assert len(load(sklearn="wine", split_seed=10**30).splits[0].validation) == 36

    def test_the_test_part_is_taken_from_what_is_trained_on(self) -> None:
        x = load_wine().data.astype(np.float32)
        dataset = load(sklearn="wine", test=50)
        test, split = dataset.test(), dataset.splits[0]
        assert test is not None
        assert len(test) == 50
        used = np.concatenate([split.train_index, split.validation_index])
        left = np.setdiff1d(np.arange(178), used)
        np.testing.assert_array_equal(test.x, x[left])

    def test_the_test_part_does_not_depend_on_the_other_options(self) -> None:
        first = load(sklearn="wine", test=50).test()
        second = load(sklearn="wine", test=50, subset=60, validation={"folds": 3}).test()
        assert first is not None
        assert second is not None
        np.testing.assert_array_equal(first.x, second.x)

    def test_a_subset_is_stratified(self) -> None:
        split = load(sklearn="iris", subset=60, validation=15).splits[0]
        assert (len(split.train), len(split.validation)) == (45, 15)
        np.testing.assert_array_equal(np.bincount(split.train.y), [15, 15, 15])

    def test_a_subset_of_all_rows_is_all_rows(self) -> None:
        assert len(load(sklearn="iris", subset=150, validation=30).splits[0].train) == 120

    def test_without_a_test_part_there_is_none(self) -> None:
        dataset = load(sklearn="iris")
        assert dataset.test() is None
        assert dataset.raw_test() is None

    @settings(max_examples=30, deadline=None)
    @given(
        validation=st.one_of(
            st.integers(3, 60), st.floats(0.05, 0.5), st.integers(2, 8).map(lambda k: {"folds": k})
        ),
        test=st.one_of(st.none(), st.integers(3, 60)),
        seed=st.integers(0, 2**64),
    )
    def test_no_row_is_in_two_parts(self, validation: Any, test: int | None, seed: int) -> None:
        dataset = load(sklearn="wine", validation=validation, test=test, split_seed=seed)
        tested = 0 if test is None else test
        for split in dataset.splits:
            together = np.concatenate([split.train_index, split.validation_index])
            assert len(np.unique(together)) == len(together) == 178 - tested

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"validation": 150}, "a validation set of 150 rows leaves none of the 150"),
            ({"validation": {"last": 200}}, "a validation set of 200 rows"),
            ({"test": 151}, "a test set of 151 rows"),
            ({"test": 60, "validation": 90}, "a validation set of 90 rows leaves none of the 90"),
            ({"subset": 151}, "a subset of 151 rows cannot be drawn from 150"),
            ({"validation": 2}, "at least 3 rows, one for each class"),
            ({"validation": {"folds": 60}}, "class 'setosa' has 50 row"),
            ({"validation": {"last": 50}}, "class 'virginica' has no row in the training set"),
        ],
    )
    def test_refuses_parts_that_do_not_fit(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(DataError, match=message):
            load(sklearn="iris", **options)

    def test_refuses_more_folds_than_rows(self, npz: Callable[..., Dataset]) -> None:
        arrays = {"x": np.ones((4, 1)), "y": np.array([0.5, 1, 2, 3])}
        with pytest.raises(DataError, match="4 rows are too few for 5 folds"):
            npz(arrays, validation={"folds": 5})

    def test_refuses_a_class_with_one_row(self, npz: Callable[..., Dataset]) -> None:
        arrays = numbers()
        arrays["y_train"][7] = 9
        with pytest.raises(DataError, match=r"class '9' has 1 row\(s\), too few to be split"):
            npz(arrays)


class TestScaling:
    def test_standardizes_as_scikit_learn_does(self) -> None:
        x = load_wine().data
        split = load(sklearn="wine", standardize=True).splits[0]
        scaler = StandardScaler().fit(x[split.train_index])
        np.testing.assert_allclose(split.train.x, scaler.transform(x[split.train_index]), atol=2e-5)
        np.testing.assert_allclose(split.validation.x, scaler.transform(x[split.validation_index]), atol=2e-5)

    def test_a_constant_column_has_deviation_one(self) -> None:
        split = load(sklearn="digits", standardize=True).splits[0]
        deviation = split.scaling.deviation
        assert deviation is not None
        constant = np.ptp(load_digits().data[split.train_index], axis=0) == 0
        assert constant.any()
        assert (deviation[constant] == 1).all()
        assert np.isfinite(split.validation.x).all()

    def test_rescales(self) -> None:
        split = load(sklearn="digits", rescale="1/16").splits[0]
        np.testing.assert_array_equal(split.train.x, (load_digits().data / 16)[split.train_index])
        assert split.scaling.factor == 1 / 16

    def test_rescales_before_standardizing(self) -> None:
        dataset = load(sklearn="wine", rescale=0.1, standardize=True)
        scaling, raw = dataset.splits[0].scaling, dataset.raw(0, "train").x
        assert scaling.mean is not None
        assert scaling.deviation is not None
        np.testing.assert_allclose(scaling.mean, (raw * 0.1).mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(scaling.deviation, (raw * 0.1).std(axis=0), rtol=1e-4)

    def test_scaling_the_raw_rows_gives_the_scaled_rows(self) -> None:
        dataset = load(sklearn="wine", rescale=2, standardize=True, test=20, validation={"folds": 3})
        for number, split in enumerate(dataset.splits):
            scaled = split.scaling.apply(dataset.raw(number, "validation").x)
            np.testing.assert_array_equal(scaled, split.validation.x)
            test, raw_test = dataset.test(number), dataset.raw_test(number)
            assert test is not None
            assert raw_test is not None
            np.testing.assert_array_equal(split.scaling.apply(raw_test.x), test.x)

    def test_each_fold_is_fitted_on_its_own_training_part(self) -> None:
        dataset = load(sklearn="wine", standardize=True, validation={"folds": 3})
        for split in dataset.splits:
            np.testing.assert_allclose(split.train.x.mean(axis=0), 0, atol=1e-4)
        means = [split.scaling.mean for split in dataset.splits]
        assert means[0] is not None
        assert means[1] is not None
        assert not np.array_equal(means[0], means[1])

    def test_held_out_rows_change_nothing(self, npz: Callable[..., Dataset]) -> None:
        arrays = numbers()
        before = npz(arrays, standardize=True, test=8)
        split = before.splits[0]
        trained = split.train_index
        held_out = np.setdiff1d(np.arange(40), trained)
        arrays["x_train"][held_out] += 100
        after = npz(arrays, standardize=True, test=8)
        np.testing.assert_array_equal(after.splits[0].train_index, trained)
        np.testing.assert_array_equal(after.splits[0].train.x, split.train.x)
        np.testing.assert_array_equal(after.splits[0].scaling.mean, split.scaling.mean)

    def test_the_identity_changes_nothing(self) -> None:
        assert Scaling().identity
        assert not Scaling(factor=2.0).identity
        x = np.arange(6, dtype=np.uint8).reshape(2, 3)
        np.testing.assert_array_equal(Scaling().apply(x), x)
        assert Scaling().apply(x).dtype == np.float32

    def test_applying_leaves_the_argument_alone(self) -> None:
        x = np.ones((2, 2), dtype=np.float32)
        Scaling(factor=3.0).apply(x)
        assert (x == 1).all()

    def test_refuses_a_factor_that_overflows(self, npz: Callable[..., Dataset]) -> None:
        arrays = numbers()
        arrays["x_train"] *= 1e30
        with pytest.raises(DataError, match="too large for a float32"):
            npz(arrays, rescale=1e30)


class TestClasses:
    def test_keeps_and_renumbers_in_the_given_order(self) -> None:
        y = load_digits().target
        dataset = load(sklearn="digits", classes=[7, 3])
        split = dataset.splits[0]
        assert dataset.labels == ("7", "3")
        np.testing.assert_array_equal(np.array([7, 3])[split.train.y], y[split.train_index])
        assert len(whole(dataset)) == np.isin(y, [3, 7]).sum()

    @pytest.mark.parametrize("classes", [["virginica", "setosa"], [2, 0]])
    def test_classes_are_chosen_by_name_or_number(self, classes: list[Any]) -> None:
        assert load(sklearn="iris", classes=classes).labels == ("virginica", "setosa")

    def test_filters_the_test_part_too(self, npz: Callable[..., Dataset]) -> None:
        arrays = numbers(classes=4)
        arrays |= {"x_test": arrays["x_train"][:8], "y_test": arrays["y_train"][:8]}
        test = npz(arrays, classes=[3, 1]).test()
        assert test is not None
        np.testing.assert_array_equal(test.y, [1, 0, 1, 0])
        np.testing.assert_array_equal(test.x, arrays["x_train"][[1, 3, 5, 7]])

    @pytest.mark.parametrize(
        ("name", "classes", "message"),
        [
            ("iris", ["setosa", "virginca"], "no class 'virginca' .did you mean 'virginica'"),
            ("iris", [0, 3], "there is no class '3'"),
            ("iris", ["setosa"], "only one class, 'setosa'"),
            ("iris", ["setosa", "setosa"], "names the class 'setosa' twice"),
            ("diabetes", [1, 2], "these targets are continuous"),
        ],
    )
    def test_refuses_what_is_not_there(self, name: str, classes: list[Any], message: str) -> None:
        with pytest.raises(DataError, match=message):
            load(sklearn=name, classes=classes)

    def test_refuses_a_test_part_without_the_classes(self, npz: Callable[..., Dataset]) -> None:
        arrays = numbers(classes=3)
        arrays |= {"x_test": np.ones((2, 3)), "y_test": np.array([2, 2])}
        with pytest.raises(DataError, match="the test set has no row"):
            npz(arrays, classes=[0, 1])


class TestTask:
    @pytest.mark.parametrize(
        ("y", "task"),
        [
            (np.arange(40) % 3, "classification"),
            (np.arange(40) % 2 == 0, "classification"),
            (np.array(["a", "b"] * 20), "classification"),
            (np.arange(40) % 2 * 1.0, "classification"),
            (np.linspace(0, 1, 40), "regression"),
            (np.arange(40), "regression"),
        ],
    )
    def test_is_found_from_the_target(self, npz: Callable[..., Dataset], y: np.ndarray, task: str) -> None:
        assert npz({**numbers(), "y_train": y}).task == task

    def test_many_whole_numbers_are_a_quantity(self, npz: Callable[..., Dataset]) -> None:
        assert npz({"x": np.ones((300, 1)), "y": np.arange(300) % 60}).task == "regression"

    def test_can_be_said(self, npz: Callable[..., Dataset]) -> None:
        assert npz(numbers(), task="regression").splits[0].train.y.dtype == np.float32
        assert npz({"x": np.ones((300, 1)), "y": np.arange(300) % 60}, task="classification").outputs == 60

    def test_labels_with_gaps_are_renumbered(self, npz: Callable[..., Dataset]) -> None:
        y = np.array([10, -2, 7, 7] * 10)
        dataset = npz({**numbers(), "y_train": y})
        split = dataset.splits[0]
        assert dataset.labels == ("-2", "7", "10")
        np.testing.assert_array_equal(np.array([-2, 7, 10])[split.train.y], y[split.train_index])

    def test_refuses_regression_on_text(self, npz: Callable[..., Dataset]) -> None:
        with pytest.raises(DataError, match="the targets are text such as 'a'"):
            npz({**numbers(), "y_train": np.array(["a", "b"] * 20)}, task="regression")

    def test_refuses_one_class(self, npz: Callable[..., Dataset]) -> None:
        with pytest.raises(DataError, match="only one class, '1'"):
            npz({**numbers(), "y_train": np.ones(40, dtype=int)})


class TestShape:
    def test_flat_rows_become_images(self) -> None:
        images = load_digits().images.astype(np.float32)
        dataset = load(sklearn="digits", shape=[8, 8], test=0.2, standardize=True, rescale=0.5)
        assert dataset.features == dataset.summary().features == (8, 8)
        split = dataset.splits[0]
        np.testing.assert_array_equal(dataset.raw(0, "train").x, images[split.train_index])
        flat = load(sklearn="digits", test=0.2, standardize=True, rescale=0.5)
        for ours, theirs in ((split.train, flat.splits[0].train), (dataset.test(), flat.test())):
            assert ours is not None
            assert theirs is not None
            np.testing.assert_array_equal(ours.x.reshape(len(ours), -1), theirs.x)
        assert dataset.fingerprint == flat.fingerprint, "the data are the same"

    def test_a_test_part_of_the_file_becomes_images_too(self, npz: Callable[..., Dataset]) -> None:
        arrays = {"x_train": np.arange(120.0).reshape(20, 6), "y_train": np.arange(20) % 2}
        dataset = npz(arrays | {"x_test": arrays["x_train"][:4], "y_test": np.arange(4) % 2}, shape=[3, 2])
        test = dataset.test()
        assert test is not None
        np.testing.assert_array_equal(test.x, np.arange(24.0).reshape(4, 3, 2))

    def test_a_table_with_missing_values_becomes_images(self, table: Callable[..., Dataset]) -> None:
        lines = "".join(f"{row},{row + 1},{'' if row == 3 else row},{row},{row % 2}\n" for row in range(20))
        flat = table("a,b,c,d,y\n" + lines, target="y")
        dataset = table("a,b,c,d,y\n" + lines, target="y", shape=[2, 2, 1])
        train = dataset.splits[0].train.x
        assert train.shape[1:] == (2, 2, 1)
        np.testing.assert_array_equal(train.reshape(-1, 4), flat.splits[0].train.x)

    def test_refuses_a_shape_of_another_size(self) -> None:
        with pytest.raises(DataError, match=r"sklearn:digits: 'shape' makes rows of 8 x 9 = 72 .* has 64\."):
            load(sklearn="digits", shape=[8, 9])


class TestNpz:
    def test_images_keep_their_shape(self, npz: Callable[..., Dataset]) -> None:
        x = np.random.default_rng(0).integers(0, 256, (20, 5, 4), dtype=np.uint8)
        dataset = npz({"x": x, "y": np.arange(20) % 2})
        assert dataset.features == (5, 4)
        np.testing.assert_array_equal(whole(dataset), x)
        assert dataset.splits[0].train.x.dtype == np.float32

    def test_the_test_part_is_that_of_the_file(self, npz: Callable[..., Dataset]) -> None:
        arrays = numbers()
        arrays |= {"x_test": np.full((3, 3), 2.0), "y_test": np.array([1, 0, 1])}
        test = npz(arrays).test()
        assert test is not None
        np.testing.assert_array_equal(test.x, arrays["x_test"])
        np.testing.assert_array_equal(test.y, [1, 0, 1])

    def test_a_column_of_targets_is_flattened(self, npz: Callable[..., Dataset]) -> None:
        arrays = numbers()
        assert npz({**arrays, "y_train": arrays["y_train"][:, None]}).splits[0].train.y.ndim == 1

    def test_an_absolute_path_is_taken_as_it_is(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "d.npz", **numbers())
        assert load(NOWHERE, npz=str(tmp_path / "d.npz")).features == (3,)

    def test_the_fingerprint_depends_on_the_arrays_only(self, npz: Callable[..., Dataset]) -> None:
        arrays = numbers()
        first = npz(arrays).fingerprint
        assert npz(arrays, validation={"folds": 3}, standardize=True).fingerprint == first
        assert npz({**arrays, "x_train": arrays["x_train"].astype(np.float64)}).fingerprint != first
        arrays["x_train"][0, 0] += 1
        assert npz(arrays).fingerprint != first

    def test_survives_pickling(self, npz: Callable[..., Dataset]) -> None:
        dataset = npz(numbers(), standardize=True)
        copy = pickle.loads(pickle.dumps(dataset))
        np.testing.assert_array_equal(copy.splits[0].train.x, dataset.splits[0].train.x)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"x_train": np.full((40, 3), np.nan)}, r"d\.npz: x_train\[0, 0\] is nan"),
            ({"x_train": np.full((40, 3), 1e39)}, "must be finite and fit a float32"),
            ({"x_train": np.full((40, 3), np.inf, dtype=np.float16)}, "is inf"),
            ({"y_train": np.append(np.ones(39), np.inf)}, r"y_train\[39\] is inf"),
            ({"y_train": np.append(np.ones(39), np.nan)}, r"y_train\[39\] is nan"),
            ({"x_train": np.ones((39, 3))}, "x_train has 39 rows, but y_train has 40"),
            ({"x_train": np.ones(40)}, "must have rows and features"),
            ({"x_train": np.ones((40, 0))}, "x_train is empty"),
            ({"x_train": np.array([["a"]] * 40)}, "x_train must hold numbers, but holds <U1"),
            ({"x_train": np.ones((40, 1), dtype=complex)}, "holds complex128"),
            ({"x_train": np.array([[{}]] * 40)}, r"x_train holds Python objects \(a pickle\)"),
            ({"y_train": np.array([None] * 40)}, r"y_train holds Python objects"),
            ({"y_train": np.array([b"a", b"b"] * 20)}, "must hold numbers or text"),
            ({"y_train": np.ones((40, 2, 1))}, "one number, or a list of numbers, for each row"),
            ({"x_test": np.ones((2, 3))}, "lacks y_test"),
            ({"x_test": np.ones((2, 3)), "y_test": np.ones(3)}, "x_test has 2 rows, but y_test has 3"),
            ({"x_test": np.ones((2, 4)), "y_test": np.ones(2)}, "shape"),
            ({"x_test": np.ones((2, 3)), "y_test": np.array([0, 5])}, r"y_test\[1\] is the class '5'"),
            ({"x_test": np.ones((2, 3)), "y_test": np.array(["0", "1"])}, "both hold numbers or both"),
        ],
    )
    def test_refuses_broken_arrays(
        self, npz: Callable[..., Dataset], change: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(DataError, match=message):
            npz({**numbers(), **change})

    def test_refuses_missing_keys(self, npz: Callable[..., Dataset]) -> None:
        with pytest.raises(DataError, match="lacks y_train; it holds data, x_train"):
            npz({"x_train": np.ones((4, 2)), "data": np.ones(4)})

    def test_refuses_a_second_test_part(self, npz: Callable[..., Dataset]) -> None:
        arrays = {**numbers(), "x_test": np.ones((2, 3)), "y_test": np.array([0, 1])}
        with pytest.raises(DataError, match="'test' cannot be given"):
            npz(arrays, test=0.2)

    def test_refuses_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"none\.npz: there is no such file"):
            load(tmp_path, npz="none.npz")

    @pytest.mark.parametrize(
        "content", [b"", b"not a zip", b"PK\x03\x04 torn", b"PK\x05\x06" + bytes(18), NPY_AND_ZIP]
    )
    def test_refuses_other_files(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "d.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"d\.npz: .*(npz file|lacks x_train)"):
            load(tmp_path, npz="d.npz")

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
    def test_damage_is_never_a_traceback(self, tmp_path: Path, place: float, bit: int, cut: bool) -> None:
        np.savez_compressed(tmp_path / "whole.npz", **numbers())
        raw = bytearray((tmp_path / "whole.npz").read_bytes())
        at = int(place * len(raw))
        raw[at] ^= 1 << bit
        (tmp_path / "d.npz").write_bytes(raw[:at] if cut else raw)
        try:
            load(tmp_path, npz="d.npz")
        except DataError as failure:
            assert "d.npz" in str(failure)


def mixed_rows(rows: int = 60) -> tuple[list[str], list[list[Any]]]:
    """Make a table of two numeric and two categorical columns with holes, and a target."""
    rng = np.random.default_rng(1)
    colours = rng.choice(["red", "green", "blue", ""], rows)
    towns = rng.choice(["Ulm", "Köln", "a, b"], rows)
    ages = [f"{a:.3f}" if a > 0.2 else "NA" for a in rng.random(rows)]
    sizes = rng.integers(0, 100, rows)
    target = ["yes" if r % 3 else "no" for r in range(rows)]
    return ["colour", "age", "town", "size", "y"], [
        list(row) for row in zip(colours, ages, towns, sizes, target, strict=True)
    ]


def scikit_learn_encoding(rows: list[list[Any]], train: np.ndarray) -> np.ndarray:
    """Encode every row of `mixed_rows` by scikit-learn, fitted on the training rows."""
    cells = np.array([[None if c in ("", "NA") else c for c in row[:4]] for row in rows], dtype=object)
    cells[:, [1, 3]] = [[np.nan if c is None else float(c) for c in row] for row in cells[:, [1, 3]]]
    words = make_pipeline(
        SimpleImputer(strategy="most_frequent", missing_values=None), OneHotEncoder(handle_unknown="ignore")
    )
    transformer = ColumnTransformer(
        [(str(i), SimpleImputer() if i in (1, 3) else words, [i]) for i in range(4)], sparse_threshold=0
    )
    transformer.fit(cells[train])
    return np.asarray(transformer.transform(cells), dtype=np.float64)


class TestCsv:
    @pytest.fixture
    def mixed(self, tmp_path: Path) -> list[list[Any]]:
        header, rows = mixed_rows()
        write_csv(tmp_path / "d.csv", header, rows)
        return rows

    def test_encodes_as_scikit_learn_does(self, tmp_path: Path, mixed: list[list[Any]]) -> None:
        dataset = load(tmp_path, csv="d.csv", target="y", test=10)
        train = dataset.splits[0].train_index
        expected = scikit_learn_encoding(mixed, train)
        np.testing.assert_allclose(dataset.splits[0].train.x, expected[train], rtol=1e-6)
        validation = dataset.splits[0].validation_index
        np.testing.assert_allclose(dataset.raw(0, "validation").x, expected[validation], rtol=1e-6)
        test = dataset.raw_test()
        assert test is not None
        left = np.setdiff1d(np.arange(60), np.concatenate([train, validation]))
        np.testing.assert_allclose(test.x, expected[left], rtol=1e-6)

    @pytest.mark.parametrize("factor", [None, 0.3])
    def test_standardizes_numbers_and_leaves_categories(
        self, tmp_path: Path, mixed: list[list[Any]], factor: float | None
    ) -> None:
        dataset = load(tmp_path, csv="d.csv", target="y", standardize=True, rescale=factor)
        split = dataset.splits[0]
        encoded = scikit_learn_encoding(mixed, split.train_index)
        numbers = [3, 7]
        assert dataset.encoding is not None
        assert [dataset.encoding.feature_names[i] for i in numbers] == ["age", "size"]
        scaler = StandardScaler().fit(encoded[split.train_index][:, numbers])
        expected = encoded.copy()
        expected[:, numbers] = scaler.transform(encoded[:, numbers])
        np.testing.assert_allclose(split.validation.x, expected[split.validation_index], atol=1e-4)

    def test_each_fold_imputes_from_its_own_training_part(
        self, tmp_path: Path, mixed: list[list[Any]]
    ) -> None:
        dataset = load(tmp_path, csv="d.csv", target="y", validation={"folds": 4})
        for number, split in enumerate(dataset.splits):
            expected = scikit_learn_encoding(mixed, split.train_index)
            np.testing.assert_allclose(split.validation.x, expected[split.validation_index], rtol=1e-6)
            np.testing.assert_allclose(dataset.raw(number, "train").x, expected[split.train_index], rtol=1e-6)

    def test_a_category_that_a_fold_lacks_is_zeros_there(self, table: Callable[..., Dataset]) -> None:
        rows = "".join(f"{'rare' if r == 5 else 'abc'[r % 3]},{r / 7}\n" for r in range(12))
        dataset = table("k,y\n" + rows, validation={"folds": 3})
        assert dataset.features == (4,)
        assert dataset.encoding is not None
        column = dataset.encoding.columns[0]
        (fold,) = [n for n, unseen in enumerate(column.unseen) if unseen]
        split = dataset.splits[fold]
        row = split.validation.x[split.validation_index == 5]
        np.testing.assert_array_equal(row, np.zeros((1, 4)))

    def test_the_encoding_is_plain_data(self, tmp_path: Path, mixed: list[list[Any]]) -> None:
        del mixed
        encoding = load(tmp_path, csv="d.csv", target="y").encoding
        assert encoding is not None
        again = json.loads(json.dumps(encoding.as_data()))
        assert [column["name"] for column in again["columns"]] == ["colour", "age", "town", "size"]
        assert again["columns"][0]["categories"] == ["blue", "green", "red"]
        assert encoding.feature_names == (
            "colour=blue",
            "colour=green",
            "colour=red",
            "age",
            "town=Köln",
            "town=Ulm",
            "town=a, b",
            "size",
        )

    def test_new_rows_are_encoded_in_the_same_way(self, tmp_path: Path, mixed: list[list[Any]]) -> None:
        dataset = load(tmp_path, csv="d.csv", target="y")
        assert dataset.encoding is not None
        names = ["colour", "age", "town", "size"]
        cells = {name: [str(row[i]) for row in mixed] for i, name in enumerate(names)}
        np.testing.assert_array_equal(dataset.encoding.encode(cells), whole(dataset))
        with pytest.raises(DataError, match="The rows:2: column 'age' holds 'old'"):
            dataset.encoding.encode({**cells, "age": ["30", "old", *cells["age"][2:]]})
        with pytest.raises(DataError, match="have no column 'town'"):
            dataset.encoding.encode({name: cells[name] for name in names if name != "town"})

    def test_held_out_rows_change_nothing(self, tmp_path: Path, mixed: list[list[Any]]) -> None:
        options: dict[str, Any] = {"csv": "d.csv", "target": "y", "test": 12, "standardize": True}
        before = load(tmp_path, **options)
        used = np.concatenate([before.splits[0].train_index, before.splits[0].validation_index])
        for row in np.setdiff1d(np.arange(60), used):
            mixed[row][:4] = ["violet", "1000", "Rom", "-5"]
        write_csv(tmp_path / "d.csv", ["colour", "age", "town", "size", "y"], mixed)
        after = load(tmp_path, **options)
        assert after.encoding == before.encoding
        np.testing.assert_array_equal(after.splits[0].validation.x, before.splits[0].validation.x)
        test = after.raw_test()
        assert test is not None
        np.testing.assert_array_equal(test.x[:, :3], 0)

    def test_the_labels_are_those_of_the_file(self, tmp_path: Path, mixed: list[list[Any]]) -> None:
        dataset = load(tmp_path, csv="d.csv", target="y")
        split = dataset.splits[0]
        assert dataset.labels == ("no", "yes")
        written = [mixed[row][4] for row in split.train_index]
        assert [dataset.labels[number] for number in split.train.y] == written

    def test_numeric_classes_are_sorted_as_numbers(self, table: Callable[..., Dataset]) -> None:
        rows = "".join(f"{r},{(2, 10, 1)[r % 3]}\n" for r in range(30))
        assert table("a,y\n" + rows).labels == ("1", "2", "10")

    def test_fractions_are_a_quantity(self, table: Callable[..., Dataset]) -> None:
        dataset = table("a,y\n" + "".join(f"{r},{r / 8}\n" for r in range(30)))
        split = dataset.splits[0]
        assert dataset.task == "regression"
        np.testing.assert_array_equal(split.train.y, (split.train_index / 8).astype(np.float32))

    @pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
    def test_reads_marks_endings_blanks_and_quotes(self, table: Callable[..., Dataset], ending: str) -> None:
        lines = ["\ufeff a , y", '" 1",u', "", " 2 ,v", '3,"u"', "4,v"] + ["5,u", "6,v"] * 4
        dataset = table(ending.join(lines), validation=2)
        np.testing.assert_array_equal(whole(dataset)[:4, 0], [1, 2, 3, 4])

    def test_a_column_that_is_constant_where_it_trains_is_fine(self, table: Callable[..., Dataset]) -> None:
        rows = "".join(f"1,same,{r / 8}\n" for r in range(10)) + "2,other,3\n"
        split = table("a,b,y\n" + rows, standardize=True, validation={"last": 1}).splits[0]
        np.testing.assert_array_equal(split.train.x, [[0, 1]] * len(split.train))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "d.csv: the file is empty"),
            ("\n\n", "d.csv: the file is empty"),
            ("a,y\n", "no rows below its header"),
            ("a,a,b,y\n1,2,3,4\n", "2 columns are named 'a'"),
            ("a,,y\n1,2,3\n", "column 2 has no name"),
            ("a,Targets\n1,2\n", "no target column 'y'"),
            ("a,Y\n1,2\n", r"no target column 'y' \(did you mean 'Y'\?\)"),
            ("y\n1\n2\n", "no column besides the target"),
            ("a,y\n1,2\n1\n", "d.csv:3: this row has 1 cells, but the header has 2"),
            ("a,y\n1,2\n1,2,3\n", "d.csv:3: this row has 3 cells"),
            ('a,y\n1,"2\n', "d.csv:2: this is not a csv row"),
            (b"a,y\n1,2\n\x81,3\n", "d.csv:3: this line is not UTF-8"),
            ("a,y\n1,2\n2,\n", "d.csv:3: the target column 'y' has no value"),
            ("a,y\n1,2\n2,NA\n", "d.csv:3: the target column 'y' has no value"),
            ("a,y\n1,2\n2,inf\n", "d.csv:3: column 'y' holds 'inf'"),
            ("a,y\n1,0.5\n-inf,1.5\n3,2\n", "d.csv:3: column 'a' holds '-inf'"),
            ("a,y\n1,0.5\n1e39,1.5\n3,2\n", "d.csv:3: column 'a' holds '1e39'"),
            ("a,y\n1,u\n2,u\n3,u\n", "only one class, 'u'"),
        ],
    )
    def test_refuses_broken_files(
        self, table: Callable[..., Dataset], text: str | bytes, message: str
    ) -> None:
        with pytest.raises(DataError, match=message):
            table(text)

    def test_refuses_a_column_that_is_empty_where_it_trains(self, table: Callable[..., Dataset]) -> None:
        rows = "".join(f"{r},{r if r > 7 else ''},{r / 8}\n" for r in range(10))
        with pytest.raises(DataError, match="column 'b' has no value in the training set"):
            table("a,b,y\n" + rows, validation={"last": 2})

    def test_refuses_text_in_a_held_out_row_of_a_numeric_column(self, table: Callable[..., Dataset]) -> None:
        values = [str(r) for r in range(20)]
        dataset = table("a,y\n" + "".join(f"{v},{v}.5\n" for v in values), test=4)
        split = dataset.splits[0]
        used = np.concatenate([split.train_index, split.validation_index])
        row = int(np.setdiff1d(np.arange(20), used)[0])
        values[row] = "much"
        with pytest.raises(DataError, match=f"d.csv:{row + 2}: column 'a' holds 'much'"):
            table("a,y\n" + "".join(f"{v},{r}.5\n" for r, v in enumerate(values)), test=4)

    def test_refuses_a_huge_one_hot(
        self, table: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hpsearch.data.encoding.MAX_COLUMNS", 19)
        with pytest.raises(DataError, match="gives 20 columns, more than 19; 'k' alone has 20"):
            table("k,y\n" + "".join(f"id{r % 22},{r / 8}\n" for r in range(30)))

    def test_refuses_an_encoding_that_memory_cannot_hold(
        self, table: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hpsearch.data.checks.MAX_BYTES", 1000)
        with pytest.raises(DataError, match="30 rows by 20 columns would take"):
            table("k,y\n" + "".join(f"id{r % 22},{r / 8}\n" for r in range(30)))

    def test_refuses_a_huge_file(self, tmp_path: Path) -> None:
        with (tmp_path / "d.csv").open("wb") as file:
            file.truncate(2 * 10**9 + 1)
        with pytest.raises(DataError, match="limit for csv files is 2 GB"):
            load(tmp_path, csv="d.csv", target="y")

    def test_refuses_too_many_columns(self, table: Callable[..., Dataset]) -> None:
        with pytest.raises(DataError, match="100001 columns exceed the limit of 100000"):
            table(",".join(f"c{c}" for c in range(100_001)) + "\n")

    def test_refuses_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"none\.csv: there is no such file"):
            load(tmp_path, csv="none.csv", target="y")
        with pytest.raises(DataError, match="there is no such file"):
            load(tmp_path, csv=".", target="y")

    @pytest.mark.long
    def test_a_hundred_thousand_columns_are_read(self, table: Callable[..., Dataset]) -> None:
        header = ",".join(["y", *(f"c{c}" for c in range(99_999))])
        rows = [",".join([f"{r}.5"] * 100_000) for r in range(4)]
        assert table("\n".join([header, *rows]), validation=1).features == (99_999,)

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(text=st.text(alphabet='ay,\n\r"01.eé\x00 -', max_size=60))
    def test_no_file_gives_a_traceback(self, table: Callable[..., Dataset], text: str) -> None:
        for start in ("a,y\n", ""):
            try:
                table(start + text)
            except DataError as failure:
                assert "d.csv" in str(failure)


class TestKeras:
    @pytest.fixture
    def images(self, tmp_path: Path) -> dict[str, Any]:
        rng = np.random.default_rng(0)
        arrays: dict[str, Any] = {
            "x_train": rng.integers(0, 256, (40, 28, 28), dtype=np.uint8),
            "y_train": (np.arange(40) % 10).astype(np.uint8),
            "x_test": rng.integers(0, 256, (10, 28, 28), dtype=np.uint8),
            "y_test": np.arange(10, dtype=np.uint8),
        }
        np.savez(tmp_path / "mnist.npz", **arrays)
        return arrays

    def test_the_data_directory_comes_first(self, tmp_path: Path, images: dict[str, Any]) -> None:
        dataset = load(keras="mnist", data_dir=tmp_path, validation=10)
        np.testing.assert_array_equal(whole(dataset), images["x_train"])
        test = dataset.test()
        assert test is not None
        np.testing.assert_array_equal(test.x, images["x_test"])

    def test_the_environment_names_the_data_directory(
        self, tmp_path: Path, images: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HPSEARCH_DATA", str(tmp_path))
        assert len(load(keras="mnist", validation=10).splits[0].train) == len(images["x_train"]) - 10

    @pytest.mark.parametrize("padding", ["pre", "post"])
    def test_texts_become_the_sequences_of_keras(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, padding: str
    ) -> None:
        from keras.utils import pad_sequences

        drawn = np.random.default_rng(0)
        texts = [drawn.integers(1, 30, size).tolist() for size in (0, 1, 4, 5, 6, 17, 3, 9)] * 3
        known = [[2 if token >= 20 else token for token in text] for text in texts]
        padded = pad_sequences(texts, padding=padding)
        np.savez(
            tmp_path / "imdb.npz",
            x_train=padded,
            y_train=np.arange(24) % 2,
            x_test=padded,
            y_test=[0, 1] * 12,
        )
        dataset = load(keras="imdb", data_dir=tmp_path, num_words=20, sequence=5, validation={"last": 6})
        test, expected = dataset.test(), pad_sequences(known, maxlen=5)
        assert test is not None
        assert (dataset.features, dataset.splits[0].train.x.dtype) == ((5,), np.int32)
        np.testing.assert_array_equal(whole(dataset), expected)
        np.testing.assert_array_equal(test.x, expected)
        ragged = np.array([*known, None], dtype=object)[:-1]
        part = ragged, np.arange(24) % 2
        replace_keras(monkeypatch, "imdb", lambda **_options: (part, part))
        through_keras = load(
            keras="imdb", data_dir=tmp_path / "no", num_words=20, sequence=5, validation={"last": 6}
        )
        np.testing.assert_array_equal(whole(through_keras), expected)

    def test_tokens_are_neither_scaled_nor_of_other_data(self) -> None:
        with pytest.raises(ValidationError, match="no 'rescale' with 'sequence'"):
            load(keras="imdb", sequence=5, rescale=0.5)
        with pytest.raises(ValidationError, match="keras: imdb or reuters with 'sequence'"):
            load(keras="mnist", sequence=5)

    def test_texts_become_bags_of_words(self, tmp_path: Path) -> None:
        texts = np.array([[1, 5, 5, 0], [1, 3, 99, 0], [1, 2, 3, 4], [1, 6, 7, 7]] * 3)
        np.savez(tmp_path / "imdb.npz", x_train=texts, y_train=np.arange(12) % 2)
        dataset = load(keras="imdb", data_dir=tmp_path, num_words=8, validation=2)
        expected = np.zeros((12, 8), dtype=np.uint8)
        for row, text in enumerate(texts):
            for word in text:
                if word:
                    expected[row, word if word < 8 else 2] = 1
        np.testing.assert_array_equal(whole(dataset), expected)
        assert dataset.splits[0].train.x.dtype == dataset.raw(0, "train").x.dtype == np.uint8

    def test_standardized_bags_are_float32(self, tmp_path: Path) -> None:
        texts = np.random.default_rng(0).integers(1, 20, (30, 6))
        np.savez(tmp_path / "imdb.npz", x_train=texts, y_train=np.arange(30) % 2)
        dataset = load(keras="imdb", data_dir=tmp_path, num_words=20, standardize=True)
        assert dataset.splits[0].train.x.dtype == np.float32
        assert dataset.raw(0, "train").x.dtype == np.uint8

    @pytest.mark.parametrize(
        ("texts", "message"),
        [
            (np.array([[1, 2], [3, -4]]), r"x_train\[1\] holds the negative token id -4"),
            (np.array([[1.0, 2.0], [3.0, 4.0]]), "must hold token ids"),
            (np.array([1, 2]), "must hold token ids"),
        ],
    )
    def test_refuses_what_is_no_text(self, tmp_path: Path, texts: np.ndarray, message: str) -> None:
        np.savez(tmp_path / "reuters.npz", x_train=texts, y_train=np.array([0, 1]))
        with pytest.raises(DataError, match=message):
            load(keras="reuters", data_dir=tmp_path)

    def test_refuses_bags_that_memory_cannot_hold(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "imdb.npz", x_train=np.ones((10_000, 1), int), y_train=np.arange(10_000) % 2)
        with pytest.raises(DataError, match="lower num_words"):
            load(keras="imdb", data_dir=tmp_path, num_words=1_000_000)

    def test_lists_of_words_from_keras_are_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        texts = np.array([[1, 2], [3], [1, 2, 3], [4]] * 3, dtype=object)
        y = np.arange(12) % 2

        def load_data(num_words: int) -> Any:
            print("Downloading")  # noqa: T201 - as Keras does
            assert num_words == 5
            return (texts, y), (texts[:2], y[:2])

        replace_keras(monkeypatch, "imdb", load_data)
        dataset = load(keras="imdb", data_dir=tmp_path, num_words=5, validation=2)
        np.testing.assert_array_equal(whole(dataset)[:2], [[0, 1, 1, 0, 0], [0, 0, 0, 1, 0]])

    def test_a_failed_download_says_where_the_file_goes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def load_data() -> Any:
            raise Exception("URL fetch failure:\n no network")  # noqa: TRY002 - what Keras raises

        replace_keras(monkeypatch, "mnist", load_data)
        with pytest.raises(DataError, match=r"put mnist\.npz .* --data-dir or HPSEARCH_DATA") as caught:
            load(keras="mnist", data_dir=tmp_path)
        assert "URL fetch failure: no network" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_importing_does_not_import_keras(self) -> None:
        code = "import sys, hpsearch.data; sys.exit('keras' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def replace_keras(monkeypatch: pytest.MonkeyPatch, name: str, load_data: Callable[..., Any]) -> None:
    """Put a loader in the place of one of Keras' data sets."""
    importer = importlib.import_module

    class Module:
        pass

    module = Module()
    module.load_data = load_data  # type: ignore[attr-defined]
    monkeypatch.setattr(
        "hpsearch.data.readers.keras.importlib.import_module",
        lambda wanted: module if wanted == f"keras.datasets.{name}" else importer(wanted),
    )


@pytest.fixture
def real() -> Path:
    """Give the directory with the real data sets."""
    named = os.environ.get("HPSEARCH_DATA")
    if not named:
        pytest.skip("HPSEARCH_DATA names no directory with real data sets")
    return Path(named)


class TestRealData:
    def test_fashion_mnist(self, real: Path) -> None:
        if not (real / "fashion_mnist.npz").is_file():
            pytest.skip("fashion_mnist.npz is not in HPSEARCH_DATA")
        dataset = load(keras="fashion_mnist", rescale="1/255", subset=2000)
        with np.load(real / "fashion_mnist.npz", allow_pickle=False) as arrays:
            index = dataset.splits[0].train_index
            expected = arrays["x_train"][index].astype(np.float32) * np.float32(1 / 255)
            np.testing.assert_array_equal(dataset.splits[0].train.x, expected)
            np.testing.assert_array_equal(dataset.splits[0].train.y, arrays["y_train"][index])
        assert dataset.summary().test_rows == 10_000
        assert dataset.features == (28, 28)

    def test_california_housing(self, real: Path) -> None:
        if not (real / "california_housing.npz").is_file():
            pytest.skip("california_housing.npz is not in HPSEARCH_DATA")
        dataset = load(keras="california_housing", standardize=True)
        raw, split = dataset.raw(0, "train").x, dataset.splits[0]
        assert dataset.task == "regression"
        np.testing.assert_allclose(split.train.x, StandardScaler().fit_transform(raw), atol=1e-3)

    @pytest.mark.long
    def test_reuters_through_keras(self, real: Path) -> None:
        home = real.parent / "keras_home"
        if not (home / "datasets" / "reuters.npz").is_file():
            pytest.skip("there is no keras_home with reuters.npz beside HPSEARCH_DATA")
        code = (
            "from pathlib import Path; from hpsearch.data import load_dataset;"
            "from hpsearch.spec import Data;"
            "d = load_dataset(Data(keras='reuters', num_words=1000), Path(), Path());"
            "s = d.summary(); x = d.splits[0].train.x;"
            "print(d.outputs, d.features, s.train_rows + s.validation_rows, s.test_rows, x.dtype)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "KERAS_HOME": str(home)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "46 (1000,) 8982 2246 uint8\n"


def test_rows_have_a_length() -> None:
    assert len(Rows(np.ones((3, 2)), np.ones(3))) == 3
