"""`hpsearch predict`: the winner on new rows is plain Keras on rows that scikit-learn encodes."""

from __future__ import annotations

import csv
import io
import json
import pickle
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import hpsearch
from hpsearch.study.predict import probabilities_of
from support.commands import in_process, seal, succeed_here, write_study

pytestmark = pytest.mark.slow

Call = Callable[..., tuple[int, str, str]]
NUMERIC = ["height", "girth"]
CATEGORIES = ["soil", "side"]
LABELS = ["elm", "fir", "oak, red"]
TRAIN = 150

TREES: dict[str, Any] = {
    "name": "trees",
    "data": {"csv": "trees.csv", "target": "kind", "standardize": True, "validation": {"last": 50}},
    "model": {"mlp": {"hidden": [8], "activation": "tanh"}},
    "training": {"learning_rate": 0.05, "epochs": 4, "batch_size": 16},
    "search": {"trials": 1},
    "confirm": "none",
}
SUMS: dict[str, Any] = {
    **TREES,
    "name": "sums",
    "data": {"npz": "sums.npz", "rescale": "1/16", "validation": {"last": 50}},
}


def rows_of_trees(seed: int, count: int, soils: Sequence[str]) -> list[dict[str, str]]:
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        kind = int(generator.integers(3))
        rows.append(
            {
                "height": f"{generator.normal(9 + 4 * kind, 3):.2f}",
                "girth": "" if generator.random() < 0.1 else f"{generator.normal(40, 9):.1f}",
                "soil": "?"
                if generator.random() < 0.1
                else soils[(kind + int(generator.random() < 0.3)) % 3],
                "side": str(generator.choice(["north", "south"])),
                "kind": LABELS[kind],
            }
        )
    return rows


def write_rows(path: Path, rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


OLD = rows_of_trees(1, 200, ["clay", "loam", "sand"])
NEW = rows_of_trees(2, 40, ["clay", "peat", "sand"])
"""Peat is a soil that no tree for training stood on."""


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Leave two studies, whose data are gone."""
    directory = tmp_path_factory.mktemp("studies")
    write_rows(directory / "trees.csv", OLD, [*NUMERIC, *CATEGORIES, "kind"])
    generator = np.random.default_rng(4)
    x = generator.integers(0, 17, (200, 2, 3)).astype(np.uint8)
    np.savez(directory / "sums.npz", x=x, y=x.sum(axis=(1, 2)) + 0.5)
    for study in (TREES, SUMS):
        write_study(directory / f"{study['name']}.yaml", study)
        succeed_here("optimize", f"{study['name']}.yaml", cwd=directory)
    for path in (directory / "trees.csv", directory / "sums.npz"):
        path.unlink()
    return directory


@pytest.fixture
def predict(studies: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run `hpsearch predict` where the studies are; give the exit code, what is printed, and the remarks."""
    monkeypatch.chdir(studies)

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        with warnings.catch_warnings(action="ignore"):
            code = in_process("predict", *arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def cells(rows: Sequence[Mapping[str, str]]) -> Any:
    """Give the features as an array of objects for scikit-learn, NaN where a cell is missing."""
    numbers = [[float(row[name]) if row[name] else np.nan for name in NUMERIC] for row in rows]
    words = [[np.nan if row[name] == "?" else row[name] for name in CATEGORIES] for row in rows]
    return np.hstack([np.array(numbers, dtype=object), np.array(words, dtype=object)])


def encoded_by_sklearn(rows: Sequence[Mapping[str, str]]) -> Any:
    categories = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    )
    encoder = ColumnTransformer(
        [("numbers", SimpleImputer(), [0, 1]), ("words", categories, [2, 3])], sparse_threshold=0
    )
    encoder.fit(cells(OLD[:TRAIN]))
    return encoder.transform(cells(rows)).astype(np.float32)


def by_plain_keras(directory: Path, name: str, x: Any) -> Any:
    return keras.saving.load_model(directory / "runs" / name / "best.keras").predict(x, verbose=0)


class TestTable:
    def test_is_the_saved_model_bit_for_bit(self, studies: Path, predict: Call, tmp_path: Path) -> None:
        data = write_rows(tmp_path / "new.csv", NEW * 200, [*NUMERIC, *CATEGORIES])
        code, printed, remarks = predict("trees", data)
        assert code == 0, remarks
        model = keras.saving.load_model(studies / "runs" / "trees" / "best.keras")
        given = model.predict(encoded_by_sklearn(NEW * 200), batch_size=256, verbose=0)
        found = np.array([row[2:] for row in csv.reader(io.StringIO(printed))][1:], float)
        np.testing.assert_array_equal(found, probabilities_of(given))

    @pytest.mark.parametrize(
        "columns",
        [[*NUMERIC, *CATEGORIES], ["side", "kind", "girth", "soil", "owner", "height"]],
        ids=["as in training, without the target", "in another order, with the target and one more"],
    )
    def test_is_plain_keras_on_rows_encoded_by_scikit_learn(
        self, columns: list[str], studies: Path, predict: Call, tmp_path: Path
    ) -> None:
        data = write_rows(tmp_path / "new.csv", NEW, columns)
        code, printed, remarks = predict("trees", data)
        assert code == 0, remarks
        expected = by_plain_keras(studies, "trees", encoded_by_sklearn(NEW))
        header, *rows = csv.reader(io.StringIO(printed))
        assert header == ["row", "prediction", *(f"probability.{label}" for label in LABELS)]
        assert [int(row[0]) for row in rows] == list(range(len(NEW)))
        np.testing.assert_allclose(np.array(rows)[:, 2:].astype(float), expected, atol=1e-6)
        assert [row[1] for row in rows] == [LABELS[best] for best in expected.argmax(axis=1)]
        assert len({row[1] for row in rows}) > 1
        peat = sum(row["soil"] == "peat" for row in NEW)
        assert f"column 'soil': {peat} rows have categories that no training row had" in remarks
        assert ("the model does not use: 'owner'" in remarks) == ("owner" in columns)

    def test_is_the_same_as_json_and_in_a_file(self, studies: Path, predict: Call, tmp_path: Path) -> None:
        data = write_rows(tmp_path / "new.csv", NEW[:5], [*NUMERIC, *CATEGORIES])
        _, printed, _ = predict("trees", data)
        _, empty, _ = predict("trees", data, "--format", "json", "--output", tmp_path / "told.json")
        assert empty == ""
        assert sorted(path.name for path in tmp_path.iterdir()) == ["new.csv", "told.json"]
        told = json.loads((tmp_path / "told.json").read_text())
        rows = list(csv.DictReader(io.StringIO(printed)))
        for row, one in zip(rows, told, strict=True):
            assert (int(row["row"]), row["prediction"]) == (one["row"], one["prediction"])
            probabilities = {label: float(row[f"probability.{label}"]) for label in LABELS}
            assert probabilities == one["probabilities"]

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (None, "there is no such file"),
            ("", "the file is empty"),
            (
                "height,girth,soil\n1,2,clay\n",
                "there is no column 'side', which the model needs; the columns",
            ),
            ("height,girht,soil,side\n1,2,clay,north\n", "no column 'girth' (did you mean 'girht'?)"),
            ("height,girth,soil,side\ntall,2,clay,north\n", ":2: column 'height' holds 'tall', which is not"),
            ("height,girth,soil,side\n1,2,clay\n", ":2: this row has 3 cells, but the header has 4"),
            ("height,girth,soil,side\n", "no rows below its header"),
        ],
    )
    def test_that_is_not_as_in_training_is_an_error(
        self, content: str | None, said: str, predict: Call, tmp_path: Path
    ) -> None:
        if content is not None:
            (tmp_path / "new.csv").write_text(content)
        code, printed, told = predict("trees", tmp_path / "new.csv")
        assert (code, printed) == (2, "")
        assert said in told
        assert "new.csv" in told


class TestArrays:
    def test_numbers_are_those_of_plain_keras(self, studies: Path, predict: Call, tmp_path: Path) -> None:
        x = np.random.default_rng(6).integers(0, 17, (30, 2, 3)).astype(np.uint8)
        np.savez(tmp_path / "new.npz", x=x)
        code, printed, told = predict("sums", tmp_path / "new.npz")
        assert code == 0, told
        rows = list(csv.DictReader(io.StringIO(printed)))
        found = [float(row["prediction"]) for row in rows]
        np.testing.assert_allclose(found, by_plain_keras(studies, "sums", x)[:, 0], rtol=1e-5)
        assert list(rows[0]) == ["row", "prediction"]

    @pytest.mark.parametrize(
        ("arrays", "said"),
        [
            ({"x": np.zeros((4, 7))}, "a row of x has 7 numbers, but the model takes 2 x 3"),
            ({"x": np.zeros(6)}, "x must have rows and features"),
            ({"x": np.full((2, 6), np.nan)}, "every number must be finite"),
            ({"rows": np.zeros((4, 6))}, "the array x (the rows) is missing; it holds rows"),
            ({"x": np.array([[{}]], dtype=object)}, "holds Python objects (a pickle), which are refused"),
        ],
    )
    def test_of_another_shape_are_an_error(
        self, arrays: dict[str, Any], said: str, predict: Call, tmp_path: Path
    ) -> None:
        np.savez(tmp_path / "new.npz", **arrays)
        code, printed, told = predict("sums", tmp_path / "new.npz")
        assert (code, printed) == (2, "")
        assert said in told

    @pytest.mark.parametrize(("study", "file"), [("trees", "new.npz"), ("sums", "new.csv")])
    def test_of_the_other_kind_are_an_error(
        self, study: str, file: str, predict: Call, tmp_path: Path
    ) -> None:
        code, _, told = predict(study, tmp_path / file)
        assert code == 2
        assert "because the study was trained on" in told


class TestModel:
    @pytest.fixture
    def copied(self, studies: Path, predict: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Work on a copy; give the directory of the files of `sums`."""
        shutil.copytree(studies, tmp_path / "copy")
        monkeypatch.chdir(tmp_path / "copy")
        np.savez("new.npz", x=np.zeros((2, 6)))
        return Path("runs", "sums").absolute()

    def test_that_is_not_there_yet_is_an_error(self, copied: Path, predict: Call) -> None:
        (copied / "best.keras").unlink()
        code, _, told = predict("sums", "new.npz")
        assert code == 2
        assert "'sums' has no best model yet" in told
        assert predict("nowhere", "new.npz")[0] == 2

    @pytest.mark.parametrize(
        "spoil", [lambda content: content[:-40], lambda content: content.replace(b"2", b"3")]
    )
    def test_whose_preprocessing_is_damaged_is_an_error(
        self, spoil: Callable[[bytes], bytes], copied: Path, predict: Call
    ) -> None:
        path = copied / "best.json"
        path.write_bytes(spoil(path.read_bytes()))
        code, _, told = predict("sums", "new.npz")
        assert code == 2
        assert "it is damaged" in told
        assert in_process("check", "sums") == 1

    def test_of_another_shape_is_an_error(self, copied: Path, predict: Call) -> None:
        shutil.copy(copied.parent / "trees" / "best.keras", copied / "best.keras")
        code, _, told = predict("sums", "new.npz")
        assert code == 2
        assert "best.keras is not the model that best.json was written for" in told
        seal(copied)
        code, _, told = predict("sums", "new.npz")
        assert code == 1
        assert "expected a model from (None, 2, 3) to (None, 1)" in told

    def test_with_code_of_a_stranger_is_refused(self, copied: Path, predict: Call) -> None:
        inputs = keras.Input((2, 3))
        outputs = keras.layers.Lambda(lambda x: x + 1)(keras.layers.Flatten()(inputs))
        with warnings.catch_warnings(action="ignore"):
            keras.Model(inputs, outputs).save(copied / "best.keras")
        seal(copied)
        code, _, told = predict("sums", "new.npz")
        assert code == 1
        assert "safe mode" in told
        (copied / "best.keras").write_bytes(b"no model")
        seal(copied)
        assert "expected a model as Keras saves it" in predict("sums", "new.npz")[2]

    def test_goes_with_the_study(self, copied: Path) -> None:
        assert in_process("delete", "sums", "--yes") == 0
        assert not copied.exists()


def test_a_pipeline_of_scikit_learn_predicts_the_same(studies: Path) -> None:
    trees, sums = (hpsearch.load(name, out=studies) for name in ("trees", "sums"))
    numbers = {name: [float(row[name] or "nan") for row in NEW] for name in NUMERIC}
    table = pa.table(numbers | {name: [row[name] for row in NEW] for name in CATEGORIES})
    pipeline = pickle.loads(pickle.dumps(trees.pipeline()))
    expected = trees.predict(table)
    assert pipeline.predict(table).tolist() == list(expected.predictions)
    np.testing.assert_array_equal(pipeline.predict_proba(table), expected.probabilities)
    truth = [row["kind"] for row in NEW]
    right = np.mean(np.array(expected.predictions) == truth)
    assert pipeline.fit(table[:3], truth[:3]).score(table, truth) == right
    x = np.arange(18).reshape(3, 2, 3)
    found = sums.pipeline()
    assert found.predict(x).tolist() == list(sums.predict(x).predictions)
    assert is_regressor(found)
    assert is_classifier(pipeline)
