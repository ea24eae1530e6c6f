"""Tables in memory, against the same tables in csv files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from hpsearch.data import Dataset, load_dataset
from hpsearch.data.readers.frames import is_whole_frame
from hpsearch.exceptions import DataError
from hpsearch.spec import Data
from hpsearch.study.input import read_study

ROWS = 120
STUDY = {"name": "frame", "model": {"mlp": {"hidden": [4]}}, "training": {"epochs": 1, "learning_rate": 0.1}}


def columns() -> dict[str, list[Any]]:
    """Make numbers, whole numbers, words, dates, true and false, each with missing values."""
    generator = np.random.default_rng(0)
    first = dt.date(2020, 1, 1)
    made: dict[str, list[Any]] = {
        "size": generator.normal(size=ROWS).tolist(),
        "count": generator.integers(0, 50, ROWS).tolist(),
        "kind": generator.choice(["a", "b", "c d"], ROWS).tolist(),
        "since": [first + dt.timedelta(days=int(days)) for days in generator.integers(0, 900, ROWS)],
        "ok": (generator.random(ROWS) < 0.5).tolist(),
        "id": [f"K{number:05}" for number in generator.permutation(ROWS)],
    }
    for step, name in enumerate(("size", "count", "kind", "ok"), 5):
        made[name][::step] = [None] * len(made[name][::step])
    return {**made, "price": generator.lognormal(size=ROWS).tolist()}


def frame_of(package: str) -> Any:
    """Make the table as a package has it."""
    if package == "pyarrow":
        return pa.table(columns())
    made = pytest.importorskip(package).DataFrame(columns())
    # An index of pandas is no column.
    return made.set_index(np.arange(ROWS)[::-1]) if package == "pandas" else made


def read(folder: Path, frame: Any, target: str | None = "price", **options: Any) -> Dataset:
    study = read_study({**STUDY, "data": options}, data=frame, target=target, out=folder)
    return load_dataset(study.spec.data, Path())


def of_csv(folder: Path, **options: Any) -> Dataset:
    csv.write_csv(pa.table(columns()), folder / "rows.csv")
    return load_dataset(Data.model_validate({"csv": "rows.csv", "target": "price", **options}), folder)


@pytest.mark.parametrize("package", ["pyarrow", "pandas", "polars"])
def test_a_table_is_understood_as_in_a_csv_file(tmp_path: Path, package: str) -> None:
    options: Any = {"missing_indicators": True, "columns": {"count": "category"}, "test": 0.2}
    found, expected = read(tmp_path, frame_of(package), **options), of_csv(tmp_path, **options)
    told = [
        [(one.name, one.kind, one.missing, one.becomes) for one in data.columns] for data in (found, expected)
    ]
    assert told[0] == told[1]
    assert [kind for _, kind, *_ in told[0]] == [
        "number",
        "category",
        "category",
        "date",
        "boolean",
        "id",
        "target",
    ]
    for part in ("train", "validation"):
        for own, other in zip(
            getattr(found.splits[0], part).arrays, getattr(expected.splits[0], part).arrays, strict=True
        ):
            np.testing.assert_array_equal(own, other)


def test_new_rows_are_prepared_as_those_of_a_csv_file(tmp_path: Path) -> None:
    of_csv(tmp_path)
    preparation = read(tmp_path, frame_of("pyarrow")).preprocessing()
    expected = preparation.read(tmp_path / "rows.csv").x
    found = preparation.take(frame_of("pyarrow").drop_columns(["price"]))
    np.testing.assert_array_equal(found.x, expected)
    with pytest.raises(DataError, match="there is no column 'size'"):
        preparation.take(frame_of("pyarrow").drop_columns(["size"]))
    with pytest.raises(DataError, match="a table of pandas or polars"):
        preparation.take(np.zeros((2, 9)))


def test_a_table_is_kept_once_under_its_content(tmp_path: Path) -> None:
    first = read_study(STUDY, data=frame_of("pyarrow"), target="price", out=tmp_path)
    folder = Path(str(first.spec.data.arrays))
    begun = (folder / "table.arrow").stat().st_mtime_ns
    again = read_study(STUDY, data=frame_of("pyarrow"), target="price", out=tmp_path)
    assert again.spec == first.spec
    assert (folder / "table.arrow").stat().st_mtime_ns == begun
    assert is_whole_frame(folder)
    (folder / "table.arrow").write_bytes(b"ARROW1 torn")
    assert not is_whole_frame(folder)
    read_study(STUDY, data=frame_of("pyarrow"), target="price", out=tmp_path)
    assert is_whole_frame(folder)
    assert load_dataset(first.spec.data, Path()).source == f"arrays:{folder.name}"


def test_numbers_alone_are_two_arrays_as_ever(tmp_path: Path) -> None:
    frame = pa.table({"a": np.arange(30.0), "b": np.arange(30) % 7, "y": np.arange(30) / 3})
    study = read_study(STUDY, data=frame, target="y", out=tmp_path)
    assert study.spec.data.target is None
    assert load_dataset(study.spec.data, Path()).features == (2,)
    grouped = read_study({**STUDY, "data": {"group": "b"}}, data=frame, target="y", out=tmp_path)
    assert load_dataset(grouped.spec.data, Path()).features == (1,)


def test_what_has_no_type_is_the_text_of_a_csv_file(tmp_path: Path) -> None:
    class Frame:
        columns = ("mixed", "y")

        def __getitem__(self, name: str) -> Any:
            mixed = [number if number % 3 == 0 else f"n{number}" for number in range(12)] * 3
            return np.array([None, *mixed[1:]], object) if name == "mixed" else np.arange(36) % 5

        def to_numpy(self) -> None:
            raise AssertionError

    (mixed, _) = read(tmp_path, Frame(), "y").columns
    assert (mixed.kind, mixed.missing, mixed.distinct) == ("category", 1, 12)


@pytest.mark.parametrize(
    ("frame", "target", "message"),
    [
        (
            {"a": ["u"], "b": ["v"]},
            None,
            "expected target=, the name of a column of 'a', 'b'; found no target",
        ),
        ({"a": ["u"], "b": ["v"]}, "c", "found 'c'"),
        ({"a": ["u"], "x": ["v"]}, "x", "expected another name than 'x'"),
        ({"a": [[1], [2]], "b": ["v", "w"]}, "b", "column 'a' holds list"),
        ({"a": pa.array([], pa.string()), "b": pa.array([], pa.string())}, "b", "no rows"),
    ],
)
def test_what_is_no_table_with_a_target_is_refused(
    tmp_path: Path, frame: Any, target: str | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, pa.table(frame), target)
