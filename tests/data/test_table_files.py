"""Files that tables are read from: csv in any form, Parquet, Arrow, several files, a test set of its own."""

from __future__ import annotations

import sys
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

from hpsearch.data import Dataset, load_dataset
from hpsearch.exceptions import DataError
from hpsearch.spec import Data

COLUMNS = {
    "size": [1.5, -2.25, 1e-7, 1234567.125, 0.1, 3.0, None, 8.0],
    "count": [1, 2, 3, 4, 5, 6, 7, 9],
    "town": ["Ulm", "Bonn", None, "Ulm", "Bonn", "Ulm", "Bonn", "Ulm"],
    "y": [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5],
}


def load(directory: Path, **options: Any) -> Dataset:
    data = Data.model_validate({"target": "y", "validation": {"last": 2}, **options})
    return load_dataset(data, directory)


def refusal(directory: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(directory, **options)
    return str(caught.value)


def rows(first: int, last: int, separator: str = ",") -> str:
    return "".join(f"{row}{separator}{row}.5\n" for row in range(first, last))


class TestTyped:
    @pytest.mark.parametrize("name", ["d.parquet", "d.arrow"])
    def test_tables_are_read_as_their_csv(self, tmp_path: Path, name: str) -> None:
        table = pa.table({**COLUMNS, "town": pa.array(COLUMNS["town"]).dictionary_encode()})
        if name.endswith("parquet"):
            parquet.write_table(table, tmp_path / name, row_group_size=3)
        else:
            feather.write_feather(table, tmp_path / name)
        csv.write_csv(pa.table(COLUMNS), tmp_path / "d.csv")
        typed, text = load(tmp_path, table=name), load(tmp_path, csv="d.csv")
        assert typed.encoding == text.encoding
        for part in ("train", "validation"):
            np.testing.assert_array_equal(typed.raw(0, part).x, text.raw(0, part).x)

    def test_numbers_keep_all_digits(self, tmp_path: Path) -> None:
        numbers = np.random.default_rng(0).normal(size=50) * 10.0 ** np.arange(-25, 25)
        parquet.write_table(pa.table({"a": numbers, "y": numbers}), tmp_path / "d.parquet")
        split = load(tmp_path, table="d.parquet").splits[0]
        np.testing.assert_array_equal(split.train.x[:, 0], numbers[:48].astype(np.float32))

    def test_new_rows_may_be_of_another_kind(self, tmp_path: Path) -> None:
        text = "a;y\n" + "".join(f"{row},25;{row}\n" for row in range(1000, 1040))
        (tmp_path / "d.csv").write_text(text)
        preprocessing = load(tmp_path, csv="d.csv").preprocessing()
        parquet.write_table(pa.table({"a": [1.25, 1003.25]}), tmp_path / "new.parquet")
        (tmp_path / "new.csv").write_text("a\n1,25\n1.003,25\n".replace("1.003", "1003"))
        (tmp_path / "quoted.csv").write_text('a,b\n"1,25",0\n"1003,25",0\n')
        np.testing.assert_array_equal(preprocessing.read(tmp_path / "new.parquet").x, [[1.25], [1003.25]])
        np.testing.assert_array_equal(preprocessing.read(tmp_path / "quoted.csv").x, [[1.25], [1003.25]])

    def test_lists_in_cells_are_refused(self, tmp_path: Path) -> None:
        parquet.write_table(pa.table({"a": [[1], [2]], "y": [1.5, 2.5]}), tmp_path / "d.parquet")
        assert "column 'a' holds list<" in refusal(tmp_path, table="d.parquet")

    def test_damage_is_told(self, tmp_path: Path) -> None:
        parquet.write_table(pa.table(COLUMNS), tmp_path / "d.parquet")
        whole = (tmp_path / "d.parquet").read_bytes()
        for place in range(0, len(whole), 97):
            (tmp_path / "d.parquet").write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
            try:
                load(tmp_path, table="d.parquet")
            except DataError as failure:
                assert "d.parquet" in str(failure)

    def test_a_place_is_a_row(self, tmp_path: Path) -> None:
        parquet.write_table(pa.table({"a": [1.0, 2.0, np.inf], "y": [1.5, 2.5, 3.5]}), tmp_path / "d.parquet")
        assert "d.parquet: row 2 (from 0): column 'a' holds 'inf'" in refusal(tmp_path, table="d.parquet")

    def test_what_unpacks_beyond_memory_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hpsearch.data.readers.arrow.MAX_BYTES", 10**6)
        parquet.write_table(
            pa.table({"a": ["x" * 1000] * 10**4, "y": np.arange(10.0**4)}), tmp_path / "d.parquet"
        )
        assert (tmp_path / "d.parquet").stat().st_size < 10**6
        assert "unpacks to more than the limit" in refusal(tmp_path, table="d.parquet")


class TestText:
    def test_without_a_header(self, tmp_path: Path) -> None:
        (tmp_path / "d.csv").write_text(rows(0, 9))
        assert "write 'header: false'" in refusal(tmp_path, csv="d.csv")
        dataset = load(tmp_path, csv="d.csv", header=False, target="column_2")
        np.testing.assert_array_equal(dataset.splits[0].train.x[:, 0], range(7))
        found = dataset.preprocessing().read(tmp_path / "d.csv")
        np.testing.assert_array_equal(found.x[:, 0], range(9))

    def test_as_the_study_says(self, tmp_path: Path) -> None:
        text = "a:y\n" + "".join(f"{'ÜÄ'[row % 2]}:{row}.5\n" for row in range(9))
        (tmp_path / "d.csv").write_bytes(text.encode("utf-16-be"))
        dataset = load(tmp_path, csv="d.csv", separator=":", encoding="utf-16-be")
        assert dataset.encoding is not None
        assert dataset.encoding.feature_names == ("a=Ä", "a=Ü")

    def test_another_encoding_than_said_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "d.csv").write_bytes("a,y\n1,1\nÜ,2\n".encode("latin-1"))
        assert "d.csv:3: this line is not text in the encoding utf-8" in refusal(
            tmp_path, csv="d.csv", encoding="utf-8"
        )

    def test_in_a_zip_archive(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "d.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("d.csv", "a,y\n" + rows(0, 9))
        assert load(tmp_path, csv="d.zip").train_rows == 7
        with zipfile.ZipFile(tmp_path / "d.zip", "a") as archive:
            archive.writestr("e.csv", "a,y\n")
        assert "a zip archive" in refusal(tmp_path, csv="d.zip")

    def test_what_unpacks_beyond_the_limit_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hpsearch.data.readers.compression.MAX_FILE", 10**5)
        with zipfile.ZipFile(tmp_path / "d.csv", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("d.csv", "a,y\n" + "1,2\n" * 10**5)
        assert "unpacks to more than 2 GB" in refusal(tmp_path, csv="d.csv")

    def test_a_line_without_end_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hpsearch.data.readers.compression.MAX_LINE", 10**5)
        monkeypatch.setattr("hpsearch.data.readers.compression.PIECE", 10**4)
        (tmp_path / "d.csv").write_text("a,y\n1,2\n" + "1" * 110_000 + ",2\n")
        assert "d.csv:3: this line has more than" in refusal(tmp_path, csv="d.csv")


class TestSeveral:
    def test_files_are_one_table(self, tmp_path: Path) -> None:
        (tmp_path / "a1.csv").write_text("a,y\n" + rows(0, 5))
        (tmp_path / "a2.csv").write_text("y;a\n" + "".join(f"{r}.5;{r}\n" for r in range(5, 9)))
        (tmp_path / "all.csv").write_text("a,y\n" + rows(0, 9))
        whole = load(tmp_path, csv="all.csv")
        for given in ("a[12].csv", ["a1.csv", "a2.csv"]):
            dataset = load(tmp_path, csv=given)
            np.testing.assert_array_equal(dataset.splits[0].train.x, whole.splits[0].train.x)
            np.testing.assert_array_equal(dataset.splits[0].train.y, whole.splits[0].train.y)
            assert dataset.fingerprint == whole.fingerprint
        (tmp_path / "a2.csv").write_text("a,y\n" + rows(5, 7) + "inf,1\n")
        assert "a2.csv:4: column 'a' holds 'inf'" in refusal(tmp_path, csv="a[12].csv")
        (tmp_path / "a2.csv").write_text("b,y\n" + rows(5, 7))
        assert "a1.csv: column 'a' is not in" in refusal(tmp_path, csv="a[12].csv")
        assert "no file whose name is of this form" in refusal(tmp_path, csv="b*.csv")

    def test_a_test_set_of_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "train.csv").write_text("a,y\n" + rows(0, 9))
        (tmp_path / "test.csv").write_text("a,y\n" + rows(20, 24))
        dataset = load(tmp_path, csv="train.csv", test={"file": "test.csv"})
        assert (dataset.train_rows, len(dataset.splits[0].validation)) == (7, 2)
        test = dataset.test()
        assert test is not None
        np.testing.assert_array_equal(test.x[:, 0], range(20, 24))
        chosen = load(tmp_path, csv="train.csv", test={"file": "test.csv"}, validation="test")
        np.testing.assert_array_equal(chosen.splits[0].validation.x[:, 0], range(20, 24))
        assert chosen.train_rows == 9

    def test_classes_of_a_test_set_of_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "train.csv").write_text("a,y\n" + "".join(f"{r},{'uv'[r % 2]}\n" for r in range(20)))
        (tmp_path / "test.csv").write_text("a,y\n1,u\n2,v\n3,w\n")
        given = {"csv": "train.csv", "test": {"file": "test.csv"}, "validation": 0.2}
        assert "class 'w' has no row in the training set" in refusal(tmp_path, **given)
        test = load(tmp_path, **given, classes=["u", "v"]).test()
        assert test is not None
        np.testing.assert_array_equal(test.y, [0, 1])


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"csv": "d.csv", "target": "y", "separator": "ab"}, "one character"),
            ({"csv": "d.csv", "target": "y", "encoding": "utf-9"}, "an encoding of text"),
            ({"csv": "d.csv", "target": "y", "decimal": ",", "thousands": ","}, "two different characters"),
            ({"npz": "d.npz", "decimal": ","}, "'decimal' only with csv or table"),
            ({"npz": "d.npz", "test": {"file": "t.csv"}}, "only with csv or table"),
            ({"table": "d.parquet"}, "the name of the column to predict, with table"),
        ],
    )
    def test_are_checked(self, options: dict[str, Any], told: str) -> None:
        with pytest.raises(ValueError, match="validation error") as caught:
            Data.model_validate(options)
        assert told in str(caught.value)


class TestExcel:
    def write(self, path: Path, rows: list[list[Any]]) -> None:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.create_sheet("notes")
        book.save(path)

    def test_a_sheet_is_read_as_its_csv(self, tmp_path: Path) -> None:
        days = [date(2024, 1, row + 1) for row in range(8)]
        columns = {**COLUMNS, "day": days, "on": [True, False] * 4}
        rows = [list(columns), *map(list, zip(*columns.values(), strict=True))]
        rows[3][1] = "#N/A"
        columns["count"] = [1, 2, None, 4, 5, 6, 7, 9]
        self.write(tmp_path / "d.xlsx", rows)
        csv.write_csv(pa.table(columns), tmp_path / "d.csv")
        book, text = load(tmp_path, table="d.xlsx"), load(tmp_path, csv="d.csv")
        assert book.encoding is not None
        assert book.encoding.feature_names == text.encoding.feature_names  # type: ignore[union-attr]
        for part in ("train", "validation"):
            np.testing.assert_array_equal(book.raw(0, part).x, text.raw(0, part).x)
        assert "the sheet 'Sheet' is read, the first of 2" in book.notes
        np.testing.assert_array_equal(
            book.preprocessing().read(tmp_path / "d.xlsx").x, text.preprocessing().read(tmp_path / "d.csv").x
        )

    def test_without_a_header(self, tmp_path: Path) -> None:
        self.write(tmp_path / "d.xlsx", [[row, row + 0.5, None] for row in range(9)])
        dataset = load(tmp_path, table="d.xlsx", header=False, target="column_2")
        np.testing.assert_array_equal(dataset.splits[0].train.x[:, 0], range(7))

    def test_what_reads_it_may_be_missing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.write(tmp_path / "d.xlsx", [["a", "y"], [1, 2.5], [2, 3.5], [3, 4.5]])
        assert "Write 'table' instead of 'csv'" in refusal(tmp_path, csv="d.xlsx")
        monkeypatch.setitem(sys.modules, "openpyxl", None)
        assert "pip install 'hpsearch[excel]'" in refusal(tmp_path, table="d.xlsx")

    @pytest.mark.parametrize(
        ("rows", "told"),
        [
            ([["a", "y"]], "the sheet has no rows below its header"),
            ([], "the sheet has no rows"),
            ([["a", None, "y"], [1, 2, 3]], "column 2 has no name"),
            ([["a", "a", "y"], [1, 2, 3]], "2 columns are named 'a'"),
        ],
    )
    def test_what_is_no_table_is_told(self, tmp_path: Path, rows: list[list[Any]], told: str) -> None:
        self.write(tmp_path / "d.xlsx", rows)
        assert told in refusal(tmp_path, table="d.xlsx")

    def test_damage_is_told(self, tmp_path: Path) -> None:
        self.write(tmp_path / "d.xlsx", [["a", "y"], *([row, row + 0.5] for row in range(9))])
        whole = (tmp_path / "d.xlsx").read_bytes()
        for place in range(0, len(whole), 997):
            (tmp_path / "d.xlsx").write_bytes(whole[:place] + b"\xff\xff" + whole[place + 2 :])
            try:
                load(tmp_path, table="d.xlsx")
            except DataError as failure:
                assert "d.xlsx" in str(failure)
