"""Columns of csv files: categories stay 0 and 1, and are refused where they are too many."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch.datasets import Dataset, load_dataset
from hpsearch.exceptions import DataError
from hpsearch.spec import Data

Write = Callable[..., Dataset]


@pytest.fixture
def table(tmp_path: Path) -> Write:
    """Write columns to a csv file and load it."""

    def write(columns: dict[str, Sequence[Any]], **options: Any) -> Dataset:
        with (tmp_path / "d.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
        data = Data.model_validate({"csv": "d.csv", "target": "y", **options})
        return load_dataset(data, tmp_path)

    return write


def refusal(table: Write, columns: dict[str, Sequence[Any]], **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        table(columns, **options)
    return str(caught.value)


def halves(rows: int) -> list[float]:
    """Give targets that are quantities."""
    return [row + 0.5 for row in range(rows)]


class TestIndicators:
    def columns(self, rows: int = 200) -> dict[str, Sequence[Any]]:
        """Make a column of numbers and one of words, one of which is rare."""
        rng = np.random.default_rng(3)
        towns = rng.choice(["Ulm", "Bonn", "Kiel"], rows).tolist()
        towns[7] = "Rust"
        return {"size": rng.normal(70, 20, rows).round(3).tolist(), "town": towns, "y": halves(rows)}

    @pytest.mark.parametrize("options", [{"standardize": True}, {"standardize": True, "rescale": "1/255"}])
    def test_words_are_0_and_1_whatever_is_standardized(self, table: Write, options: dict[str, Any]) -> None:
        columns = self.columns()
        dataset = table(columns, validation={"last": 50}, **options)
        assert dataset.encoding is not None
        assert dataset.encoding.feature_names == ("size", "town=Bonn", "town=Kiel", "town=Rust", "town=Ulm")
        known = ["Bonn", "Kiel", "Rust", "Ulm"]
        expected = np.array([[float(town == name) for name in known] for town in columns["town"]])
        sizes = np.array(columns["size"])
        standard = (sizes - sizes[:150].mean()) / sizes[:150].std()
        split = dataset.splits[0]
        for rows, part in ((split.train, slice(0, 150)), (split.validation, slice(150, 200))):
            np.testing.assert_array_equal(rows.x[:, 1:], expected[part])
            np.testing.assert_allclose(rows.x[:, 0], standard[part], atol=1e-4)

    def test_a_factor_alone_leaves_words_too(self, table: Write) -> None:
        dataset = table(self.columns(), rescale=0.1)
        x, raw = dataset.splits[0].train.x, dataset.raw(0, "train").x
        np.testing.assert_array_equal(x[:, 1:], raw[:, 1:])
        np.testing.assert_array_equal(x[:, 0], raw[:, 0] * np.float32(0.1))

    def test_an_unseen_category_is_zeros_after_scaling(self, table: Write) -> None:
        columns = self.columns()
        columns["town"] = [*columns["town"][:150], *["Rom"] * 50]
        split = table(columns, validation={"last": 50}, standardize=True).splits[0]
        np.testing.assert_array_equal(split.validation.x[:, 1:], 0)

    def test_each_fold_leaves_them(self, table: Write) -> None:
        dataset = table(self.columns(), validation={"folds": 4}, standardize=True)
        for split in dataset.splits:
            assert set(np.unique(split.validation.x[:, 1:])) <= {0, 1}

    def test_numbers_of_0_and_1_are_numbers(self, table: Write) -> None:
        flags = [row % 2 for row in range(20)]
        split = table({"flag": flags, "y": halves(20)}, validation={"last": 4}, standardize=True).splits[0]
        np.testing.assert_allclose(np.unique(split.train.x), [-1, 1], atol=1e-6)

    def test_a_shape_is_scaled_alike(self, table: Write) -> None:
        dataset = table({**self.columns(), "age": list(range(200))}, standardize=True, shape=[3, 2])
        marked = dataset.pool.indicators
        assert marked is not None
        assert marked.shape == (3, 2)
        assert set(np.unique(dataset.splits[0].train.x[:, marked])) == {0, 1}


class TestTooManyCategories:
    def column(self, texts: Iterable[str], **options: Any) -> dict[str, Sequence[Any]]:
        cells = list(texts)
        return {"code": cells, "size": [row / 4 for row in range(len(cells))], "y": halves(len(cells))}

    def test_of_one_column(self, table: Write) -> None:
        texts = [f"M{row % 1200:04}" for row in range(6000)]
        told = refusal(table, self.column(texts), validation={"last": 100})
        assert "column 'code' holds 1,200 different texts in 5,900 rows" in told
        assert "'M0000' and 'M0001'" in told
        assert "up to 1,000" in told
        assert "Leave the column out" in told

    def test_as_many_as_allowed(self, table: Write) -> None:
        texts = [f"M{row % 1000:04}" for row in range(2500)]
        assert table(self.column(texts), validation={"last": 100}).features == (1001,)

    @pytest.mark.parametrize(
        "texts",
        [
            [f"C{row}" for row in range(80)],
            [f"2024-{1 + row // 28:02}-{1 + row % 28:02}" for row in range(80)],
            [f"{row // 60:02}:{row % 60:02}" for row in range(80)],
        ],
        ids=["identifiers", "dates", "times"],
    )
    def test_one_for_nearly_every_row(self, table: Write, texts: list[str]) -> None:
        told = refusal(table, self.column(texts))
        assert "column 'code' holds 64 different texts in 64 rows" in told
        assert "nearly every row has a category of its own" in told

    def test_of_all_columns_together(self, table: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hpsearch.datasets._encoding.MAX_ONE_HOT", 9_999)
        columns = {name: [f"{name}{row % 5}" for row in range(250)] for name in ("a", "b")}
        columns["b"][0] = "more"
        told = refusal(table, {**columns, "y": halves(250)})
        assert "250 rows by 11 columns" in told
        assert "'b' alone has 6 categories" in told
