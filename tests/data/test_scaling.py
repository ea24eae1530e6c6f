"""Scalings of features, against scikit-learn and the formulas of the papers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from sklearn.preprocessing import QuantileTransformer, RobustScaler, StandardScaler

from hpsearch.data import Dataset, load_dataset
from hpsearch.spec import Data

ROWS = 900


def table() -> NDArray[Any]:
    """Make numbers of every kind: heavy tails, many zeros, few whole numbers, far from 0, very small."""
    generator = np.random.default_rng(0)
    columns = (
        generator.normal(size=ROWS),
        generator.lognormal(0, 3, ROWS),
        np.where(generator.random(ROWS) < 0.6, 0, generator.exponential(size=ROWS)),
        generator.integers(0, 5, ROWS),
        1.7e3 + generator.integers(0, 400, ROWS) / 4,
        generator.normal(size=ROWS) * 1e-12,
        np.where(generator.random(ROWS) < 0.95, 3, generator.normal(size=ROWS)),
    )
    return np.stack(columns, axis=1).astype(np.float32)


def load(folder: Path, x: NDArray[Any], **options: Any) -> Dataset:
    np.savez(folder / "rows.npz", x=x, y=np.arange(len(x)) % 2)
    data = {"npz": "rows.npz", "validation": {"folds": 3}, **options}
    return load_dataset(Data.model_validate(data), folder)


def clipped(x: NDArray[Any]) -> NDArray[Any]:
    return x / np.sqrt(1 + (x / 3) ** 2)


@pytest.mark.parametrize("scaling", ["quantile", "robust", "standard"])
def test_is_that_of_sklearn_fitted_to_the_training_rows_of_each_fold(tmp_path: Path, scaling: str) -> None:
    x = table()[:, :5]
    dataset = load(tmp_path, x, scaling=scaling)
    for split in dataset.splits:
        train, validation = (
            x[index].astype(np.float64) for index in (split.train_index, split.validation_index)
        )
        known: Any = {
            "standard": StandardScaler(),
            "robust": RobustScaler(),
            "quantile": QuantileTransformer(
                n_quantiles=len(train) // 30, subsample=None, output_distribution="normal"
            ),
        }[scaling].fit(train)
        if scaling == "robust":
            # Where the quartiles are equal, scikit-learn divides by 1.
            flat = np.ptp(np.quantile(train, [0.25, 0.75], axis=0), axis=0) == 0
            known.scale_ = np.where(flat, np.ptp(train, axis=0) / 2, known.scale_)
        for rows, raw in ((split.train, train), (split.validation, validation)):
            expected = known.transform(raw)
            expected = clipped(expected) if scaling == "robust" else expected
            np.testing.assert_allclose(rows.x, expected, rtol=2e-5, atol=2e-5)


def test_quantiles_of_very_small_numbers_are_theirs(tmp_path: Path) -> None:
    x = table()
    found = load(tmp_path, x[:, 5:6], scaling="quantile").splits[0].train.x
    larger = load(tmp_path, x[:, 5:6] * np.float32(2**40), scaling="quantile").splits[0].train.x
    np.testing.assert_array_equal(found, larger)
    assert 0.9 < found.std() < 1.1


def test_neither_a_factor_nor_a_further_monotone_map_changes_quantiles(tmp_path: Path) -> None:
    x = table()[:, :1]
    plain = load(tmp_path, x, scaling="quantile").splits[1]
    with_factor = load(tmp_path, x, scaling="quantile", rescale=0.3).splits[1]
    np.testing.assert_array_equal(plain.validation.x, with_factor.validation.x)


@pytest.mark.parametrize("scaling", ["quantile", "robust"])
def test_a_constant_becomes_0_and_is_told(tmp_path: Path, scaling: str) -> None:
    dataset = load(tmp_path, np.stack([np.full(60, 7.0), np.arange(60.0)], axis=1), scaling=scaling)
    assert (dataset.splits[0].train.x[:, 0] == 0).all()
    assert any(f"only centred by 'scaling: {scaling}': feature 0" in note for note in dataset.notes)


@pytest.mark.parametrize("scaling", ["quantile", "robust"])
def test_features_of_words_stay_0_and_1(tmp_path: Path, scaling: str) -> None:
    lines = [f"{number},{'ab'[number % 2]},{number % 3}" for number in range(60)]
    (tmp_path / "rows.csv").write_text("\n".join(["size,word,y", *lines]))
    given = {"csv": "rows.csv", "target": "y", "scaling": scaling}
    dataset = load_dataset(Data.model_validate(given), tmp_path)
    words = dataset.splits[0].train.x[:, 1:]
    assert set(np.unique(words)) == {0, 1}
    size = next(one for one in dataset.columns if one.name == "size")
    assert (
        size.becomes
        == {
            "quantile": "as normal scores by quantiles",
            "robust": "scaled by quartiles and clipped smoothly",
        }[scaling]
    )


@pytest.mark.parametrize("scaling", ["quantile", "robust"])
def test_each_step_of_a_window_is_scaled_as_a_row_is(tmp_path: Path, scaling: str) -> None:
    x = table()[:200, :3]
    options = {"window": {"length": 4}, "validation": {"last": 40}, "task": "classification"}
    split = load(tmp_path, x, scaling=scaling, **options).splits[0]
    rows = split.train.x
    np.testing.assert_array_equal(rows[1:, 0], rows[:-1, 1])
    assert rows.std() > 0.1


@pytest.mark.parametrize("scaling", ["quantile", "robust"])
def test_close_numbers_keep_their_differences(tmp_path: Path, scaling: str) -> None:
    times = (1.7e9 + np.arange(300.0))[:, None]
    split = load(tmp_path, times, scaling=scaling, validation=60).splits[0]
    assert len(np.unique(split.train.x)) == 240


def test_none_is_nothing(tmp_path: Path) -> None:
    x = table()
    np.testing.assert_array_equal(
        load(tmp_path, x, scaling="none").splits[0].train.x, load(tmp_path, x).splits[0].train.x
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"npz": "a.npz", "scaling": "standard", "standardize": True},
            "which is short for 'scaling: standard'",
        ),
        ({"npz": "a.npz", "scaling": "quantiles"}, "a scaling of features"),
        ({"keras": "imdb", "sequence": 9, "scaling": "robust"}, "no 'scaling' with 'sequence'"),
    ],
)
def test_what_cannot_be_is_refused(data: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Data.model_validate(data)
