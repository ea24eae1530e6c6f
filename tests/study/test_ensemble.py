"""The ensemble of a search is the mean of its trials' models, by plain Keras, and is judged by other rows."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from support.commands import run, succeed, succeed_here, write_study

pytestmark = pytest.mark.slow

VALIDATION, TEST = 120, 80
CHOSEN_BY = slice(-VALIDATION - TEST, -TEST)
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(400, 5)).astype(np.float32)
LABELS = (np.sin(2 * X[:, 0]) + X[:, 1] + RANDOM.normal(size=400) > 0).astype(int)
NUMBERS = np.sin(2 * X[:, 0]) + X[:, 1] + 0.3 * RANDOM.normal(size=400)

STUDY: dict[str, Any] = {
    "name": "joined",
    "data": {"npz": "rows.npz", "validation": {"last": VALIDATION}},
    "model": {"mlp": {"hidden": [16], "activation": {"choice": ["relu", "tanh"]}}},
    "training": {"learning_rate": {"log_uniform": [1e-3, 1e-1]}, "epochs": 6, "batch_size": 20},
    "search": {"trials": 8, "keep": 8, "sampler": "random"},
    "confirm": "none",
    "ensemble": {"members": 6, "candidates": 5},
}


def begun(directory: Path, y: Any = LABELS, **sections: Any) -> Path:
    np.savez(directory / "rows.npz", x=X[:-TEST], y=y[:-TEST], x_test=X[-TEST:], y_test=y[-TEST:])
    write_study(directory / "joined.yaml", {**STUDY, **sections})
    succeed_here("optimize", "joined.yaml", cwd=directory)
    return directory / "runs" / "joined"


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return begun(tmp_path_factory.mktemp("joined"))


def found_in(study: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((study / "ensemble.json").read_text())["content"]
    return found


def predictions(path: Path) -> Any:
    return keras.saving.load_model(path).predict(X, verbose=0)


def of_trials(study: Path) -> dict[int, Any]:
    """Return what each trial's own model gives for all rows."""
    best = json.loads((study / "best.json").read_text())["content"]["winner"]["trial"]
    paths = {int(path.stem): path for path in (study / "models").glob("*.keras")} | {
        best: study / "best.keras"
    }
    return {number: predictions(path) for number, path in paths.items()}


def losses(given: Any, y: Any) -> Any:
    return keras.ops.convert_to_numpy(keras.losses.binary_crossentropy(y[:, None].astype("float32"), given))


def test_it_gives_the_mean_of_its_members_and_is_chosen_by_the_validation_rows(joined: Path) -> None:
    found, given = found_in(joined), of_trials(joined)
    members = [number for number, count in found["picks"] for _ in range(count)]
    assert 1 < len(members) <= 6
    mean = np.mean([given[number] for number in members], axis=0)
    assert predictions(joined / "ensemble.keras") == pytest.approx(mean, abs=1e-6)
    rows = CHOSEN_BY
    ranked = sorted(given, key=lambda number: losses(given[number][rows], LABELS[rows]).mean())[:5]
    assert set(members) <= set(ranked)
    assert found["values"][0] == pytest.approx(losses(given[ranked[0]][rows], LABELS[rows]).mean(), rel=1e-5)
    assert found["values"][len(members) - 1] == pytest.approx(
        losses(mean[rows], LABELS[rows]).mean(), rel=1e-5
    )
    assert found["values"][len(members) - 1] == min(found["values"])


def test_the_test_rows_say_how_much_better_it_is_than_the_winner(joined: Path) -> None:
    found, rows = found_in(joined), slice(-TEST, None)
    pairs = losses(predictions(joined / "best.keras")[rows], LABELS[rows]) - losses(
        predictions(joined / "ensemble.keras")[rows], LABELS[rows]
    )
    gain = found["test_gain"]
    low, high = stats.norm.interval(0.95, pairs.mean(), stats.sem(pairs))
    assert [gain["value"], gain["low"], gain["high"]] == pytest.approx([pairs.mean(), low, high], rel=1e-4)
    measured = {one["name"]: one["value"] for one in found["evaluation"]["measures"]}
    given = predictions(joined / "ensemble.keras")[rows]
    assert measured["loss"] == pytest.approx(losses(given, LABELS[rows]).mean(), rel=1e-5)
    assert measured["accuracy"] == np.mean((given[:, 0] > 0.5) == LABELS[rows])


def test_it_is_told_and_applied_like_the_winner(joined: Path) -> None:
    directory = joined.parents[1]
    again = succeed_here("optimize", "joined.yaml", cwd=directory)
    line = next(line for line in again.stdout.splitlines() if line.startswith("ensemble: "))
    assert line.endswith("model: runs/joined/ensemble.keras")
    assert re.search(r"\d members from \d trials", line)
    page = (directory / "reports" / "joined.html").read_text()
    assert "Ensemble of trials" in page
    assert "runs/joined/ensemble.keras" in page
    told = json.loads(succeed("report", "joined", "--format", "json", cwd=directory).stdout)
    assert told["search"]["ensemble"]["picks"] == found_in(joined)["picks"]
    np.savez(directory / "new.npz", x=X[:7])
    applied = succeed("predict", "joined", "new.npz", "--ensemble", "--format", "json", cwd=directory)
    told = [row["probabilities"]["1"] for row in json.loads(applied.stdout)]
    assert told == pytest.approx(predictions(joined / "ensemble.keras")[:7, 0].tolist(), abs=1e-6)


@pytest.mark.long
def test_a_study_that_asks_later_gets_the_same_one(joined: Path, tmp_path: Path) -> None:
    directory = joined.parents[1]
    shutil.copytree(directory, tmp_path, dirs_exist_ok=True)
    study = tmp_path / "runs" / "joined"
    shutil.rmtree(tmp_path / "runs")
    begun(tmp_path, ensemble=None, search={**STUDY["search"], "keep": 1})
    assert not (study / "ensemble.json").exists()
    refused = run("predict", "joined", "rows.npz", "--ensemble", cwd=tmp_path)
    assert refused.returncode == 2
    assert "ensemble: {members: 16}" in refused.stderr
    begun(tmp_path)
    assert found_in(study) == found_in(joined)


@pytest.mark.long
def test_a_damaged_ensemble_is_told_and_made_again(joined: Path, tmp_path: Path) -> None:
    shutil.copytree(joined.parents[1], tmp_path, dirs_exist_ok=True)
    study = tmp_path / "runs" / "joined"
    before = found_in(study)
    (study / "ensemble.keras").write_bytes((study / "best.keras").read_bytes())
    checked = run("check", "joined", cwd=tmp_path)
    assert "ensemble.keras is not the model that ensemble.json was written for" in checked.stdout
    refused = run("predict", "joined", "rows.npz", "--ensemble", cwd=tmp_path)
    assert refused.returncode == 2
    assert "hpsearch optimize" in refused.stderr
    succeed_here("optimize", "joined.yaml", cwd=tmp_path)
    assert found_in(study) == before
    succeed("check", "joined", cwd=tmp_path)


@pytest.mark.long
def test_a_score_of_all_rows_is_what_members_are_chosen_by(tmp_path: Path) -> None:
    search = {**STUDY["search"], "metric": "roc_auc"}
    study = begun(tmp_path, search=search)
    found, rows = found_in(study), CHOSEN_BY
    given = predictions(study / "ensemble.keras")[rows, 0]
    size = sum(count for _, count in found["picks"])
    assert found["values"][size - 1] == pytest.approx(roc_auc_score(LABELS[rows], given), abs=1e-9)
    assert found["values"][size - 1] == max(found["values"])
    assert found["gain"]["method"] == "bootstrap"


@pytest.mark.long
@pytest.mark.parametrize(
    ("model", "validation"),
    [
        ({"sequential": [{"dense": {"units": 8, "activation": "relu"}}]}, {"last": VALIDATION}),
        ({"mlp": {"hidden": [8]}}, {"folds": 3}),
    ],
)
def test_numbers_other_models_and_folds(model: Any, validation: Any, tmp_path: Path) -> None:
    study = begun(tmp_path, NUMBERS, model=model, data={**STUDY["data"], "validation": validation})
    found, given = found_in(study), of_trials(study)
    members = [number for number, count in found["picks"] for _ in range(count)]
    mean = np.mean([given[number] for number in members], axis=0)
    assert predictions(study / "ensemble.keras") == pytest.approx(mean, abs=1e-5)


def test_several_named_targets_are_refused_with_a_sentence(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=X, y_first=LABELS, y_second=NUMBERS)
    (tmp_path / "model.py").write_text("def build(features, outputs): ...")
    model = {"python": {"file": "model.py"}}
    write_study(tmp_path / "joined.yaml", {**STUDY, "model": model})
    refused = run("validate", "joined.yaml", cwd=tmp_path)
    assert refused.returncode == 2
    assert re.search(r"joined.yaml:\d+: ensemble: this joins models with one output", refused.stderr)
