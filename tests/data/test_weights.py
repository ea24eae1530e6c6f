"""Weights of rows: where they are read from, which parts carry them, and arrays that would not be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import log_loss

from hpsearch.data import Dataset, RawData, load_dataset
from hpsearch.data.raw_data import load_raw_data
from hpsearch.data.readers.arrays import given_arrays
from hpsearch.exceptions import DataError
from hpsearch.spec import Data

ROWS = 40
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(ROWS, 3)).astype(np.float32), np.arange(ROWS) % 2
W = np.round(RNG.uniform(0.5, 3, ROWS), 3)
"""Every weight tells its row."""


def raw(tmp_path: Path, arrays: dict[str, Any], **options: Any) -> RawData:
    np.savez(tmp_path / "d.npz", **arrays)
    return load_raw_data(Data.model_validate({"npz": "d.npz", **options}), tmp_path)


def carried(dataset: Dataset) -> None:
    """Check that each row of each part has its own weight."""
    for split in dataset.splits:
        for rows, index in ((split.train, split.train_index), (split.validation, split.validation_index)):
            assert rows.weights is not None
            np.testing.assert_array_equal(rows.weights, W[index].astype(np.float32))


@pytest.mark.parametrize(
    "options",
    [
        {"standardize": True},
        {"validation": {"folds": 4}},
        {"validation": {"last": 9}},
        {"subset": 0.5, "test": 6, "rescale": 2.0},
        {"task": "regression", "validation": {"folds": 3}},
    ],
)
def test_every_part_carries_the_weights_of_its_rows(tmp_path: Path, options: dict[str, Any]) -> None:
    found = raw(tmp_path, {"x": X, "y": Y, "sample_weight": W}, **options)
    carried(found.own())
    if "folds" not in str(options) and "last" not in str(options):
        carried(found.fresh(3))
    if "test" in options:
        index, test = found.partition.test, found.own().test()
        assert index is not None
        assert test is not None
        np.testing.assert_array_equal(test.weights, W[index].astype(np.float32))
    combined = found.combined().splits[0].train
    assert combined.weights is not None
    assert len(combined.weights) == len(combined)


def test_a_test_part_has_weights_of_its_own_or_none(tmp_path: Path) -> None:
    arrays = {
        "x_train": X[:30],
        "y_train": Y[:30],
        "x_test": X[30:],
        "y_test": Y[30:],
        "sample_weight": W[:30],
    }
    test = raw(tmp_path, arrays).own().test()
    assert test is not None
    assert test.weights is None
    both = {**arrays, "sample_weight_test": W[30:]}
    test = raw(tmp_path, both).own().test()
    assert test is not None
    np.testing.assert_array_equal(test.weights, W[30:].astype(np.float32))
    carried(raw(tmp_path, both, validation="test").own())
    validation = raw(tmp_path, arrays, validation="test").own().splits[0].validation
    np.testing.assert_array_equal(validation.weights, np.ones(10))
    chosen = raw(tmp_path, {**both, "y_train": np.arange(30) % 3}, classes=[0, 1]).own().test()
    assert chosen is not None
    assert chosen.weights is not None
    assert len(chosen.weights) == len(chosen)


def test_a_column_of_a_table_has_the_weights_and_is_no_feature(tmp_path: Path) -> None:
    lines = [f"{a},{y},{w},{b}" for (a, b, _), y, w in zip(X, Y, W, strict=True)]
    (tmp_path / "t.csv").write_text("a,y,w,b\n" + "\n".join(lines) + "\n")
    given = {"csv": "t.csv", "target": "y", "weight": "w"}
    dataset = load_dataset(Data.model_validate(given), tmp_path)
    carried(dataset)
    assert dataset.encoding is not None
    assert dataset.encoding.feature_names == ("a", "b")
    assert any("rows have weights (w)" in note for note in dataset.notes)
    for column, wrong in (("w,", "has no value"), ("w,-1", "must be 0 or more"), ("w,x", "not a number")):
        cell = column.partition(",")[2]
        (tmp_path / "t.csv").write_text("a,y,w\n1,0,1\n2,1," + cell + "\n3,0,1\n4,1,1\n")
        with pytest.raises(DataError, match=rf"t\.csv:3: .*{wrong}"):
            load_dataset(Data.model_validate(given), tmp_path)
    with pytest.raises(DataError, match=r"no weight column 'ww' \(did you mean 'w'\?\)"):
        load_dataset(Data.model_validate({**given, "weight": "ww"}), tmp_path)


@pytest.mark.parametrize(
    "raw_data", [{"sklearn": "iris", "weight": "w"}, {"csv": "t", "target": "y", "weight": "y"}]
)
def test_a_weight_is_another_column_of_a_table(raw_data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="weight"):
        Data.model_validate(raw_data)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (
            {"sample_weights": W},
            r"found 'sample_weights', which would not be used \(did you mean 'sample_weight'",
        ),
        ({"Y_test": Y}, r"'Y_test', .*did you mean 'y_test'"),
        ({"ids": W}, r"expected arrays called x, y, x_train, .*; found 'ids', which would not be used\."),
        ({"x_train": X, "y_train": Y}, r"holds 'x' beside 'x_train'"),
        ({"y_train": Y}, r"holds 'y_train' beside 'y'"),
        ({"x_test": X}, "lacks y_test"),
        ({"sample_weight": W[:5]}, r"x_train has 40 rows, but sample_weight has 5"),
        ({"sample_weight": -W}, r"sample_weight\[0\] is -.*must be 0 or more"),
        ({"sample_weight": W * np.nan}, r"sample_weight\[0\] is nan"),
        ({"sample_weight": np.zeros(ROWS)}, "every row of the training set has the weight 0"),
        ({"sample_weight": np.array(["a"] * ROWS)}, "sample_weight must hold numbers"),
        ({"sample_weight_test": W}, "lacks x_test and y_test"),
    ],
)
def test_an_array_that_cannot_be_used_is_an_error(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        raw(tmp_path, {"x": X, "y": Y, **arrays}).own()


def test_a_short_form_has_a_test_part_too(tmp_path: Path) -> None:
    test = raw(tmp_path, {"x": X, "y": Y, "x_test": X[:5], "y_test": Y[:5]}).own().test()
    assert test is not None
    assert len(test) == 5


def test_arrays_in_memory_have_weights_for_both_parts() -> None:
    given = {"x": X[:30], "y": Y[:30], "x_val": X[30:], "y_val": Y[30:]}
    ones = np.ones(ROWS)
    cases = [
        ({"sample_weight": W[:30], "sample_weight_val": W[30:]}, W),
        ({"sample_weight": W[:30]}, np.concatenate([W[:30], ones[30:]])),
        ({"sample_weight_val": W[30:]}, np.concatenate([ones[:30], W[30:]])),
    ]
    for weights, expected in cases:
        found = given_arrays({**given, **weights}).arrays["sample_weight"]
        np.testing.assert_array_equal(found, expected.astype(np.float32))
    with pytest.raises(DataError, match="sample_weight has 30 numbers for 10 rows"):
        given_arrays({**given, "sample_weight_val": W[:30]})
    with pytest.raises(DataError, match="did you mean 'sample_weight'"):
        given_arrays({**given, "sample_weigth": W[:30]})


def test_the_level_of_chance_is_that_of_weighted_rows(tmp_path: Path) -> None:
    """Against scikit-learn's dummies, fitted with weights; Keras divides by the rows, not by the weights."""
    split = (found := raw(tmp_path, {"x": X, "y": Y, "sample_weight": W}).own()).splits[0]
    train, rows = split.train, split.validation
    dummy = DummyClassifier(strategy="prior").fit(train.x, train.y, train.weights)
    told = log_loss(rows.y, dummy.predict_proba(rows.x), sample_weight=rows.weights)
    assert rows.weights is not None
    assert found.summary().chance_loss == pytest.approx(told * rows.weights.sum() / len(rows), rel=1e-6)
    quantity = {"x": X, "y": X[:, 0] + 0.5, "sample_weight": W}
    split = (found := raw(tmp_path, quantity).own()).splits[0]
    mean = DummyRegressor().fit(split.train.x, split.train.y, split.train.weights).predict(X[:1])[0]
    assert split.validation.weights is not None
    told = (split.validation.weights * (split.validation.y - mean) ** 2).mean()
    assert found.summary().chance_loss == pytest.approx(float(told), rel=1e-5)


def test_a_window_has_the_weight_of_the_row_of_its_target(tmp_path: Path) -> None:
    lines = [f"{x[0]},{x[1]},{w}" for x, w in zip(X, W, strict=True)]
    (tmp_path / "t.csv").write_text("a,b,w\n" + "\n".join(lines) + "\n")
    window = {"length": 3, "horizon": 2, "stride": 2}
    given = {"csv": "t.csv", "target": "b", "weight": "w", "window": window, "test": 8}
    from_csv = load_raw_data(Data.model_validate(given), tmp_path)
    arrays = {"x": X[:, :2], "y": X[:, 1], "sample_weight": W}
    for found in (from_csv, raw(tmp_path, arrays, window=window, test=8, task="regression")):
        dataset = found.own()
        assert dataset.features == (3, 2)
        for split in dataset.splits:
            for rows, starts in (
                (split.train, split.train_index),
                (split.validation, split.validation_index),
            ):
                np.testing.assert_array_equal(rows.weights, W[starts + 4].astype(np.float32))
                np.testing.assert_array_equal(rows.y, X[starts + 4, 1])
        test, index = dataset.test(), found.partition.test
        assert test is not None
        assert index is not None
        np.testing.assert_array_equal(test.weights, W[index + 4].astype(np.float32))


def test_rows_of_several_targets_have_one_weight_each(tmp_path: Path) -> None:
    labels = np.column_stack([Y, np.arange(ROWS) % 3 // 2])
    carried(found := raw(tmp_path, {"x": X, "y": labels, "sample_weight": W}, task="multilabel").own())
    split = found.splits[0]
    train, rows = split.train, split.validation
    assert train.weights is not None
    assert rows.weights is not None
    shares = np.average(train.y, axis=0, weights=train.weights)
    losses = -np.log(np.where(rows.y, shares, 1 - shares)).mean(axis=1)
    assert found.summary().chance_loss == pytest.approx(float((losses * rows.weights).mean()), rel=1e-6)
    carried(raw(tmp_path, {"x": X, "y": X[:, :2], "sample_weight": W}).own())
    lines = [f"{a},{y},{w},{b}" for (a, b, _), y, w in zip(X, Y, W, strict=True)]
    (tmp_path / "t.csv").write_text("a,y,w,b\n" + "\n".join(lines) + "\n")
    for target in (["y", "b"], "x"):
        given = {"csv": "t.csv", "target": target, "weight": "w"}
        carried(dataset := load_dataset(Data.model_validate(given), tmp_path))
        assert dataset.encoding is not None
        assert "w" not in dataset.encoding.feature_names
    with pytest.raises(ValidationError, match="another column than the target"):
        Data.model_validate({"csv": "t.csv", "target": ["y", "w"], "weight": "w"})


def test_rows_that_are_their_own_targets_have_weights(tmp_path: Path) -> None:
    for options in ({}, {"standardize": True}):
        carried(found := raw(tmp_path, {"x": X, "sample_weight": W}, target="x", **options).own())
        np.testing.assert_array_equal(found.splits[0].train.y, found.splits[0].train.x)
    both = {"x_train": X[:30], "x_test": X[30:], "sample_weight": W[:30], "sample_weight_test": W[30:]}
    test = raw(tmp_path, both, target="x").own().test()
    assert test is not None
    np.testing.assert_array_equal(test.weights, W[30:].astype(np.float32))
    with pytest.raises(DataError, match="which would not be used"):
        raw(tmp_path, {"x": X, "weights": W}, target="x")
