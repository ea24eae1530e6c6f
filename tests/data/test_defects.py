"""Every defect that a table of one's own may have: it is read rightly, or refused with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch.data import Dataset, load_dataset
from hpsearch.exceptions import DataError
from hpsearch.spec import Data


def load(directory: Path, content: str | bytes, **options: Any) -> Dataset:
    raw = content if isinstance(content, bytes) else content.encode()
    (directory / "d.csv").write_bytes(raw)
    data = Data.model_validate({"csv": "d.csv", "target": "y", "validation": {"last": 2}, **options})
    return load_dataset(data, directory)


def refusal(directory: Path, content: str | bytes, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(directory, content, **options)
    return str(caught.value).removeprefix(f"{directory}/")


def column(*cells: str) -> str:
    """Write a table with one column and as many quantities to predict."""
    return "a,y\n" + "".join(f"{cell},{row}.5\n" for row, cell in enumerate(cells))


def features(dataset: Dataset) -> list[Any]:
    """Give all rows, unscaled, in the order of the file."""
    parts = [dataset.raw(0, "train").x, dataset.raw(0, "validation").x]
    rows: list[Any] = np.concatenate(parts).tolist()
    return rows


def names(dataset: Dataset) -> tuple[str, ...]:
    assert dataset.encoding is not None
    return dataset.encoding.feature_names


class TestReadRightly:
    @pytest.mark.parametrize(
        ("cells", "numbers"),
        [
            ((" 1 ", "+2", ".5", "-0"), [1, 2, 0.5, 0]),
            (("1e3", "1E-2", "007", "5."), [1000, 0.01, 7, 5]),
            ((str(2**70), str(-(10**30)), "0", "1"), [float(2**70), -1e30, 0, 1]),
            (('"1"', '" 2"', '""', "3"), [1, 2, 1.5, 3]),
            (("NA", "2", "null", "4"), [2, 2, 2, 4]),
            (('"1,234"', "7", '"12,000.5"', "4"), [1234, 7, 12000.5, 4]),
        ],
        ids=["signs", "forms", "huge", "quoted", "missing", "thousands"],
    )
    def test_numbers(self, tmp_path: Path, cells: tuple[str, ...], numbers: list[float]) -> None:
        expected = np.array(numbers, dtype=np.float32).reshape(-1, 1)
        np.testing.assert_array_equal(features(load(tmp_path, column(*cells))), expected)

    @pytest.mark.parametrize(
        ("cells", "categories"),
        [
            (("2024-01-31", "31.12.2023", "2024-01-31", "2024-01-31"), ["2024-01-31", "31.12.2023"]),
            (("서울", "부산", "서울", "부산"), ["부산", "서울"]),
            (("👍🏽", "👎", "👍🏽", "👎"), ["👍🏽", "👎"]),
            (("é", "e\u0301", "é", "e\u0301"), ["e\u0301", "é"]),
            (("1", "x", "y", "x"), ["1", "x", "y"]),
            (('"a\nb"', '"say ""no"""', '"a, b"', '"a\nb"'), ["a\nb", "a, b", 'say "no"']),
            (("3 kg", "1_000", "0x1F", "3 kg"), ["0x1F", "1_000", "3 kg"]),
        ],
        ids=["dates", "Korean", "emoji", "accents", "mixed", "quoted", "no numbers"],
    )
    def test_words(self, tmp_path: Path, cells: tuple[str, ...], categories: list[str]) -> None:
        table = column(*cells, *cells)
        assert names(load(tmp_path, table)) == tuple(f"a={category}" for category in categories)

    def test_a_date_in_front_and_words_to_predict_in_any_script(self, tmp_path: Path) -> None:
        rows = [f"{row},{'참' if row % 2 else 'нет'}" for row in range(8)]
        dataset = load(tmp_path, "\n".join(["값🚀,예", *rows]), target="예")
        assert dataset.labels == ("нет", "참")
        assert names(dataset) == ("값🚀",)

    def test_a_constant_quantity(self, tmp_path: Path) -> None:
        dataset = load(tmp_path, "a,y\n" + "".join(f"{row},2.5\n" for row in range(6)))
        assert dataset.task == "regression"
        assert set(dataset.splits[0].train.y.tolist()) == {2.5}

    def test_one_row_to_train_on(self, tmp_path: Path) -> None:
        dataset = load(tmp_path, column("4", "5", "6"), standardize=True)
        np.testing.assert_array_equal(dataset.splits[0].train.x, [[0]])
        assert np.isfinite(dataset.splits[0].validation.x).all()


class TestRefused:
    @pytest.mark.parametrize(
        ("cells", "place"),
        [
            (("1", "NAN", "3", "4"), "d.csv:3: column 'a' holds 'NAN'"),
            (("1", "2", "-nan", "4"), "d.csv:4: column 'a' holds '-nan'"),
            (("1", "Infinity", "3", "4"), "d.csv:3: column 'a' holds 'Infinity'"),
            (("1", "2", "3", "9" * 400), "d.csv:5: column 'a' holds '999"),
            (("1,234", "2", "3", "4"), "d.csv:2: this row has 3 cells, but the header has 2"),
            (("1", '"2', "3", "4"), "d.csv:3: this is not a csv row"),
            (("1", '2"', '"3"x', "4"), "d.csv:4: this is not a csv row"),
            (("1", '"' + "x" * 200_000 + '"', "3", "4"), "d.csv:3: this is not a csv row"),
            (("1", "x", "2.5", "1"), "d.csv:3: column 'a' holds numbers in 3 of 4 cells, and words"),
            (
                ("?", "", "NA", "null"),
                "d.csv: no column is left that a target could be predicted from: 'a' (empty), 'y'",
            ),
        ],
    )
    def test_cells(self, tmp_path: Path, cells: tuple[str, ...], place: str) -> None:
        assert place in refusal(tmp_path, column(*cells))

    @pytest.mark.parametrize(
        ("cells", "place"),
        [
            (("1.5", "NAN", "2.5"), "d.csv:3: column 'y' holds 'NAN'"),
            (("3", "3", "3"), "only one class, '3'"),
            (("", "3", "4"), "d.csv:2: the target column 'y' has no value"),
        ],
    )
    def test_targets(self, tmp_path: Path, cells: tuple[str, ...], place: str) -> None:
        rows = [f"{row},{cell}" for row, cell in enumerate(cells)]
        assert place in refusal(tmp_path, "\n".join(["a,y", *rows]))

    @pytest.mark.parametrize(
        ("content", "place"),
        [
            ("a,y\n1,2.5\n".encode("utf-16-le"), "d.csv:1: this line is not UTF-8 text: it holds a NUL"),
            (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "d.csv:1: this line is not UTF-8"),
            (bytes(1_000), "d.csv:1: this line is not UTF-8 text"),
            ("a:y\n1:2\n", "no target column 'y'; the columns are 'a:y'"),
            ("5.1,3.5\n4.9,3.0\n", "no target column 'y'; the columns are '5.1', '3.5'"),
            ("a, a ,y\n1,2,3\n", "2 columns are named 'a'"),
            ("a,y\n1,2.5\n", "leaves none of the 1"),
        ],
    )
    def test_files(self, tmp_path: Path, content: str | bytes, place: str) -> None:
        told = refusal(tmp_path, content)
        assert told.startswith("d.csv:")
        assert place in told

    def test_more_cells_than_memory_can_hold(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hpsearch.data.readers.text.MAX_CELLS", 6)
        assert "d.csv:5: the file has more than 6 cells" in refusal(tmp_path, column("1", "2", "3", "4"))

    def test_the_home_of_nobody(self, tmp_path: Path) -> None:
        data = Data.model_validate({"csv": "~no-such-user/d.csv", "target": "y"})
        with pytest.raises(DataError, match="~no-such-user"):
            load_dataset(data, tmp_path)
