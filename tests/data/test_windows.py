"""Windows over a series: against Keras' own, split by time, scaled as the training rows say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from hpsearch.data import Dataset, load_dataset, load_raw_data
from hpsearch.exceptions import DataError, StudyFileError
from hpsearch.spec import Data, load_study_file

ROWS, FEATURES = 90, 3


@pytest.fixture
def series(tmp_path: Path) -> np.ndarray:
    """Write a csv file whose last column is the target; give its numbers."""
    numbers = np.random.default_rng(0).normal(5, 2, (ROWS, FEATURES)).cumsum(axis=0).astype(np.float32)
    write(tmp_path, [[str(value) for value in row] for row in numbers])
    return numbers


def write(folder: Path, rows: list[list[str]]) -> None:
    lines = ["a,b,y", *(",".join(row) for row in rows)]
    (folder / "d.csv").write_text("\n".join(lines), encoding="utf-8")


def options(**changes: Any) -> Data:
    return Data.model_validate({"csv": "d.csv", "target": "y", "window": {"length": 5}, **changes})


def loaded(folder: Path, **changes: Any) -> Dataset:
    return load_dataset(options(**changes), folder)


def windows_of_keras(
    rows: np.ndarray, length: int, horizon: int, stride: int, rate: int
) -> tuple[np.ndarray, np.ndarray]:
    """Give the windows within some rows, and their targets, in the last column."""
    from keras.utils import timeseries_dataset_from_array

    target = (length - 1) * rate + horizon
    batches = timeseries_dataset_from_array(
        rows[:-horizon],
        rows[target:, -1],
        sequence_length=length,
        sequence_stride=stride,
        sampling_rate=rate,
        batch_size=len(rows),
    )
    ((x, y),) = [(x.numpy(), y.numpy()) for x, y in batches]
    return x, y


@pytest.mark.parametrize(("length", "horizon", "stride", "rate"), [(5, 1, 1, 1), (4, 3, 2, 1), (3, 2, 1, 3)])
def test_windows_are_those_of_keras_within_each_part(
    tmp_path: Path, series: np.ndarray, length: int, horizon: int, stride: int, rate: int
) -> None:
    window = {"length": length, "horizon": horizon, "stride": stride, "sampling_rate": rate}
    dataset = loaded(tmp_path, window=window, validation=20, test=15)
    split, test = dataset.splits[0], dataset.test()
    assert test is not None
    for part, rows in ((split.train, series[:55]), (split.validation, series[55:75]), (test, series[75:])):
        x, y = windows_of_keras(rows, length, horizon, stride, rate)
        np.testing.assert_array_equal(part.x, x)
        np.testing.assert_array_equal(part.y, y)
    assert dataset.features == (length, FEATURES)


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(1, 6),
    horizon=st.integers(1, 4),
    stride=st.integers(1, 4),
    rate=st.integers(1, 3),
    validation=st.one_of(st.integers(25, 40), st.floats(0.3, 0.4), st.just({"last": 30})),
    test=st.one_of(st.none(), st.integers(20, 25)),
)
def test_no_row_is_in_windows_of_two_parts(
    tmp_path_factory: pytest.TempPathFactory,
    length: int,
    horizon: int,
    stride: int,
    rate: int,
    validation: Any,
    test: int | None,
) -> None:
    folder = tmp_path_factory.mktemp("series", numbered=True)
    count = np.arange(ROWS, dtype=np.float32)
    np.savez(folder / "d.npz", x=count[:, None], y=count + 0.5)
    window = {"length": length, "horizon": horizon, "stride": stride, "sampling_rate": rate}
    given = {"npz": "d.npz", "window": window, "validation": validation, "test": test}
    dataset = load_dataset(Data.model_validate(given), folder)
    split, held_out = dataset.splits[0], dataset.test()
    parts = [split.train, split.validation, *([] if held_out is None else [held_out])]
    seen = [set(part.x.ravel().tolist()) | set((part.y - 0.5).tolist()) for part in parts]
    assert sum(map(len, seen)) == len(set().union(*seen))
    assert [max(part) for part in seen[:-1]] < [min(part) for part in seen[1:]]
    for part in parts:
        np.testing.assert_array_equal(part.y - 0.5, part.x[:, -1, 0] + horizon)


def test_every_step_is_scaled_as_the_training_rows_are(tmp_path: Path, series: np.ndarray) -> None:
    dataset = loaded(tmp_path, standardize=True, validation=20, test=15)
    scaler = StandardScaler().fit(series[:55])
    (split,) = dataset.splits
    expected, _ = windows_of_keras(scaler.transform(series[55:75]).astype(np.float32), 5, 1, 1, 1)
    np.testing.assert_allclose(split.validation.x, expected, atol=1e-4)
    np.testing.assert_array_equal(split.scaling.apply(dataset.raw(0, "train").x), split.train.x)
    test, raw = dataset.test(), dataset.raw_test()
    assert test is not None
    assert raw is not None
    np.testing.assert_array_equal(split.scaling.apply(raw.x), test.x)


def test_a_missing_number_is_the_mean_of_the_training_rows(tmp_path: Path, series: np.ndarray) -> None:
    texts = [[str(value) for value in row] for row in series]
    texts[3][0] = texts[70][0] = ""
    write(tmp_path, texts)
    dataset = loaded(tmp_path, validation=20, test=15)
    mean = np.delete(series[:55, 0].astype(np.float64), 3).mean()
    assert dataset.splits[0].train.x[3, 0, 0] == np.float32(mean)
    assert dataset.splits[0].validation.x[-1, 0, 0] == np.float32(series[69, 0])
    assert (dataset.splits[0].validation.x[:, :, 0] == np.float32(mean)).sum() == 4


def test_unix_times_keep_their_differences(tmp_path: Path, series: np.ndarray) -> None:
    seconds = 1.7e9 + np.arange(ROWS)
    write(tmp_path, [[f"{seconds[i]:.0f}", str(row[1]), str(row[2])] for i, row in enumerate(series)])
    dataset = loaded(tmp_path, standardize=True)
    steps = np.diff(dataset.splits[0].train.x[:, :, 0], axis=1)
    np.testing.assert_allclose(steps, 1 / seconds[:72].std(), rtol=1e-4)
    found = dataset.preprocessing().read(tmp_path / "d.csv")
    np.testing.assert_array_equal(found.x[:67], dataset.raw(0, "train").x)


def test_new_rows_become_windows_up_to_the_last_row(tmp_path: Path, series: np.ndarray) -> None:
    dataset = loaded(tmp_path, validation=20, window={"length": 4, "horizon": 3})
    found = dataset.preprocessing().read(tmp_path / "d.csv")
    assert found.x.shape == (ROWS - 3, 4, FEATURES)
    np.testing.assert_array_equal(found.x[-1], series[-4:])
    np.testing.assert_array_equal(found.x[: len(dataset.splits[0].train)], dataset.raw(0, "train").x)
    assert (
        "row 0 of the predictions is for row 6 (from 0), from the window of the rows 0 to 3" in found.notes[0]
    )
    write(tmp_path, [["1", "2", "3"]] * 3)
    with pytest.raises(DataError, match="there are 3 rows, but a window takes 4"):
        dataset.preprocessing().read(tmp_path / "d.csv")


def test_rows_and_windows_in_memory_are_both_taken(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(ROWS, 2)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=rows, y=rows.sum(axis=1))
    given = {"npz": "d.npz", "window": {"length": 5}}
    preprocessing = load_dataset(Data.model_validate(given), tmp_path).preprocessing()
    windows = preprocessing.take(rows).x
    assert windows.shape == (ROWS - 4, 5, 2)
    np.testing.assert_array_equal(preprocessing.take(windows).x, windows)


def test_a_test_set_of_its_own_is_a_series_of_its_own(tmp_path: Path) -> None:
    x = np.arange(40, dtype=np.float32)[:, None]
    arrays = {"x_train": x, "y_train": x[:, 0] + 0.5, "x_test": x[:12] + 100, "y_test": x[:12, 0] + 100.5}
    np.savez(tmp_path / "d.npz", **arrays)
    given = {"npz": "d.npz", "window": {"length": 3}, "validation": 10}
    test = load_dataset(Data.model_validate(given), tmp_path).test()
    assert test is not None
    np.testing.assert_array_equal(test.x[:, 0, 0], np.arange(100, 109))
    np.testing.assert_array_equal(test.y, np.arange(103, 112) + 0.5)
    chosen = load_dataset(Data.model_validate({**given, "validation": "test"}), tmp_path)
    np.testing.assert_array_equal(chosen.splits[0].validation.x, test.x)
    assert (len(chosen.splits[0].train), chosen.test()) == (37, None)
    np.savez(tmp_path / "d.npz", **{**arrays, "x_test": x[:3], "y_test": x[:3, 0]})
    with pytest.raises(DataError, match="the test set has 3 rows, but a window takes 4"):
        load_dataset(Data.model_validate(given), tmp_path)


def test_a_refit_has_the_windows_of_both_parts(tmp_path: Path, series: np.ndarray) -> None:
    raw = load_raw_data(options(validation=20, standardize=True), tmp_path)
    (split,), own = raw.combined().splits, raw.own().splits[0]
    assert len(split.train) == len(own.train) + len(own.validation)
    assert split.scaling.mean is not None
    np.testing.assert_allclose(split.scaling.mean[2], series.mean(axis=0), rtol=1e-5)


def test_classes_of_the_future_are_predicted_too(tmp_path: Path) -> None:
    rows = [[str(i), str(-i), "up" if i % 3 else "down"] for i in range(60)]
    write(tmp_path, rows)
    dataset = loaded(tmp_path, window={"length": 3, "horizon": 2})
    assert (dataset.labels, dataset.features) == (("down", "up"), (3, 4)), "the past of the target is one-hot"
    split = dataset.splits[0]
    assert split.train.y.tolist() == [1 if (i + 4) % 3 else 0 for i in range(len(split.train))]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validation": 5}, "the validation set has 5 rows, but a window takes 6 with its target"),
        ({"validation": 86}, "the training set has 4 rows, but a window takes 6"),
        ({"test": 4}, "the test set has 4 rows"),
        ({"validation": 90}, "leaves none of the 90 rows"),
        ({"validation": "test"}, "'validation: test' needs a test set"),
    ],
)
def test_parts_that_are_too_short_are_refused(
    tmp_path: Path, series: np.ndarray, changes: dict[str, Any], message: str
) -> None:
    assert len(series) == ROWS
    with pytest.raises(DataError, match=message):
        loaded(tmp_path, **changes)


@pytest.mark.parametrize(
    ("data", "confirm", "message"),
    [
        ("{csv: d.csv, target: y, window: {length: 3, horizn: 1}}", "", "did you mean 'horizon'"),
        ("{csv: d.csv, target: y, window: {length: 0}}", "", "at least 1"),
        ("{sklearn: digits, window: {length: 3}}", "", "csv, npz or arrays with 'window'"),
        ("{csv: d.csv, target: y, window: {length: 3}, validation: {folds: 3}}", "", "the last rows"),
        ("{csv: d.csv, target: y, window: {length: 3}, subset: 9}", "", "no 'subset' with 'window'"),
        ("{csv: d.csv, target: y, window: {length: 3}}", "confirm: {splits: fresh}", "split by time"),
    ],
)
def test_what_windows_exclude_is_refused_with_its_line(
    tmp_path: Path, data: str, confirm: str, message: str
) -> None:
    text = f"name: a\ndata: {data}\nmodel: {{mlp: {{hidden: [4]}}}}\ntraining: {{epochs: 1}}\n{confirm}\n"
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(StudyFileError) as failure:
        load_study_file(tmp_path / "study.yaml")
    line = 5 if confirm else 2
    assert message in str(failure.value)
    assert f"study.yaml:{line}: " in str(failure.value)
