"""Whole studies of windows, labels and rows that are their own targets: trained, measured, applied to new rows."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpsearch import load
from hpsearch.exceptions import DataError
from support.commands import succeed_here, write_study

pytestmark = pytest.mark.slow

DRAWN = np.random.default_rng(0)

NETS = """
import keras
from keras import layers


def labels(features, outputs):
    rows = keras.Input(features)
    return keras.Model(rows, layers.Dense(outputs, activation="sigmoid")(rows))


def images(features, outputs):
    rows = keras.Input(features)
    hidden = layers.Conv2D(2, 3, padding="same", activation="relu")(rows)
    return keras.Model(rows, layers.Conv2D(1, 3, padding="same")(hidden))


def outputs(features, outputs):
    rows = keras.Input(features)
    hidden = layers.Dense(4, activation="relu")(rows)
    given = {name: layers.Dense(units, name=name)(hidden) for name, units in outputs.items()}
    return keras.Model(rows, {**given, "job": keras.ops.softmax(given["job"])})


def inputs(features, outputs):
    facts, words = (keras.Input(shape, name=name) for name, shape in features.items())
    read = layers.Flatten()(layers.Embedding(9, 3)(words))
    return keras.Model([words, facts], layers.Dense(outputs)(layers.Concatenate()([facts, read])))
"""


def finished(folder: Path, data: dict[str, Any], model: Any, **changes: Any) -> keras.Model:
    """Search one trial to its end, and give its model."""
    study = {
        "name": "a",
        "data": data,
        "model": model,
        "training": {"epochs": 2, "batch_size": 16, "learning_rate": 0.01},
        "search": {"trials": 1},
        "confirm": "none",
    }
    (folder / "nets.py").write_text(NETS, encoding="utf-8")
    write_study(folder / "a.yaml", {**study, **changes})
    succeed_here("optimize", "a.yaml", cwd=folder)
    return keras.saving.load_model(folder / "runs" / "a" / "best.keras")


def predicted(folder: Path, path: str, form: str) -> str:
    return succeed_here("predict", "a", path, "--format", form, cwd=folder).stdout


def test_windows_with_two_targets_are_predicted_from_a_table(tmp_path: Path) -> None:
    series = DRAWN.normal(3, 2, (80, 3)).cumsum(axis=0).astype(np.float32)
    lines = ["a,y,z", *(",".join(map(str, row)) for row in series)]
    (tmp_path / "d.csv").write_text("\n".join(lines), encoding="utf-8")
    window = {"length": 4, "horizon": 2}
    data = {"csv": "d.csv", "target": ["y", "z"], "window": window, "standardize": True, "test": 20}
    model = finished(tmp_path, data, {"mlp": {"hidden": [4]}})
    windows = np.lib.stride_tricks.sliding_window_view(series, 4, axis=0).swapaxes(1, 2)
    given = model.predict(windows, verbose=0)
    rows = list(csv.DictReader(io.StringIO(predicted(tmp_path, "d.csv", "csv"))))
    assert len(rows) == 77
    found = [[float(row["prediction.y"]), float(row["prediction.z"])] for row in rows]
    np.testing.assert_allclose(found, given, rtol=1e-5)
    looks = json.loads((tmp_path / "runs" / "a" / "test.json").read_text(encoding="utf-8"))["content"][
        "looks"
    ]
    measures = {one["name"]: one["value"] for one in looks[0]["evaluation"]["measures"]}
    error = given[60:75] - series[65:80, 1:]
    assert measures["loss"] == pytest.approx(np.square(error).mean(), rel=1e-4)
    assert measures["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-4)


@pytest.mark.long
def test_labels_of_a_model_in_python_have_a_probability_each(tmp_path: Path) -> None:
    x = DRAWN.normal(size=(60, 4)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=(x[:, :3] + x[:, 1:] > 0).astype(int))
    model = finished(tmp_path, {"npz": "d.npz"}, {"python": {"file": "nets.py", "function": "labels"}})
    given = model.predict(x, verbose=0)
    told = json.loads(predicted(tmp_path, "d.npz", "json"))
    assert [row["prediction"] for row in told] == [[str(k) for k in range(3) if p[k] > 0.5] for p in given]
    found = [[row["probabilities"][name] for name in "012"] for row in told]
    np.testing.assert_allclose(found, given, rtol=1e-5)


def test_images_are_their_own_targets(tmp_path: Path) -> None:
    x = DRAWN.integers(0, 256, (40, 4, 5, 1)).astype(np.uint8)
    np.savez(tmp_path / "d.npz", x=x)
    data = {"npz": "d.npz", "target": "x", "rescale": "1/255"}
    model = finished(tmp_path, data, {"python": {"file": "nets.py", "function": "images"}})
    assert model.output_shape == (None, 20)
    told = json.loads(predicted(tmp_path, "d.npz", "json"))
    found = [list(row["prediction"].values()) for row in told]
    np.testing.assert_allclose(found, model.predict(x, verbose=0), rtol=1e-5)


def test_several_inputs_are_named_from_the_file_to_the_predictions(tmp_path: Path) -> None:
    arrays = {"facts": DRAWN.normal(3, 2, (60, 4)), "words": DRAWN.integers(0, 9, (60, 5))}
    named = {f"x_{name}": array for name, array in arrays.items()}
    np.savez(tmp_path / "d.npz", y=arrays["facts"].sum(axis=1), **named)
    np.savez(tmp_path / "new.npz", **named)
    data = {"npz": "d.npz", "standardize": True, "test": 9}
    model = finished(tmp_path, data, {"python": {"file": "nets.py", "function": "inputs"}})
    given = model.predict(arrays, verbose=0)
    rows = json.loads(predicted(tmp_path, "new.npz", "json"))
    np.testing.assert_allclose([row["prediction"] for row in rows], given[:, 0], rtol=1e-6)
    found = load("a", out=tmp_path).predict(arrays).predictions
    np.testing.assert_allclose(np.array(found), given[:, 0], rtol=1e-6)
    with pytest.raises(DataError, match="lacks x_words; it holds x_facts"):
        load("a", out=tmp_path).predict({"facts": arrays["facts"]})


@pytest.mark.long
def test_several_outputs_are_named_from_the_file_to_the_predictions(tmp_path: Path) -> None:
    x = DRAWN.normal(3, 2, (60, 4)).astype(np.float32)
    targets = {"y_age": x.sum(axis=1), "y_job": np.array(["cook", "none", "smith"])[np.arange(60) % 3]}
    np.savez(tmp_path / "d.npz", x=x, **targets, y_tags=(x[:, :2] > 3).astype(int))
    np.savez(tmp_path / "new.npz", x=x)
    judged = {"search": {"trials": 2, "metric": "val_job_accuracy"}}
    model = finished(
        tmp_path,
        {"npz": "d.npz", "standardize": True, "test": 9},
        {"python": {"file": "nets.py", "function": "outputs"}},
        **judged,
        confirm={"finalists": 1, "replicates": 2, "refit": True},
    )
    given = model.predict(x, verbose=0)
    rows = json.loads(predicted(tmp_path, "new.npz", "json"))
    np.testing.assert_allclose([row["prediction"]["age"] for row in rows], given["age"][:, 0], rtol=1e-5)
    names = np.array(["cook", "none", "smith"])[given["job"].argmax(axis=1)]
    assert [row["prediction"]["job"] for row in rows] == names.tolist()
    np.testing.assert_allclose(
        [row["probabilities"]["tags"]["1"] for row in rows], given["tags"][:, 1], rtol=1e-5
    )
    table = list(csv.DictReader(io.StringIO(predicted(tmp_path, "new.npz", "csv"))))
    assert [row["prediction.job"] for row in table] == names.tolist()
    np.testing.assert_allclose(
        [float(row["probability.job.cook"]) for row in table], given["job"][:, 0], rtol=1e-5
    )
    study = load("a", out=tmp_path)
    assert {"val_age_mae", "val_job_accuracy", "val_tags_loss"} <= set(study.trials[0].history)
