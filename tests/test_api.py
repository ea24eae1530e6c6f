"""The Python face: it does what the command line does, in the same words, with rows in memory beside files."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv
from sklearn.datasets import load_iris

import hpsearch
from hpsearch.analysis import plain
from hpsearch.exceptions import (
    DataError,
    StudyMismatchError,
    StudyNotFoundError,
)
from hpsearch.study.progress import LoggedProgress
from support.commands import STUDY, environment, here, succeed_here, write_study

X, Y = load_iris(return_X_y=True)
PLAIN: dict[str, Any] = {name: section for name, section in STUDY.items() if name != "data"}
CONFIRMED: dict[str, Any] = {**PLAIN, "confirm": {"finalists": 2, "replicates": 3}}


pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def optimize(what: Any, data: Any = None, **options: Any) -> hpsearch.Study:
    """Search in this process."""
    return hpsearch.optimize(what, data, engine="in_process", **options)


def numbers(study: hpsearch.Study) -> list[Any]:
    """List all that a study has found but for the time that it took."""
    return [
        (trial.value, trial.parameters, trial.seed, {**trial.history, "seconds": ()})
        for trial in study.trials
    ]


def test_arrays_give_the_numbers_of_an_npz_file_bit_for_bit(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=X, y=Y)
    file = optimize(
        {**CONFIRMED, "name": "file", "data": {"npz": tmp_path / "rows.npz", "standardize": True}}
    )
    arrays = optimize({**CONFIRMED, "data": {"standardize": True}}, (X, Y))
    assert numbers(arrays) == numbers(file)
    assert arrays.record.data is not None
    assert file.record.data is not None
    assert arrays.record.data.fingerprint == file.record.data.fingerprint
    assert arrays.best is not None
    assert file.best is not None
    for name in ("cross_validated_score", "cross_validated_interval", "mean", "mean_interval"):
        assert getattr(arrays.best, name) == getattr(file.best, name)
        assert getattr(arrays.best, name) is not None


def test_a_study_of_arrays_goes_on_with_the_same_rows_and_no_others() -> None:
    first = optimize(PLAIN, (X, Y))
    again = optimize(PLAIN, (X.copy(), Y.copy()), trials=3)
    assert numbers(again)[:2] == numbers(first)
    assert len(list(again.files.arrays.iterdir())) == 1
    with pytest.raises(
        StudyMismatchError, match="the data of the study 'a' have changed since it was started"
    ):
        optimize(PLAIN, (X + 1, Y))
    (kept,) = (path for path in again.files.arrays.iterdir() if path.name in again.yaml)
    fresh = optimize(PLAIN, (X + 1, Y), new=True)
    assert [path.name in fresh.yaml for path in fresh.files.arrays.iterdir()] == [True]
    assert not kept.exists()


@pytest.mark.long
def test_rows_that_a_comparison_is_of_outlive_a_search_that_starts_over() -> None:
    compared = {**PLAIN, "training": {**PLAIN["training"], "learning_rate": {"choice": [0.01, 0.1]}}}
    compared["compare"] = {"replicates": 2}
    comparison = hpsearch.compare(compared, (X, Y), engine="in_process")
    optimize(PLAIN, (X + 1, Y))
    optimize(PLAIN, (X + 2, Y), new=True)
    assert len(list(comparison.files.arrays.iterdir())) == 2
    assert len(comparison.resume().trials) == 4
    assert [arm.best.count for arm in comparison.comparison.arms] == [2, 2]
    with pytest.raises(hpsearch.HpsearchError, match="'a' is a comparison, which has no best configuration"):
        _ = comparison.best
    with pytest.raises(
        hpsearch.HpsearchError, match="'a' is a comparison, which varies nothing but its arms"
    ):
        comparison.importance()
    with pytest.raises(hpsearch.HpsearchError, match="only a comparison has arms"):
        _ = hpsearch.load("a").comparison


@pytest.mark.long
def test_a_study_of_arrays_may_be_moved(tmp_path: Path) -> None:
    whole = optimize({**PLAIN, "name": "whole"}, (X, Y), trials=3)
    optimize(PLAIN, (X, Y), out=tmp_path / "one")
    shutil.move(tmp_path / "one", tmp_path / "two")
    moved = hpsearch.load("a", out=tmp_path / "two", engine="in_process").resume(trials=3)
    assert numbers(moved) == numbers(whole)
    assert str(tmp_path / "two") in moved.yaml


def test_the_command_line_goes_on_with_a_study_of_arrays(tmp_path: Path) -> None:
    whole = optimize({**PLAIN, "name": "whole"}, (X, Y), trials=3)
    study = optimize(PLAIN, (X, Y))
    (tmp_path / "mine.yaml").write_text(study.yaml, encoding="utf-8")
    succeed_here("optimize", "mine.yaml", "--trials", "3", cwd=tmp_path)
    found = hpsearch.load("mine.yaml")
    assert numbers(found) == numbers(whole)
    assert json.loads(succeed_here("best", "a", "--format", "json", cwd=tmp_path).stdout)["number"] == (
        found.best and found.best.trial
    )
    checked = succeed_here("check", "a", cwd=tmp_path).stdout
    assert re.search(r"intact +runs/a/arrays/\w+/x_train.npy  rows that were given in memory", checked)
    path = next(study.files.arrays.glob("*/y_train.npy"))
    path.write_bytes(path.read_bytes()[:-1])
    damaged = here("check", "a", cwd=tmp_path)
    assert damaged.returncode == 1
    assert "the rows are not those that were given" in damaged.stdout
    optimize(PLAIN, (X, Y), trials=3)
    succeed_here("check", "a", cwd=tmp_path)
    succeed_here("delete", "a", "--yes", cwd=tmp_path)
    assert not study.directory.exists()


def test_the_handle_says_what_the_command_line_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = optimize({**CONFIRMED, "data": "sklearn:iris"})
    best = study.best
    rows = [{name: value for name, value in vars(one).items() if name != "_record"} for one in study.trials]
    assert best is not None
    told = json.loads(succeed_here("best", "a", "--format", "json", cwd=tmp_path).stdout)
    standing = told["confirmation"]["conclusion"]["standings"][0]["estimate"]
    assert (best.trial, best.value, best.parameters) == (told["number"], told["value"], told["parameters"])
    assert (best.mean, best.mean_interval) == (standing["mean"], (standing["low"], standing["high"]))
    score = told["confirmation"]["conclusion"]["cross_validated_score"]
    assert best.cross_validated_score == score["mean"]
    assert best.cross_validated_interval == (score["low"], score["high"])
    assert best.configuration["model"] == told["study"]["model"]
    standings = told["confirmation"]["conclusion"]["standings"]
    assert [f"trial {number}" for number in best.tied] == [one["name"] for one in standings if one["tied"]]
    for row in rows:
        assert set(row.pop("history")) > {"loss", "val_loss"}
        assert row.pop("metrics") == {}
        assert row.pop("configuration")["training"]["epochs"] == 2
    assert rows == json.loads(succeed_here("trials", "a", "--format", "json", cwd=tmp_path).stdout)
    header = succeed_here("trials", "a", "--format", "csv", cwd=tmp_path).stdout.splitlines()[0]
    assert ",".join(study.trials.columns()) == header
    assert study.trials.columns()["parameters.learning_rate"] == [
        trial.parameters["learning_rate"] for trial in study.trials
    ]
    assert study.report() == tmp_path / "reports" / "a.html"
    assert "</html>" in study.report().read_text(encoding="utf-8")
    assert repr(study) == f"<study 'a' of 2 trials in {tmp_path / 'runs' / 'a'}>"
    assert len(study.trials[:1]) == 1
    known = json.loads(succeed_here("report", "a", "--format", "json", cwd=tmp_path).stdout)
    assert plain(study.findings) == known["search"]["judgement"]["findings"]
    assert plain(study.importance()) == known["search"]["importance"]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(hpsearch.HpsearchError, match="to_pandas needs pandas"):
        study.trials.to_pandas()
    made = types.SimpleNamespace(DataFrame=lambda columns: ("a table of", columns))
    monkeypatch.setitem(sys.modules, "pandas", made)
    assert study.trials.to_pandas() == ("a table of", study.trials.columns())


def test_a_table_in_memory_goes_on_and_predicts_wherever_it_is(tmp_path: Path) -> None:
    words = np.array(["short", "long", None])[np.arange(len(X)) % 3]
    table = pa.table({"width": X[:, 0], "word": words.tolist(), "kind": Y.astype(str)})
    csv.write_csv(table, tmp_path / "rows.csv")
    study = optimize(PLAIN, table, target="kind")
    assert study.best is not None
    (tmp_path / "elsewhere").mkdir()
    shutil.move(tmp_path / "runs", tmp_path / "elsewhere" / "runs")
    moved = hpsearch.load("a", out=tmp_path / "elsewhere", engine="in_process")
    assert len(moved.resume(trials=3).trials) == 3
    found, file = moved.predict(table.drop_columns(["kind"])), moved.predict(tmp_path / "rows.csv")
    assert found.csv() == file.csv()


def test_the_model_and_the_predictions_are_those_of_the_files(tmp_path: Path) -> None:
    study = optimize({**PLAIN, "data": {"standardize": True}}, (X, Y))
    assert study.best is not None
    np.savez(tmp_path / "new.npz", x=X)
    found, file = study.predict(X), hpsearch.predict("a", tmp_path / "new.npz")
    assert found.csv() == file.csv() == hpsearch.predict(study, X.tolist()).csv()
    given = study.best.model().predict(X.astype(np.float32), verbose=0)
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities, given, rtol=1e-6)
    with pytest.raises(DataError, match="expected arrays"):
        study.predict([[1, 2, 3, 4], [1]])
    with pytest.raises(DataError, match="x: a row of x has 2 numbers, but the model takes 4"):
        study.predict(X[:, :2])
    study.best.path.unlink()
    with pytest.raises(StudyNotFoundError, match=r"best\.keras yet: it is saved when the search ends"):
        study.best.model()


def test_confirm_and_ablate_go_on_with_a_study() -> None:
    search = {**PLAIN, "training": {**PLAIN["training"], "optimizer": {"choice": ["adam", "sgd"]}}}
    study = optimize({**search, "confirm": "none", "search": {"trials": 3}}, (X, Y))
    assert study.best is not None
    assert study.best.mean is None
    assert study.confirm(finalists=2, replicates=2) is study
    assert study.best.mean is not None
    path = study.ablate(replicates=2).ablation
    assert path is not None
    assert path.runs == path.planned > 0
    assert study.best.tied


def test_a_study_whose_trials_all_failed_is_an_error() -> None:
    study = {
        **STUDY,
        "training": {**STUDY["training"], "optimizer": "sgd", "learning_rate": {"choice": [1e30]}},
    }
    study["model"] = {"mlp": {"hidden": [4], "activation": "linear"}}
    sentence = "the only trial failed: the training loss is not finite; fix it and start over with --new"
    with pytest.raises(hpsearch.HpsearchError, match=sentence):
        optimize(study)
    assert hpsearch.load("a").best is None


def test_an_interruption_ends_a_script_and_the_same_call_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = optimize({**STUDY, "name": "whole"}, trials=3)
    sent: list[int] = []

    def interrupt(*_: Any) -> None:
        # Only once: a second one stops at once.
        if not sent:
            sent.append(signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(LoggedProgress, "ended", interrupt)
        with pytest.raises(KeyboardInterrupt, match="make the same call again to continue"):
            optimize(STUDY, trials=3)
    assert len(hpsearch.load("a").trials) < 3
    assert numbers(optimize(STUDY, trials=3)) == numbers(whole)


def test_progress_is_shown_on_the_standard_error_where_it_is_asked_for(
    capfd: pytest.CaptureFixture[str],
) -> None:
    optimize(STUDY)
    assert capfd.readouterr() == ("", "")
    optimize(STUDY, trials=3, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert re.search(r"trial +2  val_loss [\d.]+ at epoch \d/2", err)


def test_probes_are_those_of_the_command_line(tmp_path: Path) -> None:
    probed = hpsearch.probe(PLAIN, (X, Y), rows=64, replicates=2)
    assert probed.page.exists()
    path = write_study(tmp_path / "study.yaml", STUDY)
    told = succeed_here("probe", path, "--rows", "64", "--replicates", "2", "--format", "json", cwd=tmp_path)
    assert json.loads(probed.json())["arms"] == json.loads(told.stdout)["arms"]


SCRIPT = """
import sys
import hpsearch
from sklearn.datasets import load_iris

print("this script runs", flush=True)
study = hpsearch.optimize({study!r}, load_iris(return_X_y=True), workers=2)
print(len(study.trials), study.best.trial is not None)
"""


@pytest.mark.parametrize("told", ["file", pytest.param("stdin", marks=pytest.mark.long)])
def test_a_script_needs_no_guard(tmp_path: Path, told: str) -> None:
    path, text = tmp_path / "script.py", SCRIPT.format(study=PLAIN)
    path.write_text(text, encoding="utf-8")
    arguments = [sys.executable, *([str(path)] if told == "file" else ["-"])]
    done = subprocess.run(
        arguments, input=text, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.stdout == "this script runs\n2 True\n", done.stderr
    assert done.stderr == ""


@pytest.mark.long
def test_a_program_may_have_used_keras_and_jax_before(tmp_path: Path) -> None:
    study = optimize(PLAIN, (X, Y))
    expected = study.predict(X).csv()
    for before in (
        "import jax.numpy as jnp; print(jnp.ones(3).sum())",
        "import os; os.environ['KERAS_BACKEND'] = 'tensorflow'; import keras",
    ):
        code = f"{before}\nimport hpsearch, sklearn.datasets as s\nx = s.load_iris().data\n"
        code += "print(hpsearch.predict('a', x).csv(), end='')\n"
        (tmp_path / "script.py").write_text(code, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "script.py"],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.endswith(expected), done.stderr
