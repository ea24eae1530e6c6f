"""The test set as the validation set, on request; and a subset that leaves it whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from hpsearch.data import Dataset, load_dataset
from hpsearch.exceptions import DataError
from hpsearch.spec import Data, load_study_file
from support.commands import STUDY, succeed, succeed_here, write_study

SENTENCE = "the test set chose the best epoch and the best configuration"


def load(directory: Path, **options: Any) -> Dataset:
    return load_dataset(Data.model_validate(options), directory, directory)


@pytest.fixture
def arrays(tmp_path: Path) -> dict[str, Any]:
    """Leave 3,000 rows of ten classes and a test set of 500, whose first feature numbers them."""
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (3_500, 4, 4)).astype(np.uint8)
    y = generator.integers(0, 10, 3_500).astype(np.uint8)
    parts = {"x_train": x[:3_000], "y_train": y[:3_000], "x_test": x[3_000:], "y_test": y[3_000:]}
    np.savez(tmp_path / "own.npz", **parts)
    np.savez(tmp_path / "fashion_mnist.npz", **parts)
    return parts


class TestPartOfItsOwn:
    def test_is_the_validation_part_and_nothing_is_held_out(
        self, arrays: dict[str, Any], tmp_path: Path
    ) -> None:
        dataset = load(tmp_path, npz="own.npz", validation="test", rescale="1/255")
        (split,) = dataset.splits
        np.testing.assert_array_equal(split.train.y, arrays["y_train"])
        np.testing.assert_array_equal(split.validation.y, arrays["y_test"])
        np.testing.assert_array_equal(
            split.validation.x, arrays["x_test"].astype(np.float32) * np.float32(1 / 255)
        )
        np.testing.assert_array_equal(dataset.raw(0, "validation").x, arrays["x_test"])
        assert dataset.test() is None
        assert dataset.summary().test_rows == 0

    def test_stays_whole_beside_a_subset_of_two_classes(self, arrays: dict[str, Any], tmp_path: Path) -> None:
        """The experiment of the textbook: 200 rows, Pullover (2) against T-shirt (0)."""
        options = {"keras": "fashion_mnist", "classes": [0, 2], "subset": 200, "validation": "test"}
        dataset = load(tmp_path, **options)
        (split,) = dataset.splits
        kept = np.isin(arrays["y_test"], [0, 2])
        np.testing.assert_array_equal(split.validation.x, arrays["x_test"][kept])
        np.testing.assert_array_equal(split.validation.y, arrays["y_test"][kept] == 2)
        assert len(split.train) == 200
        train = {row.tobytes() for row in arrays["x_train"].astype(np.float32)}
        assert all(row.tobytes() in train for row in split.train.x)
        counts = [int((arrays["y_train"] == one).sum()) for one in (0, 2)]
        assert split.train.y.mean() == pytest.approx(counts[1] / sum(counts), abs=0.005)
        assert dataset.labels == ("0", "2")
        assert dataset.outputs == 2

    def test_scaling_is_fitted_without_it(self, arrays: dict[str, Any], tmp_path: Path) -> None:
        (split,) = load(tmp_path, npz="own.npz", validation="test", standardize=True).splits
        expected = arrays["x_train"].astype(np.float64).mean(axis=0)
        np.testing.assert_allclose(split.scaling.mean, expected, rtol=1e-6)

    def test_classes_that_it_lacks_are_an_error(self, tmp_path: Path) -> None:
        x = np.zeros((6, 2))
        np.savez(tmp_path / "d.npz", x_train=x, y_train=np.arange(6) % 3, x_test=x[:1], y_test=np.array([2]))
        with pytest.raises(DataError, match="the test set has no row of the selected classes"):
            load(tmp_path, npz="d.npz", validation="test", classes=[0, 1])


class TestDrawnPart:
    def test_is_the_validation_part_whatever_the_subset(self, tmp_path: Path) -> None:
        whole = load(tmp_path, sklearn="digits", test=0.25)
        dataset = load(tmp_path, sklearn="digits", test=0.25, validation="test", subset=100)
        held_out = whole.test()
        assert held_out is not None
        np.testing.assert_array_equal(dataset.splits[0].validation.x, held_out.x)
        np.testing.assert_array_equal(dataset.splits[0].validation.y, held_out.y)
        assert len(dataset.splits[0].train) == 100
        assert len(held_out) == np.ceil(len(load_digits().target) / 4)
        assert dataset.test() is None

    def test_of_a_table_is_encoded_as_the_training_part_says(self, tmp_path: Path) -> None:
        lines = ["size,town,rent", *(f"{i},{'ab'[i % 2]},{i * 1.5}" for i in range(40))]
        (tmp_path / "flats.csv").write_text("\n".join(lines))
        dataset = load(tmp_path, csv="flats.csv", target="rent", test=10, validation="test")
        assert len(dataset.splits[0].validation) == 10
        assert dataset.features == (3,)

    def test_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="sklearn:digits: 'validation: test' needs a test set"):
            load(tmp_path, sklearn="digits", validation="test")


@pytest.mark.slow
def test_the_resolved_file_and_the_report_say_that_scores_are_optimistic(tmp_path: Path) -> None:
    data = {"sklearn": "iris", "test": 0.3, "validation": "test"}
    write_study(tmp_path / "study.yaml", {**STUDY, "data": data})
    write_study(tmp_path / "other.yaml", {**STUDY, "name": "other", "data": {**data, "validation": 0.2}})
    for name in ("study", "other"):
        succeed_here("optimize", f"{name}.yaml", cwd=tmp_path)
    for name, said in (("a", True), ("other", False)):
        report = (tmp_path / "reports" / f"{name}.html").read_text()
        resolved = (tmp_path / "runs" / name / "study.yaml").read_text()
        assert (SENTENCE in report) == said
        assert ("makes scores optimistic" in " ".join(resolved.split())) == said
    best = json.loads(succeed("best", "a", "--format", "json", cwd=tmp_path).stdout)
    assert best["study"]["data"]["validation"] == "test"
    assert load_study_file(tmp_path / "study.yaml").spec.data.validation.name == "test"
