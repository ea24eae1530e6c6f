"""What is read of a stream when a study opens it, and which streams are refused."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import pytest

from hpsearch.api.functions import options_of
from hpsearch.data import load_raw_data
from hpsearch.data.readers.kept_rows import folder_of
from hpsearch.data.stream import Stream, read_stream
from hpsearch.exceptions import DataError, HpsearchError, StudyFileError, UnsupportedError
from hpsearch.spec import Data
from hpsearch.study.input import read_study
from support.commands import STUDY

X, Y = np.arange(28.0, dtype=np.float32).reshape(7, 4), np.arange(7) % 3
PLAIN: dict[str, Any] = {**STUDY, "data": {}, "training": {"epochs": 1}}


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of three rows; those that shuffle draw from the generator that others draw from."""

    def __init__(self, *arrays: Any, shuffle: Callable[[], float] | None = None) -> None:
        super().__init__()
        self.arrays, self.shuffle = arrays, shuffle

    def __len__(self) -> int:
        return math.ceil(len(self.arrays[0]) / 3)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        moved = 0.0 if self.shuffle is None else self.shuffle()
        x, *others = (array[3 * index : 3 * index + 3] for array in self.arrays)
        return x + moved, *others


def test_only_what_validates_and_tests_is_kept() -> None:
    stream = read_stream((Batches(X, Y), Batches(X + 1, Y), Batches(X[:3], Y[:3])))
    assert (stream.steps, stream.batch_size, stream.repeats) == (3, 3, True)
    assert sorted(stream.kept.arrays) == ["x_test", "x_train", "y_test", "y_train"]
    assert np.array_equal(stream.kept.arrays["x_train"], X + 1)
    assert stream.told.startswith("3 batches of 3 rows, the first ")


def test_it_is_told_whether_a_stream_shuffles_by_a_generator_of_its_own() -> None:
    seeded = read_stream((Batches(X, Y, shuffle=random.random), Batches(X, Y)))
    assert seeded.repeats  # as each epoch seeds it
    own = np.random.default_rng(0)
    assert read_stream((Batches(X, Y, shuffle=own.random), Batches(X, Y))).told.endswith(
        ", which differs each time it is read"
    )


@pytest.mark.long
def test_a_stream_of_tensorflow_tells_its_length_or_is_counted() -> None:
    tf = pytest.importorskip("tensorflow")
    rows = tf.data.Dataset.from_tensor_slices((X, Y)).batch(3)
    assert read_stream((rows, rows)).first == read_stream((Batches(X, Y), Batches(X, Y))).first
    some = rows.filter(lambda x, y: tf.shape(y)[0] == 3)
    assert read_stream((some, rows)).steps == 2
    with pytest.raises(DataError, match=r"stream: training: .* each epoch reads them all; .* for ever"):
        read_stream((rows.repeat(), rows))
    with pytest.raises(DataError, match=r"stream: training: expected batches of rows, as data.batch\(32\)"):
        read_stream((rows.unbatch(), rows))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Batches(X, Y), r"expected \(train, validation\) or \(train, validation, test\)"),
        ((X, Y), "found an object of the type tuple"),
        ((Batches(X, Y), Batches(X[:, :2], Y)), r"shape \(4,\) in training, but \(2,\) in validation"),
        ((Batches(X, Y, np.ones(7)), Batches(X, Y)), "weights of rows in training and validation, or in"),
        ((Batches(X[:0], Y[:0]), Batches(X, Y)), "expected batches; the Batches has none"),
    ],
)
def test_what_is_no_stream_is_refused(given: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_stream(given)


def opened(stream: Stream, folder: Path) -> Any:
    study = read_study({**PLAIN, "name": "s"}, data=stream, out=folder)
    return study.spec


def test_a_study_keeps_the_rows_that_validate_and_the_length_of_an_epoch(tmp_path: Path) -> None:
    stream = read_stream((Batches(X, Y), Batches(X[:6], Y[:6])))
    spec = opened(stream, tmp_path)
    said = spec.data.dump()
    assert said["arrays"] == str(folder_of(tmp_path / "runs" / "s" / "arrays", stream.kept.fingerprint))
    assert (said["stream"], said["validation"]) == ({"steps": 3, "batch_size": 3}, {"last": 6})
    assert spec.training.batch_size == 3
    dataset = load_raw_data(spec.data, tmp_path, stream=stream).own()
    assert (dataset.train_rows, dataset.summary().train_rows, len(dataset.splits[0].validation)) == (9, 9, 6)


def test_it_goes_on_only_with_the_same_stream(tmp_path: Path) -> None:
    train, validation = Batches(X, Y), Batches(X[:6], Y[:6])
    data = opened(read_stream((train, validation)), tmp_path).data
    for given, message in (
        (None, r"a stream, which is not kept: give it again in Python, hpsearch.load\(NAME, stream="),
        ((Batches(X[:3], Y[:3]), validation), "expected 3 batches of 3 rows, .*; found 1 of 3"),
        ((train, train), "the validation or test rows are others than when the study began"),
    ):
        stream = None if given is None else read_stream(given)
        with pytest.raises(DataError, match=message):
            load_raw_data(data, tmp_path, stream=stream)


@pytest.mark.parametrize("y", [Y + 1, np.eye(3)[Y]])
def test_classes_are_numbers_from_0(y: Any, tmp_path: Path) -> None:
    stream = read_stream((Batches(X, y), Batches(X, y)))
    data = opened(stream, tmp_path).data.model_copy(update={"task": "classification"})
    with pytest.raises(DataError, match="expected classes as whole numbers from 0"):
        load_raw_data(data, tmp_path, stream=stream)


@pytest.mark.parametrize("option", [{"scaling": "standard"}, {"test": 0.2}, {"subset": 5}, {"rescale": 0.1}])
def test_what_needs_all_rows_is_refused(option: dict[str, Any], tmp_path: Path) -> None:
    stream = read_stream((Batches(X, Y), Batches(X, Y)))
    with pytest.raises(StudyFileError, match=f"no {next(iter(option))!r} with a stream"):
        read_study({**PLAIN, "data": option}, data=stream, out=tmp_path)
    with pytest.raises(StudyFileError, match="'stream' only with arrays"):
        read_study({**PLAIN, "data": {"sklearn": "iris", "stream": {"steps": 1, "batch_size": 3}}})
    assert Data.model_validate("sklearn:iris").stream is None


@pytest.mark.parametrize("where", [{"workers": 2}, {"engine": "ray"}, {"engine": "slurm"}])
def test_it_is_read_in_this_process(where: Any) -> None:
    stream = (Batches(X, Y), Batches(X, Y))
    with pytest.raises(UnsupportedError, match="in this process"):
        options_of({**where, "stream": stream})
    options = options_of({"stream": stream})
    assert (options.engine, options.workers) == ("in_process", 1)
    with pytest.raises(UnsupportedError, match=r"workers: expected one, .* found 2"):  # as `resume` has it
        replace(options, workers=2)
    assert issubclass(UnsupportedError, HpsearchError)
