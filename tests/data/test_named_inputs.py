"""Rows with several named inputs: how they are named, joined, scaled, split, and cut again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from hpsearch.data import Dataset, load_dataset
from hpsearch.data.named_inputs import InputLayout, NamedInput
from hpsearch.data.readers.arrays import given_arrays
from hpsearch.engines.policy.inputs import check_inputs
from hpsearch.exceptions import DataError, UnsupportedError
from hpsearch.spec import Data, StudySpec

DRAWN = np.random.default_rng(0)
ROWS = 40
IMAGE = DRAWN.integers(0, 256, (ROWS, 3, 2, 1)).astype(np.uint8)
META = DRAWN.normal(5, 3, (ROWS, 4))
WORDS = DRAWN.integers(0, 50, (ROWS, 5))
AGE = DRAWN.normal(40, 10, ROWS).astype(np.float32)
Y = np.arange(ROWS) % 2
NAMED = {"x_image": IMAGE, "x_meta": META, "x_words": WORDS, "x_age": AGE}


def loaded(folder: Path, arrays: dict[str, Any], **options: Any) -> Dataset:
    np.savez(folder / "d.npz", **arrays)
    return load_dataset(Data.model_validate({"npz": "d.npz", **options}), folder)


def layout_of(dataset: Dataset) -> InputLayout:
    assert dataset.inputs is not None
    return dataset.inputs


def test_rows_are_cut_into_what_they_were_joined_from(tmp_path: Path) -> None:
    dataset = loaded(tmp_path, {**NAMED, "y": Y})
    layout, split = layout_of(dataset), dataset.splits[0]
    assert layout.inputs == (
        NamedInput("age", (1,)),
        NamedInput("image", (3, 2, 1)),
        NamedInput("meta", (4,)),
        NamedInput("words", (5,), whole=True),
    )
    assert (dataset.features, dataset.task) == ((16,), "classification")
    for rows, index in ((split.train, split.train_index), (split.validation, split.validation_index)):
        found = layout.cut(rows.x)
        for name in ("image", "meta", "words"):
            np.testing.assert_array_equal(found[name], NAMED[f"x_{name}"][index].astype(np.float32))
        np.testing.assert_array_equal(found["age"][:, 0], AGE[index])
        np.testing.assert_array_equal(rows.y, Y[index])


def test_numbers_are_standardized_and_whole_numbers_are_not(tmp_path: Path) -> None:
    dataset = loaded(tmp_path, {**NAMED, "y": Y}, standardize=True)
    split, layout = dataset.splits[0], layout_of(dataset)
    train, found = split.train_index, layout.cut(split.validation.x)
    for name in ("image", "meta"):
        rows = NAMED[f"x_{name}"].reshape(ROWS, -1)
        expected = StandardScaler().fit(rows[train]).transform(rows[split.validation_index])
        np.testing.assert_allclose(found[name].reshape(len(expected), -1), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found["words"], WORDS[split.validation_index])
    assert any("x_words holds whole numbers, which stay unscaled" in note for note in dataset.notes)
    rescaled = loaded(tmp_path, {**NAMED, "y": Y}, rescale="1/255")
    found = layout.cut(rescaled.splits[0].train.x)
    np.testing.assert_array_equal(found["words"], WORDS[rescaled.splits[0].train_index])
    np.testing.assert_allclose(found["image"], IMAGE[rescaled.splits[0].train_index] / 255, rtol=1e-6)


def test_large_numbers_close_together_keep_their_differences(tmp_path: Path) -> None:
    times = 1.7e9 + np.arange(ROWS, dtype=np.float64)[:, None]
    dataset = loaded(tmp_path, {"x_time": times, "x_meta": META, "y": Y}, standardize=True)
    split = dataset.splits[0]
    expected = StandardScaler().fit(times[split.train_index]).transform(times[split.train_index])
    np.testing.assert_allclose(layout_of(dataset).cut(split.train.x)["time"], expected, rtol=1e-4)
    given = dataset.preprocessing().take({"time": times, "meta": META})
    np.testing.assert_array_equal(given.x[split.train_index], dataset.raw(0, "train").x)


def test_bytes_alone_stay_bytes(tmp_path: Path) -> None:
    dataset = loaded(tmp_path, {"x_a": IMAGE, "x_b": IMAGE[:, 0], "y": Y})
    assert dataset.unscaled.x.dtype == np.uint8


def test_a_test_set_is_named_in_the_same_way(tmp_path: Path) -> None:
    train = {f"x_train_{name[2:]}": array for name, array in NAMED.items()}
    test = {f"x_test_{name[2:]}": array[:7] for name, array in NAMED.items()}
    dataset = loaded(tmp_path, {**train, "y_train": Y, **test, "y_test": Y[:7]}, standardize=True)
    rows = dataset.raw_test()
    assert rows is not None
    np.testing.assert_array_equal(layout_of(dataset).cut(rows.x)["image"], IMAGE[:7])
    with pytest.raises(DataError, match="lacks x_test_age"):
        loaded(
            tmp_path,
            {**train, "y_train": Y, **{k: v for k, v in test.items() if "age" not in k}, "y_test": Y[:7]},
        )


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({**NAMED, "x": META, "y": Y}, {}, "holds 'x' beside 'x_age': name every array x_NAME"),
        ({"x_a": META, "x_train_b": META, "y": Y}, {}, "holds 'x_train_b' beside 'x_a'"),
        ({"x_a": META, "x_b": META[:9], "y": Y}, {}, "x_a has 40 rows, but x_b has 9"),
        ({"x_a": META, "y": Y[:9]}, {}, "x_train has 40 rows, but y_train has 9"),
        ({"x_a": META}, {}, "lacks y_train; it holds x_a"),
        ({"x_a": META, "y": Y, "meta": META}, {}, "expected x_a, y; found 'meta', which would not be used"),
        ({"x_a": WORDS + 2**24, "x_b": META, "y": Y}, {}, "x_a holds whole numbers above 16,777,216"),
        ({"x_a b": META, "y": Y}, {}, "the name of an input behind x_: .* found 'a b'"),
        ({"x_predictions": META, "y": Y}, {}, "none of rows, .* found 'predictions'"),
        ({"x_a": np.where(META > 9, np.nan, META), "y": Y}, {}, r"x_a\[\d+, \d+\] is nan"),
        ({"x_a": META.astype(str), "y": Y}, {}, "x_a must hold numbers"),
        ({**NAMED, "y": Y}, {"shape": [4, 4]}, "'shape' is for a single array of rows"),
        ({**NAMED, "y": Y}, {"window": {"length": 3}}, "'window' is for a single array of rows"),
        (NAMED, {"target": "x"}, "'target: x' needs a single array of rows"),
    ],
)
def test_what_does_not_suit_is_refused(
    tmp_path: Path, arrays: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        loaded(tmp_path, arrays, **options)


def test_whole_numbers_up_to_the_limit_stay_exact(tmp_path: Path) -> None:
    words = WORDS + 2**24 - 50
    dataset = loaded(tmp_path, {"x_a": words, "x_b": META, "y": Y}, standardize=True)
    split = dataset.splits[0]
    np.testing.assert_array_equal(layout_of(dataset).cut(split.train.x)["a"], words[split.train_index])


@pytest.mark.parametrize("model", [{"mlp": {"units": 4, "layers": 1}}, {"sequential": ["flatten"]}])
def test_models_of_the_study_file_take_one_array(tmp_path: Path, model: dict[str, Any]) -> None:
    dataset = loaded(tmp_path, {**NAMED, "y": Y})
    spec = StudySpec.model_validate(
        {"name": "n", "data": {"npz": "d.npz"}, "model": model, "training": {"epochs": 1}}
    )
    with pytest.raises(UnsupportedError, match="have x_age, x_image, x_meta, x_words: concatenate them"):
        check_inputs(spec, dataset)


def test_rows_may_have_weights(tmp_path: Path) -> None:
    weights = DRAWN.uniform(size=ROWS).astype(np.float32)
    split = loaded(tmp_path, {**NAMED, "y": Y, "sample_weight": weights}).splits[0]
    np.testing.assert_array_equal(split.train.weights, weights[split.train_index])


class TestInMemory:
    def test_they_are_what_a_file_holds(self, tmp_path: Path) -> None:
        named = {name[2:]: array for name, array in NAMED.items()}
        written = loaded(tmp_path, {**NAMED, "y": Y}).fingerprint
        assert given_arrays((named, Y)).fingerprint == written
        assert given_arrays({**NAMED, "y": Y}).fingerprint == written

    def test_a_validation_part_is_appended(self) -> None:
        named = {name[2:]: array for name, array in NAMED.items()}
        validated = {name: array[:6] for name, array in named.items()}
        by_name = {f"x_val_{name}": array for name, array in validated.items()}
        pairs = given_arrays(((named, Y), (validated, Y[:6])))
        for given in (pairs, given_arrays({**NAMED, "y": Y, **by_name, "y_val": Y[:6]})):
            assert given.validation == 6
            np.testing.assert_array_equal(given.arrays["x_train_meta"], np.concatenate([META, META[:6]]))
            np.testing.assert_array_equal(given.arrays["y_train"], np.concatenate([Y, Y[:6]]))
        weighted = given_arrays(
            {"x_meta": META, "y": Y, "x_val_meta": META, "y_val": Y, "sample_weight": Y + 1}
        )
        np.testing.assert_array_equal(weighted.arrays["sample_weight"], [*(Y + 1), *np.ones(ROWS)])

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"x_val_meta": META[:6, :2]}, "rows as in training, \\(4,\\) of float64; found \\(6, 2\\)"),
            ({"x_val_meta": META[:5]}, "with as many rows as the others"),
            ({"x_val_mete": META[:6]}, "lacks x_mete in the training part"),
        ],
    )
    def test_one_that_does_not_suit_is_refused(self, changes: dict[str, Any], message: str) -> None:
        data = {"x_meta": META, "y": Y, "x_val_meta": META[:6], "y_val": Y[:6], **changes}
        with pytest.raises(DataError, match=message):
            given_arrays(data)


class TestNewRows:
    def test_they_are_read_by_name(self, tmp_path: Path) -> None:
        preprocessing = loaded(tmp_path, {**NAMED, "y": Y}).preprocessing()
        np.savez(tmp_path / "new.npz", **NAMED)
        found = preprocessing.read(tmp_path / "new.npz").x
        named = {name[2:]: array for name, array in NAMED.items()}
        np.testing.assert_array_equal(found, preprocessing.take(named).x)
        np.testing.assert_array_equal(
            layout_of(loaded(tmp_path, {**NAMED, "y": Y})).cut(found)["words"], WORDS
        )

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"image": IMAGE, "meta": META, "words": WORDS}, "lacks x_age; it holds x_image"),
            ({**NAMED, "x_sex": META}, "found x_sex"),
            ({**NAMED, "x_meta": META[:, :3]}, r"rows of the shape \(4,\) in x_meta; found \(3,\)"),
            (META, "arrays by the names of the inputs, age, image, meta, words; found one array"),
        ],
    )
    def test_those_that_do_not_suit_are_refused(self, tmp_path: Path, given: Any, message: str) -> None:
        preprocessing = loaded(tmp_path, {**NAMED, "y": Y}).preprocessing()
        with pytest.raises(DataError, match=message):
            preprocessing.take(given)

    def test_a_model_of_one_input_takes_no_names(self, tmp_path: Path) -> None:
        preprocessing = loaded(tmp_path, {"x": META, "y": Y}).preprocessing()
        with pytest.raises(DataError, match="expected an array of rows"):
            preprocessing.take({"meta": META})
