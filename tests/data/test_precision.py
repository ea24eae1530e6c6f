"""Numbers that a float32 cannot tell apart, and deviations that Keras' Normalization cannot hold."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.preprocessing import StandardScaler

from hpsearch.data import Dataset, load_dataset
from hpsearch.exceptions import DataError
from hpsearch.models.components.objectives import Objective
from hpsearch.models.model import export_model, initial_weights, save_model, training_model
from hpsearch.models.saved import load_stock
from hpsearch.spec import Data
from hpsearch.spec.sections.study import read_configuration
from hpsearch.store.layout import StudyFiles
from hpsearch.store.reading import read_record
from support.commands import succeed_here, write_study

CONFIGURATION = read_configuration({"model": {"mlp": {"hidden": [6]}}, "training": {"epochs": 1}})


def load(directory: Path = Path(), **options: Any) -> Dataset:
    return load_dataset(Data.model_validate(options), directory)


def npz(directory: Path, x: Any, y: Any, **options: Any) -> Dataset:
    np.savez(directory / "a.npz", x=x, y=y)
    return load(directory, npz="a.npz", **options)


def table(path: Path, x: Any, y: Any) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([*(f"c{place}" for place in range(x.shape[1])), "y"])
        writer.writerows([*map(repr, row), target] for row, target in zip(x.tolist(), y, strict=True))
    return path


def scaled_by_sklearn(dataset: Dataset, x: Any) -> tuple[Any, Any]:
    """Give the training and the validation set as StandardScaler makes them of the float64 numbers."""
    split = dataset.splits[0]
    scaler = StandardScaler().fit(x[split.train_index])
    return scaler.transform(x[split.train_index]), scaler.transform(x[split.validation_index])


def check_export(dataset: Dataset, directory: Path) -> None:
    """Check that the exported model gives for raw rows what the trained network gives for scaled ones."""
    objective = Objective(dataset.task, dataset.outputs)
    weights = initial_weights(CONFIGURATION, dataset.features, objective, 3)
    network = training_model(CONFIGURATION, dataset.features, objective, 3)
    for layer in network.layers:
        layer.set_weights([weights[f"{layer.name}/{variable.name}"] for variable in layer.weights])
    split = dataset.splits[0]
    exported = export_model(CONFIGURATION, dataset.features, objective, split.scaling, weights)
    save_model(exported, directory / "a.keras")
    raw = dataset.raw(0, "validation").x
    expected = np.asarray(objective.predictions(network(split.validation.x)))
    for model in (exported, load_stock(directory / "a.keras")):
        np.testing.assert_allclose(np.asarray(model(raw)), expected, rtol=2e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("power", [-30, -20, -9, -7, -3, 0, 5, 18, 19, 25, 30])
def test_training_and_export_scale_alike_whatever_the_deviation(tmp_path: Path, power: int) -> None:
    """Keras' Normalization clips deviations at 1e-7, and their squares leave float32 above 1.8e19."""
    x, y = load_iris(return_X_y=True)
    x = x * np.array([10.0**power, 1.0, -(10.0 ** (power / 2)), 10.0**-power])
    dataset = npz(tmp_path, x, y, standardize=True)
    split = dataset.splits[0]
    train, validation = scaled_by_sklearn(dataset, x)
    np.testing.assert_allclose(split.train.x, train, atol=2e-5)
    np.testing.assert_allclose(split.validation.x, validation, atol=2e-5)
    check_export(dataset, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1e-30, 1e-8, 1.0, 1e20, 1e36])
def test_a_factor_before_standardizing_changes_nothing(tmp_path: Path, factor: float) -> None:
    dataset = load(sklearn="iris", rescale=factor, standardize=True)
    train, _ = scaled_by_sklearn(dataset, load_iris().data)
    np.testing.assert_allclose(dataset.splits[0].train.x, train, atol=2e-5)
    check_export(dataset, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.5, 1e-9, 1e25])
def test_features_of_words_stay_what_they_are(tmp_path: Path, factor: float) -> None:
    x = np.random.default_rng(0).normal(size=(60, 2))
    rows = [["c0", "word", "y"], *([repr(row[0]), "ab"[row[1] > 0], "uv"[row[0] > 0]] for row in x.tolist())]
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)
    dataset = load(tmp_path, csv="a.csv", target="y", rescale=factor, standardize=True)
    train = dataset.splits[0].train.x
    assert set(train[:, 1:].ravel().tolist()) == {0.0, 1.0}
    np.testing.assert_allclose([train[:, 0].mean(), train[:, 0].std()], [0, 1], atol=1e-5)
    check_export(dataset, tmp_path)


@pytest.mark.slow
def test_what_is_constant_is_only_centred_and_told(tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    for value in (0.0, 7.0, 1e-30, 1e30, 1_700_000_000.0):
        x[:, 1] = value
        dataset = npz(tmp_path, x, y, standardize=True)
        assert (dataset.splits[0].train.x[:, 1] == 0).all()
        assert StandardScaler().fit(x).scale_[1] == 1
        (note,) = dataset.notes
        assert "feature 1" in note
        assert "constant in the training set" in note
        check_export(dataset, tmp_path)


def test_what_is_constant_but_for_rounding_is_constant_as_in_sklearn(tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    x[:, 1] = np.where(np.arange(len(x)) % 2, 0.3, 0.1 + 0.2)
    assert len(np.unique(x[:, 1])) == 2
    assert StandardScaler().fit(x).scale_[1] == 1
    dataset = npz(tmp_path, x, y, standardize=True)
    assert (dataset.splits[0].train.x[:, 1] == 0).all()


def times(seed: int = 0, rows: int = 100) -> tuple[Any, Any]:
    """Give unix times that lie seconds apart, another number, and a class that the times tell."""
    generator = np.random.default_rng(seed)
    seconds = generator.normal(0, 10, rows)
    x = np.column_stack([1_700_000_000 + seconds, generator.normal(size=rows)])
    return x, np.where(seconds > 0, "up", "down")


class TestTimes:
    @pytest.mark.slow
    def test_are_scaled_as_float64(self, tmp_path: Path) -> None:
        x, y = times()
        table(tmp_path / "a.csv", x, y)
        whole = np.column_stack([np.rint(x[:, 0]), np.arange(100)]).astype(np.int64)
        for dataset, numbers in (
            (load(tmp_path, csv="a.csv", target="y", standardize=True), x),
            (npz(tmp_path, x, y, standardize=True), x),
            (npz(tmp_path, whole, y, standardize=True), whole),
        ):
            train, validation = scaled_by_sklearn(dataset, numbers)
            split = dataset.splits[0]
            np.testing.assert_allclose(split.train.x, train, atol=2e-5)
            np.testing.assert_allclose(split.validation.x, validation, atol=2e-5)
            assert len(np.unique(split.train.x[:, 0])) == len(np.unique(train[:, 0]))
            assert any("values too close together for float32" in note for note in dataset.notes)
            check_export(dataset, tmp_path)

    def test_new_rows_and_test_rows_are_moved_alike(self, tmp_path: Path) -> None:
        x, y = times()
        table(tmp_path / "a.csv", x, y)
        named = load(tmp_path, csv="a.csv", target="y", standardize=True, test=20)
        np.savez(tmp_path / "b.npz", x_train=x[:80], y_train=y[:80], x_test=x[80:], y_test=y[80:])
        arrays = load(tmp_path, npz="b.npz", standardize=True)
        for dataset in (named, arrays):
            split = dataset.splits[0]
            scaler = StandardScaler().fit(x[split.train_index])
            test = dataset.test()
            assert test is not None
            found = np.sort(test.x[:, 0])
            held = np.setdiff1d(np.arange(100), np.concatenate([split.train_index, split.validation_index]))
            np.testing.assert_allclose(found, np.sort(scaler.transform(x[held])[:, 0]), atol=2e-5)
        np.savez(tmp_path / "new.npz", x=x[:5])
        for dataset, path in ((arrays, tmp_path / "new.npz"), (named, tmp_path / "a.csv")):
            rows = dataset.preprocessing().read(path).x
            scaling = dataset.splits[0].scaling
            scaler = StandardScaler().fit(x[dataset.splits[0].train_index])
            np.testing.assert_allclose(scaling.apply(rows), scaler.transform(x[: len(rows)]), atol=2e-5)

    def test_missing_times_are_their_mean(self, tmp_path: Path) -> None:
        x, y = times()
        text = table(tmp_path / "a.csv", x, y).read_text(encoding="utf-8").splitlines()
        text[3] = text[3][text[3].index(",") :]
        (tmp_path / "a.csv").write_text("\n".join(text), encoding="utf-8")
        dataset = load(tmp_path, csv="a.csv", target="y", standardize=True, validation={"last": 20})
        assert abs(dataset.splits[0].train.x[2, 0]) < 1e-5

    def test_without_standardizing_it_is_said_what_helps(self, tmp_path: Path) -> None:
        x, y = times()
        table(tmp_path / "a.csv", x, y)
        for dataset in (load(tmp_path, csv="a.csv", target="y"), npz(tmp_path, x, y)):
            note = dataset.notes[0]
            assert "feature 0" in note
            assert "'standardize: true' keeps them" in note

    @pytest.mark.slow
    def test_a_study_learns_from_them_and_predicts(self, tmp_path: Path) -> None:
        """Rounded to float32, all of them are one number, and nothing better than a half is learned."""
        table(tmp_path / "a.csv", *times())
        x, y = times(1)
        new = table(tmp_path / "new.csv", x, y)
        study = {
            "name": "a",
            "data": {"csv": "a.csv", "target": "y", "standardize": True},
            "model": {"mlp": {"hidden": [8]}},
            "training": {"epochs": 30, "learning_rate": 0.02},
            "search": {"trials": 1, "metric": "val_accuracy"},
            "confirm": "none",
        }
        told = succeed_here("optimize", write_study(tmp_path / "s.yaml", study), cwd=tmp_path)
        assert "hpsearch predict shifts them itself" in told.stdout + told.stderr
        assert max(trial.value or 0 for trial in read_record(StudyFiles(tmp_path, "a")).trials) > 0.9
        printed = succeed_here("predict", "a", new, cwd=tmp_path).stdout.splitlines()
        found = [line.split(",")[1] for line in printed[1:]]
        assert np.mean(np.array(found) == y) > 0.9


class TestTargets:
    @pytest.mark.parametrize("kind", [np.float64, np.int64])
    def test_that_a_float32_cannot_tell_apart_are_refused(self, tmp_path: Path, kind: Any) -> None:
        x = np.random.default_rng(0).normal(size=(100, 3))
        y = (1_700_000_000 + 25 * x[:, 0]).astype(kind)
        table(tmp_path / "a.csv", x, y.tolist())
        for options in ({"csv": "a.csv", "target": "y"}, {"npz": "a.npz"}):
            np.savez(tmp_path / "a.npz", x=x, y=y)
            with pytest.raises(
                DataError, match=r"the targets have a mean of 1[67]\d{8} .* subtract a constant"
            ):
                load(tmp_path, task="regression", **options)

    @pytest.mark.parametrize("mean", [0.0, 1e3, 1e7])
    def test_that_it_can_tell_apart_are_taken(self, tmp_path: Path, mean: float) -> None:
        x = np.random.default_rng(0).normal(size=(100, 3))
        y = mean + 25_000 * x[:, 0]
        split = npz(tmp_path, x, y, task="regression").splits[0]
        np.testing.assert_array_equal(split.train.y, y.astype(np.float32)[split.train_index])


def test_numbers_below_a_float32_are_refused_where_they_would_be_standardized(tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    with pytest.raises(DataError, match=r"feature 0 .* multiply it by a constant"):
        npz(tmp_path, x * np.array([1e-42, 1, 1, 1]), y, standardize=True)


def test_other_data_keep_their_bits(tmp_path: Path) -> None:
    """What loses nothing is scaled in float32, from float32 rows, as in all studies before."""
    x, y = load_wine(return_X_y=True)
    dataset = npz(tmp_path, x, y, standardize=True, rescale=0.1)
    assert dataset.notes == ()
    assert dataset.preprocessing().origin is None
    split = dataset.splits[0]
    narrow = x.astype(np.float32)[split.train_index]
    mean = narrow.mean(axis=0, dtype=np.float64)
    deviation = np.sqrt(np.square(narrow.astype(np.float64) - mean).sum(axis=0) / len(narrow)) * 0.1
    expected = narrow * np.float32(0.1) - (mean * 0.1).astype(np.float32)
    np.testing.assert_array_equal(split.train.x, expected / deviation.astype(np.float32))
