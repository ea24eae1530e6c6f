"""A study whose saved model has a threshold: chosen by validation rows, applied to new rows, judged by the test part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.metrics import f1_score

import hpsearch
from support.commands import here, succeed, write_study

VALIDATION, TEST = 150, 150
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(600, 4)).astype(np.float32)
RARE = (X[:, 0] + X[:, 1] + RANDOM.normal(size=600) > 2.2).astype(int)
PARTS = {"validation": slice(-VALIDATION - TEST, -TEST), "test": slice(-TEST, None)}

STUDY: dict[str, Any] = {
    "name": "rare",
    "data": {"npz": "rows.npz", "validation": {"last": VALIDATION}},
    "model": {"mlp": {"hidden": [8]}},
    "training": {"learning_rate": {"log_uniform": [1e-3, 1e-2]}, "epochs": 5, "batch_size": 25},
    "search": {"trials": 3, "sampler": "random", "threshold": "f1"},
    "confirm": "none",
}


def begin(directory: Path, y: Any = RARE, **sections: Any) -> Path:
    np.savez(directory / "rows.npz", x=X[:-TEST], y=y[:-TEST], x_test=X[-TEST:], y_test=y[-TEST:])
    return write_study(directory / "rare.yaml", {**STUDY, **sections})


def content(path: Path) -> Any:
    return json.loads(path.read_text())["content"]


def scores(given: Any, y: Any, threshold: float) -> float:
    return float(f1_score(y, given[:, 0].astype(float) > threshold, zero_division=0))


@pytest.mark.long
def test_it_is_chosen_kept_applied_and_judged(tmp_path: Path) -> None:
    begin(tmp_path, ensemble={"members": 4, "candidates": 3})
    ended = succeed("optimize", "rare.yaml", cwd=tmp_path)
    study = tmp_path / "runs" / "rare"
    found = {"best": content(study / "best.json"), "ensemble": content(study / "ensemble.json")}
    look = content(study / "test.json")["looks"][0]
    evaluations = {"best": look["evaluation"], "ensemble": found["ensemble"]["evaluation"]}
    for name, kept in found.items():
        given = keras.saving.load_model(study / f"{name}.keras").predict(X, verbose=0)
        chosen_by, judged_by = (given[rows] for rows in PARTS.values())
        y, y_test = (RARE[rows] for rows in PARTS.values())
        threshold = kept["threshold"]
        every = [scores(chosen_by, y, one) for one in np.linspace(0, 1, 2_001)]
        assert threshold["score"] >= max(every) - 1e-6
        assert threshold["score"] == pytest.approx(scores(chosen_by, y, threshold["value"]), abs=1e-6)
        assert threshold["score_at_half"] == pytest.approx(scores(chosen_by, y, 0.5), abs=1e-6)
        decided = next(one for one in evaluations[name]["decided"] if one["gain"]["name"] == "f1")
        assert decided["at_threshold"]["value"] == pytest.approx(
            scores(judged_by, y_test, threshold["value"])
        )
        assert decided["at_half"]["value"] == pytest.approx(scores(judged_by, y_test, 0.5))
        applied = hpsearch.predict("rare", X[:100], ensemble=name == "ensemble", out=tmp_path)
        assert applied.threshold == threshold["value"]
        assert applied.notes[-1].startswith(
            f"1 is predicted where its probability is above {threshold['value']:.6g}"
        )
        assert applied.predictions == tuple(
            "01"[int(p > threshold["value"])] for p in given[:100, 0].astype(float)
        )
    assert found["best"]["threshold"]["value"] < 0.5
    line = next(line for line in ended.stdout.splitlines() if line.startswith("threshold: "))
    assert "which chose it" in line
    assert "on the test set f1" in line
    assert f"# {line}" in succeed("best", "rare", cwd=tmp_path).stdout.splitlines()
    told = json.loads(succeed("best", "rare", "--format", "json", cwd=tmp_path).stdout)
    assert told["threshold"] == found["best"]["threshold"]
    assert told["test"]["looks"][0]["decided"] == look["evaluation"]["decided"]
    report = json.loads(succeed("report", "rare", "--format", "json", cwd=tmp_path).stdout)
    assert report["search"]["insides"]["threshold"] == found["best"]["threshold"]
    page = (tmp_path / "reports" / "rare.html").read_text()
    for words in (
        "Decision threshold",
        "The winner at its threshold",
        "The ensemble at its threshold",
        "told apart at",
    ):
        assert words in page
    succeed("check", "rare", cwd=tmp_path)
    again = succeed("optimize", "rare.yaml", cwd=tmp_path)
    assert line in again.stdout.splitlines()
    assert content(study / "best.json") == found["best"]
    assert len(content(study / "test.json")["looks"]) == 1


@pytest.mark.long
def test_a_confirmed_winner_gets_it_from_the_split_of_its_replicate(tmp_path: Path) -> None:
    begin(tmp_path, data={"npz": "rows.npz"}, confirm={"finalists": 2, "replicates": 2, "splits": "fresh"})
    succeed("optimize", "rare.yaml", cwd=tmp_path)
    before = content(tmp_path / "runs" / "rare" / "best.json")
    assert before["winner"]["replicate"] is not None
    assert before["threshold"]["rows"] == 90
    succeed("confirm", "rare.yaml", cwd=tmp_path)
    assert content(tmp_path / "runs" / "rare" / "best.json") == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"search": {"threshold": "roc_auc"}}, "balanced_accuracy"),
        ({"confirm": {"refit": True}}, "with refit: true, no rows would be left to choose it by"),
        (
            {"data": {"npz": "rows.npz", "validation": "test"}},
            "with validation: test, no rows would be left to judge it",
        ),
    ],
)
def test_where_no_rows_remain_it_is_refused_with_its_line(sections: Any, told: str, tmp_path: Path) -> None:
    file = begin(tmp_path, **sections)
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "threshold" in text)
    refused = here("validate", "rare.yaml", cwd=tmp_path)
    assert refused.returncode == 2
    assert f"rare.yaml:{line}: search.threshold" in refused.stderr
    assert told in refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("y", "told"),
    [
        (np.arange(600) % 3, "3 classes"),
        (X[:, 0], "a regression study"),
        (np.where(np.arange(600) < 300, RARE, 0), "validation rows of both classes"),
    ],
)
def test_other_data_are_refused_with_a_sentence_and_its_line(y: Any, told: str, tmp_path: Path) -> None:
    file = begin(tmp_path, y)
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "threshold" in text)
    refused = here("validate", "rare.yaml", cwd=tmp_path)
    assert refused.returncode == 2
    assert f"rare.yaml:{line}: search.threshold: " in refused.stderr
    assert told in refused.stderr
