"""Columns of csv files: what is a number, what a category, and what is refused because it could be either."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch.data import Dataset, load_dataset
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
        marked = dataset.unscaled.indicators
        assert marked is not None
        assert marked.shape == (3, 2)
        assert set(np.unique(dataset.splits[0].train.x[:, marked])) == {0, 1}


class TestTooManyCategories:
    def column(self, texts: Iterable[str], **options: Any) -> dict[str, Sequence[Any]]:
        cells = list(texts)
        return {"code": cells, "size": [row / 4 for row in range(len(cells))], "y": halves(len(cells))}

    def test_of_one_column_are_pooled(self, table: Write) -> None:
        texts = [f"M{row % 1200:04}" for row in range(6000)]
        dataset = table(self.column(texts), validation={"last": 100})
        assert dataset.encoding is not None
        column = dataset.encoding.columns[0]
        counts = Counter(texts[:5900])
        assert column.categories[-1] == "(rare)"
        assert len(column.categories) == 256
        assert all(counts[word] >= 5 for word in column.categories[:-1])
        x = dataset.raw(0, "validation").x[:, :-1]
        np.testing.assert_array_equal(x.sum(axis=1), 1)
        pooled = [text not in column.categories for text in texts[5900:]]
        np.testing.assert_array_equal(x[:, -1], pooled)

    @pytest.mark.slow
    def test_as_many_as_allowed(self, table: Write) -> None:
        texts = [f"M{row % 1000:04}" for row in range(2500)]
        assert table(self.column(texts), validation={"last": 100}).features == (1001,)

    def test_one_for_nearly_every_row_is_left_out(self, table: Write) -> None:
        dataset = table(self.column(f"C{row}" for row in range(80)))
        assert dataset.features == (1,)
        assert "'code' (id: another value in nearly every row)" in dataset.notes[0]

    def test_of_all_columns_together(self, table: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hpsearch.data.encoding.MAX_ONE_HOT", 9_999)
        columns = {name: [f"{name}{row % 5}" for row in range(250)] for name in ("a", "b")}
        columns["b"][0] = "more"
        told = refusal(table, {**columns, "y": halves(250)})
        assert "250 rows by 11 columns" in told
        assert "'b' alone has 6 categories" in told


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


NUMBERS = (0.5, -1234.5, 7.0, 1234567.25, -0.125)

READ: dict[str, Callable[[float], str]] = {
    "quotes": lambda n: f'"{n}"',
    "a blank before the quotes": lambda n: f' "{n}"',
    "blanks inside the quotes": lambda n: f'"  {n}  "',
    "quotes inside quotes": lambda n: f'"""{n}"""',
    "single quotes": lambda n: f"'{n}'",
    "no-break spaces": lambda n: f"\u00a0{n}\u00a0",
    "an exponent": lambda n: f"{n:e}",
    "a plus": lambda n: f"{n:+}",
    "a decimal comma": lambda n: quoted(f"{n:.3f}".replace(".", ",")),
    "thousands": lambda n: quoted(f"{n:,.3f}"),
    "thousands of Germany": lambda n: quoted(f"{n:,.3f}".translate(str.maketrans(",.", ".,"))),
    "thousands of Switzerland": lambda n: f"{n:,.3f}".replace(",", "'"),
    "thousands with thin blanks": lambda n: f"{n:,.3f}".replace(",", "\u202f"),
}

REFUSED: dict[str, tuple[Callable[[float], str], str]] = {
    "underscores": (lambda n: f"{n * 1e6:_.0f}", "other separators"),
    "percent": (lambda n: f"{n} %", "a percent sign"),
    "euros": (lambda n: f"{n} €", "a currency"),
    "dollars": (lambda n: f"${n}", "a currency"),
    "codes": (lambda n: f"EUR {n}", "a currency"),
    "brackets for minus": (lambda n: f"({abs(n)})", "quotes or brackets"),
    "a formula of a spreadsheet": (lambda n: f'="{n}"', "quotes or brackets"),
    "a true minus": (lambda n: f"\u2212{abs(n)}", "another minus sign"),
    "a minus behind": (lambda n: f"{abs(n)}-", "another minus sign"),
    "a unit": (lambda n: f"{n} kg", "a unit"),
    "a unit of two parts": (lambda n: f"{n}km/h", "a unit"),
    "degrees": (lambda n: f"{n} °C", "a unit"),
}


@pytest.fixture
def text(tmp_path: Path) -> Write:
    """Write a csv file as text and load it."""

    def write(cells: Sequence[str], target: str = "y", **options: Any) -> Dataset:
        lines = [f"{cell},{row + 0.5}" for row, cell in enumerate(cells)]
        (tmp_path / "d.csv").write_text("\n".join(["a,y", *lines]) + "\n", encoding="utf-8")
        data = Data.model_validate({"csv": "d.csv", "target": target, **options})
        return load_dataset(data, tmp_path)

    return write


class TestNumbers:
    @pytest.mark.parametrize("write", READ.values(), ids=READ)
    def test_are_read(self, text: Write, write: Callable[[float], str]) -> None:
        dataset = text([write(number) for number in NUMBERS], validation={"last": 1})
        assert dataset.features == (1,)
        expected = np.array(NUMBERS, dtype=np.float32)[:4, None]
        np.testing.assert_allclose(dataset.splits[0].train.x, expected, rtol=1e-6)

    @pytest.mark.parametrize(("write", "why"), REFUSED.values(), ids=REFUSED)
    def test_are_refused_with_the_remedy(
        self, text: Write, write: Callable[[float], str], why: str, tmp_path: Path
    ) -> None:
        cells = [write(number) for number in NUMBERS]
        with pytest.raises(DataError) as caught:
            text([quoted(cell) for cell in cells], validation={"last": 1})
        told = str(caught.value)
        assert f"{tmp_path / 'd.csv'}:2: column 'a' holds {cells[0]!r}" in told
        assert why in told

    @pytest.mark.parametrize(("write", "why"), REFUSED.values(), ids=REFUSED)
    def test_are_refused_as_targets(self, text: Write, write: Callable[[float], str], why: str) -> None:
        cells = [quoted(write(number)) for number in NUMBERS]
        with pytest.raises(DataError, match="column 'a' holds") as caught:
            text(cells, target="a", validation={"last": 1})
        assert why in str(caught.value)

    def test_are_read_where_only_some_are_written_so(self, text: Write) -> None:
        dataset = text(["94", "70", '"94,3"', "81", '"56,9"', "70"], validation={"last": 1})
        np.testing.assert_allclose(dataset.splits[0].train.x[:, 0], [94, 70, 94.3, 81, 56.9], rtol=1e-6)
        assert any("the numbers of column 'a' are written as in 1234,5" in note for note in dataset.notes)

    def test_a_comma_that_may_be_either_is_asked_about(self, table: Write, tmp_path: Path) -> None:
        (tmp_path / "d.csv").write_text("a;y\n1,250;1\n3,100;2\n2,000;4\n")
        with pytest.raises(DataError, match=r"d\.csv:2: column 'a' holds '1,250', whose comma may be"):
            load_dataset(Data.model_validate({"csv": "d.csv", "target": "y", "validation": 1}), tmp_path)
        for decimal, first in ((",", 1.25), (".", 1250.0)):
            other = {"decimal": decimal, "thousands": "," if decimal == "." else "."}
            data = Data.model_validate({"csv": "d.csv", "target": "y", "validation": {"last": 1}, **other})
            assert load_dataset(data, tmp_path).splits[0].train.x[0, 0] == first

    @pytest.mark.parametrize(
        "levels",
        [
            ["20s", "30s", "40s"],
            ["1st", "2nd", "3rd"],
            ["5XL", "3XL", "4XL"],
            ["10-19", "20-29", "30-39"],
            ["1.2.3", "10.0.1", "1.2.4"],
            ["<5", "5+", "n5"],
            ["M0098", "C10", "ORD-7"],
            ["1/2", "3/4", "1/4"],
        ],
    )
    def test_levels_are_words(self, text: Write, levels: list[str]) -> None:
        assert text(levels * 6).features == (3,)


class TestMixed:
    def cells(self, *words: str) -> list[str]:
        return [*(f"{row / 8}" for row in range(20)), *words]

    @pytest.mark.parametrize("word", ["-", "unknown", "None", "#N/A", "k. A.", ".", "?!", "12 or so"])
    def test_a_word_among_numbers_is_told(self, text: Write, word: str) -> None:
        with pytest.raises(DataError) as caught:
            text(self.cells(word, "n.b.", word))
        told = str(caught.value)
        assert "d.csv:22: column 'a' holds numbers in 20 of 23 cells" in told
        assert f"{word!r} (2 times), 'n.b.'" in told
        assert "Leave the cell empty, or write NA" in told

    def test_written_numbers_count_as_numbers(self, text: Write) -> None:
        with pytest.raises(
            DataError, match="holds numbers in 3 of 4 cells, and words in the other cells: '-'"
        ):
            text(["5 %", "7 %", "-", "9 %"])

    @pytest.mark.parametrize("word", ["", "NA", "N/A", "NULL", "null", "NaN", "?"])
    def test_what_stands_for_a_missing_value_is_none(self, text: Write, word: str) -> None:
        dataset = text(self.cells(word), validation={"last": 2})
        assert dataset.features == (1,)
        expected = np.mean([row / 8 for row in range(19)])
        np.testing.assert_allclose(dataset.splits[0].validation.x, [[19 / 8], [expected]], rtol=1e-6)

    def test_many_different_words_are_cut_short(self, text: Write) -> None:
        with pytest.raises(DataError, match=r"'w4' and 3 more\. Leave"):
            text(self.cells(*(f"w{n}" for n in range(8))))

    def test_words_with_some_numbers_are_words(self, text: Write) -> None:
        assert text(["red", "blue", "7", "red", "blue", "red"] * 2).features == (3,)

    def test_a_target(self, text: Write) -> None:
        cells = ["1", "2", "3"] * 4 + ["-"] * 3
        with pytest.raises(DataError, match="write 'task: classification' in the data section"):
            text(cells, target="a")
        assert text(cells, target="a", task="classification", validation=5).labels == ("-", "1", "2", "3")

    def test_only_rows_that_are_trained_or_judged_on_decide(self, text: Write) -> None:
        cells = self.cells()
        dataset = text(cells, test=4)
        used = np.concatenate([dataset.splits[0].train_index, dataset.splits[0].validation_index])
        row = int(np.setdiff1d(np.arange(20), used)[0])
        cells[row] = "unknown"
        with pytest.raises(
            DataError, match=f"d.csv:{row + 2}: column 'a' holds 'unknown', which is not a number"
        ):
            text(cells, test=4)


ROWS = b"a,y\n" + b"".join(b"%d,%d.5\n" % (row, row) for row in range(9))


class TestFiles:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"PAR1" + bytes(100), "this is a parquet file, not a csv file"),
            (b"ARROW1\0\0" + bytes(100), "a feather (Arrow) file"),
            (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
            (b"PK\x03\x04" + bytes(100), "a zip archive, as xlsx and npz files are"),
            (pickle.dumps([1.5, "a"]), "a Python pickle"),
            ("a,y\nUlm,1\n".encode("utf-16-be"), "d.csv:1: this line is not UTF-8 text: it holds a NUL"),
            (b'{"a": 1}\n', "This looks like JSON"),
            (b"1.5,2.5\n3,4\n", "it must hold the names of the columns"),
        ],
    )
    def test_that_are_something_else_are_named(self, tmp_path: Path, content: bytes, said: str) -> None:
        (tmp_path / "d.csv").write_bytes(content)
        with pytest.raises(DataError) as caught:
            load_dataset(Data.model_validate({"csv": "d.csv", "target": "y"}), tmp_path)
        assert said in str(caught.value)

    @pytest.mark.parametrize(
        ("content", "rows"),
        [
            (gzip.compress(ROWS, mtime=0), 9),
            (bz2.compress(ROWS), 9),
            (lzma.compress(ROWS), 9),
            (ROWS.replace(b",", b";"), 9),
            (ROWS.replace(b",", b"\t"), 9),
            (ROWS.replace(b",", b";").replace(b".", b","), 9),
            (ROWS.decode().encode("utf-16"), 9),
            (ROWS.decode().encode("utf-8-sig"), 9),
            (b",a,y\n" + b"".join(b"%d,%s" % (n, row) for n, row in enumerate(ROWS.splitlines(True)[1:])), 9),
            (
                b"Unnamed: 0,"
                + b"".join(b"%d,%s" % (n - 1, r) if n else r for n, r in enumerate(ROWS.splitlines(True))),
                9,
            ),
        ],
        ids=["gzip", "bzip2", "xz", "semicolons", "tabs", "German", "utf-16", "mark", "index", "index twice"],
    )
    def test_of_every_form_are_read_alike(self, tmp_path: Path, content: bytes, rows: int) -> None:
        (tmp_path / "d.csv").write_bytes(content)
        data = Data.model_validate({"csv": "d.csv", "target": "y", "validation": {"last": 2}})
        dataset = load_dataset(data, tmp_path)
        np.testing.assert_array_equal(dataset.splits[0].train.x, np.arange(rows - 2.0)[:, None])
        np.testing.assert_array_equal(dataset.splits[0].train.y, np.arange(rows - 2) + 0.5)

    def test_of_western_europe_are_read_and_told(self, tmp_path: Path) -> None:
        rows = "".join(f"{town},{n}.5\n" for n, town in enumerate(["Köln €", "Ulm"] * 4))
        (tmp_path / "d.csv").write_bytes(f"Straße,y\n{rows}".encode("cp1252"))
        dataset = load_dataset(Data.model_validate({"csv": "d.csv", "target": "y"}), tmp_path)
        assert dataset.encoding is not None
        assert dataset.encoding.feature_names == ("Straße=Köln €", "Straße=Ulm")
        assert any("read as cp1252" in note for note in dataset.notes)

    def test_an_array_is_no_npz(self, tmp_path: Path) -> None:
        np.save(tmp_path / "d.npy", np.zeros((4, 2)))
        with pytest.raises(DataError, match=r"not an npz file but a single NumPy array \(npy\): numpy.savez"):
            load_dataset(Data.model_validate({"npz": "d.npy"}), tmp_path)

    def test_a_byte_order_mark_is_no_letter(self, tmp_path: Path) -> None:
        (tmp_path / "d.csv").write_bytes(b"\xef\xbb\xbf" + ROWS)
        dataset = load_dataset(Data.model_validate({"csv": "d.csv", "target": "y"}), tmp_path)
        assert dataset.encoding is not None
        assert dataset.encoding.feature_names == ("a",)


class TestTargetsThatCount:
    """Whole numbers with few distinct values are taken for classes, and a complaint says so."""

    def columns(self, rows: int = 60, most: int = 9) -> dict[str, Sequence[Any]]:
        counts = np.random.default_rng(0).poisson(2.0, rows)
        return {"a": list(range(rows)), "y": [*np.minimum(counts, most - 1).tolist()[1:], most]}

    @pytest.mark.parametrize("validation", [{"share": 0.2}, {"folds": 4}, {"last": 5}])
    def test_the_remedy_is_told(self, table: Write, validation: dict[str, Any]) -> None:
        told = refusal(table, self.columns(), validation=validation)
        assert "class '" in told
        assert "distinct whole numbers of the target were treated as classes" in told
        assert "write 'task: regression'" in told
        assert table(self.columns(), validation=validation, task="regression").task == "regression"

    def test_not_where_the_classes_are_certain(self, table: Write) -> None:
        told = refusal(table, self.columns(), task="classification")
        assert "class '" in told
        assert "regression" not in told
        words = {"a": list(range(9)), "y": ["no", "yes", "no"] * 2 + ["no", "no", "maybe"]}
        assert "regression" not in refusal(table, words)
