"""What gives batches is read once, and is then the same as the arrays that it was made from."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import pytest

from hpsearch.data.readers.arrays import given_arrays
from hpsearch.exceptions import DataError

X, Y, W = np.arange(28.0).reshape(7, 4), np.arange(7) % 3, np.linspace(1, 2, 7)


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    def __init__(self, *arrays: Any, endless: bool = False) -> None:
        super().__init__()
        self.arrays, self.endless = arrays, endless

    @property
    def num_batches(self) -> int | None:
        return None if self.endless else 3

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        rows = slice(3 * index, 3 * index + 3)
        return tuple(
            {name: part[rows] for name, part in array.items()} if isinstance(array, dict) else array[rows]
            for array in self.arrays
        )


def same(data: Any, arrays: Any) -> bool:
    found, known = given_arrays(data), given_arrays(arrays)
    return (found.fingerprint, found.validation) == (known.fingerprint, known.validation)


def test_a_dataset_of_keras_is_its_arrays() -> None:
    assert same(Batches(X, Y), (X, Y))
    assert same(Batches(X, Y, W), {"x": X, "y": Y, "sample_weight": W})
    assert same((Batches(X, Y), Batches(X + 1, Y)), ((X, Y), (X + 1, Y)))
    named = {"wide": X, "tall": X[:, :1]}
    assert same(Batches(named, Y), (named, Y))
    weighted = {"x": X, "y": Y, "x_val": X, "y_val": Y, "sample_weight_val": W}
    assert same((Batches(X, Y), Batches(X, Y, W)), weighted)


def test_a_dataset_of_tensorflow_is_its_arrays_in_batches_or_row_by_row() -> None:
    tf = pytest.importorskip("tensorflow")
    rows = tf.data.Dataset.from_tensor_slices((X, Y))
    assert same(rows, (X, Y))
    assert same(rows.batch(3), (X, Y))
    with pytest.raises(DataError, match=r"goes on for ever: give a part of it, such as data.take\(100\)"):
        given_arrays(rows.repeat())


def test_a_loader_of_torch_is_its_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    class DataLoader:
        def __iter__(self) -> Iterator[list[Any]]:
            return iter([[X[:5], Y[:5]], [X[5:], Y[5:]]])

    data = types.SimpleNamespace(DataLoader=DataLoader)
    torch = types.SimpleNamespace(utils=types.SimpleNamespace(data=data))
    monkeypatch.setitem(sys.modules, "torch", torch)  # type: ignore[arg-type]
    assert same(DataLoader(), (X, Y))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Batches(X, Y, endless=True), "the Batches goes on for ever"),
        (
            Batches(X),
            r"expected batches \(x, y\) or \(x, y, sample_weight\); found an object of the type tuple",
        ),
        (Batches(X, Y[:5]), "data: x_train has 7 rows, but y_train has 5"),
        (
            Batches([*X[:3], *X[3:, :2]], Y),
            "the batches cannot be joined to arrays: all the input array dimensions",
        ),
    ],
)
def test_what_is_no_rows_is_refused(data: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        given_arrays(data)
