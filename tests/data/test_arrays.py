"""Rows in memory: the forms in which they are given, the folder that keeps them, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

from hpsearch.data import load_dataset
from hpsearch.data.loaded import fingerprint
from hpsearch.data.readers.arrays import given_arrays, is_complete, read_arrays, write_arrays
from hpsearch.data.readers.kept_rows import folder_of
from hpsearch.data.readers.npz import read_npz
from hpsearch.exceptions import DataError
from hpsearch.spec import Data

X, Y = load_iris(return_X_y=True)
TEXT = np.array(["no", "yes"])[(Y > 0).astype(int)]


class Table:
    """What pandas and polars have in common."""

    def __init__(self, **columns: Any) -> None:
        self._columns, self.columns = columns, list(columns)

    def __getitem__(self, name: str) -> Any:
        return self._columns[name]

    def to_numpy(self) -> Any:
        raise AssertionError("columns may be of several kinds")


def kept(tmp_path: Path, data: Any, target: str | None = None) -> Path:
    given = given_arrays(data, target)
    folder = folder_of(tmp_path, given.fingerprint)
    write_arrays(folder, given)
    return folder


def as_npz(tmp_path: Path, **arrays: Any) -> Path:
    path = tmp_path / "rows.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": X, "y": Y},
        {"x": X.astype(np.float32), "y": TEXT},
        {
            "x_train": (X * 10).astype(np.uint8),
            "y_train": Y,
            "x_test": (X[:9] * 10).astype(np.uint8),
            "y_test": Y[:9],
        },
        {"x": np.asfortranarray(X), "y": Y[:, None]},
        {"x": X.reshape(-1, 2, 2)[::2], "y": Y[::2]},
        {"x": X.astype(">f8"), "y": Y.astype(np.float16)},
    ],
    ids=["float64", "text", "test part", "fortran", "strides", "big endian"],
)
def test_a_folder_gives_what_an_npz_file_gives(tmp_path: Path, arrays: dict[str, Any]) -> None:
    path, folder = as_npz(tmp_path, **arrays), kept(tmp_path, arrays)
    expected, found = read_npz(path), read_arrays(folder)
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].flags.f_contiguous == array.flags.f_contiguous
        np.testing.assert_array_equal(found[name], array)
    assert fingerprint(found) == fingerprint(expected)
    data = {"validation": 0.3, "standardize": arrays.get("x", X).dtype != np.uint8}
    one, other = (
        load_dataset(Data.model_validate({**data, name: str(place)}), tmp_path)
        for name, place in (("npz", path), ("arrays", folder))
    )
    assert one.summary().fingerprint == other.summary().fingerprint
    for mine, theirs in zip(one.splits, other.splits, strict=True):
        assert mine.train.x.tobytes() == theirs.train.x.tobytes()
        assert mine.validation.y.tobytes() == theirs.validation.y.tobytes()


def test_arrays_are_read_from_the_file_as_they_are_needed(tmp_path: Path) -> None:
    x = read_arrays(kept(tmp_path, (X, Y)))["x_train"]
    assert isinstance(x.base, np.memmap)


def test_a_validation_part_is_the_last_rows(tmp_path: Path) -> None:
    given = given_arrays(((X[30:], Y[30:]), (X[:30], Y[:30])))
    assert given.validation == 30
    np.testing.assert_array_equal(given.arrays["x_train"], np.concatenate([X[30:], X[:30]]))
    named = {"x_train": X[30:], "y_train": Y[30:], "x_val": X[:30], "y_val": Y[:30], "x_test": X, "y_test": Y}
    other = given_arrays(named)
    assert other.validation == 30
    assert set(other.arrays) == {"x_train", "y_train", "x_test", "y_test"}


def test_lists_are_arrays(tmp_path: Path) -> None:
    given = given_arrays(([[1, 2], [3, 4]], ["a", "b"]))
    assert given.arrays["x_train"].tolist() == [[1, 2], [3, 4]]
    assert given.arrays["y_train"].dtype.kind == "U"


def test_a_table_is_its_columns_but_the_target(tmp_path: Path) -> None:
    table = Table(width=X[:, 0], kind=TEXT.astype(object), length=Y)
    given = given_arrays(table, "kind")
    np.testing.assert_array_equal(given.arrays["x_train"], np.column_stack([X[:, 0], Y]))
    np.testing.assert_array_equal(given.arrays["y_train"], TEXT)


@pytest.mark.parametrize(
    ("data", "target", "message"),
    [
        ((X, Y, Y), None, "found a tuple of 3 items: an object of the type ndarray"),
        (X, None, "found an object of the type ndarray"),
        (((X, Y), (X,)), None, r"expected \(\(x, y\), \(x_val, y_val\)\)"),
        (((X, Y), (X[:, :2], Y)), None, r"a row of x_train has shape \(4,\), but one of x_val \(2,\)"),
        (((X, Y), (X[:9], Y[:8])), None, "x_val has 9 rows, but y_val has 8"),
        (((X, Y), (X[:5], TEXT[:5])), None, "y_train and y_val must both hold numbers or both hold text"),
        ({"x": X}, None, "lacks x_train and y_train; it holds x"),
        ({"x": X, "y": Y, "x_val": X}, None, "lacks y_val"),
        ({"x": X, "y": Y, "z": X}, None, "found 'z'"),
        ((X, Y), "kind", "target= is the name of a column, and no table was given"),
        (Table(a=X[:, 0], b=Y), None, "expected target=, the name of a column of 'a', 'b'; found no target"),
        (Table(a=X[:, 0], b=Y), "c", "found 'c'"),
        (Table(b=Y), "b", "the table has no column but 'b'"),
        (([[1, 2], [3]], [0, 1]), None, "expected arrays"),
        ((np.array([[1, "a"]], dtype=object), [0]), None, "x_train must hold numbers, but holds object"),
    ],
)
def test_what_is_no_rows_is_refused(data: Any, target: str | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        given_arrays(data, target)


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": X[:, 0], "y": Y},
        {"x": X, "y": Y[:9]},
        {"x": X, "y": X[:, :, None]},
        {"x": X[:0], "y": Y[:0]},
        {"x": np.where(X > 7, np.nan, X), "y": Y},
        {"x": np.where(X > 7, 1e300, X), "y": Y},
        {"x": X.astype(str), "y": Y},
        {"x_train": X, "y_train": Y, "x_test": X[:, :1], "y_test": Y},
        {"x_train": X, "y_train": Y, "x_test": X},
    ],
    ids=[
        "flat",
        "lengths",
        "wide target",
        "empty",
        "nan",
        "overflow",
        "text",
        "test shape",
        "half a test part",
    ],
)
def test_the_sentences_are_those_of_an_npz_file(tmp_path: Path, arrays: dict[str, Any]) -> None:
    path = as_npz(tmp_path, **arrays)
    with pytest.raises(DataError) as expected:
        load_dataset(Data.model_validate({"npz": str(path)}), tmp_path)
    with pytest.raises(DataError) as found:
        given_arrays(arrays)
    assert str(found.value).removeprefix("data: ") == str(expected.value).removeprefix(f"{path}: ")


def test_a_folder_that_others_wrote_runs_nothing_and_takes_no_memory(tmp_path: Path) -> None:
    folder = kept(tmp_path, (X, Y))
    np.save(folder / "y_train.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"y_train.npy: holds Python objects \(a pickle\), which are refused"):
        read_arrays(folder)
    with (folder / "y_train.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f8", "fortran_order": False, "shape": (10**13,)}
        )
    with pytest.raises(DataError, match=r"y_train.npy: cannot be read as an array"):
        read_arrays(folder)
    (folder / "y_train.npy").write_bytes(b"")
    with pytest.raises(DataError, match=r"y_train.npy: cannot be read as an array"):
        read_arrays(folder)
    (folder / "y_train.npy").unlink()
    with pytest.raises(DataError, match="lacks y_train; it holds x_train"):
        read_arrays(folder)
    with pytest.raises(DataError, match="there is no such folder of arrays"):
        read_arrays(tmp_path / "elsewhere")


def test_a_damaged_folder_is_written_again_and_a_complete_one_is_left_alone(tmp_path: Path) -> None:
    folder = kept(tmp_path, (X, Y))
    before = (folder / "x_train.npy").stat().st_ino
    kept(tmp_path, (X, Y))
    assert (folder / "x_train.npy").stat().st_ino == before
    content = bytearray((folder / "x_train.npy").read_bytes())
    content[-1] ^= 1
    (folder / "x_train.npy").write_bytes(content)
    assert not is_complete(folder)
    kept(tmp_path, (X, Y))
    assert is_complete(folder)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sample_weights", "found 'sample_weights', which would not be used"),
        ("Y_test", r"found 'Y_test', which would not be used \(did you mean 'y_test'\?\)"),
    ],
)
def test_an_array_that_would_not_be_used_is_an_error(tmp_path: Path, name: str, said: str) -> None:
    path = as_npz(tmp_path, **{"x": X, "y": Y, name: Y})
    with pytest.raises(DataError, match=said):
        read_npz(path)
