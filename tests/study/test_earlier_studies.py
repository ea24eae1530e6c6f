"""Searches that learn from other studies: which these are, what is told, and what is kept of them."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest

from hpsearch.data.summary import DataSummary
from hpsearch.exceptions import HpsearchError, StudyFileError
from hpsearch.spec import StudySpec, load_study_file
from hpsearch.store.events import Asked, Ended, Event
from hpsearch.store.layout import StudyFiles
from hpsearch.store.log import TickLog
from hpsearch.store.reading import read_record
from hpsearch.store.resolved import Resolved, read_resolved, write_resolved
from hpsearch.study.earlier_studies import with_earlier_trials
from support.commands import run, started, succeed, wait_until, write_study

TRIALS = 8
STUDY: dict[str, Any] = {
    "name": "new",
    "data": "sklearn:iris",
    "model": {"mlp": {"hidden": [{"int": [4, 8]}], "dropout": {"uniform": [0.0, 0.5]}}},
    "training": {"learning_rate": {"log_uniform": [1e-4, 1e-1]}, "epochs": 6, "batch_size": 32},
    "search": {"trials": TRIALS, "warm_start": ["old"]},
    "confirm": {"finalists": 0},
}
OLD = {
    **STUDY,
    "name": "old",
    "model": {"mlp": {"hidden": [4]}},
    "training": {**STUDY["training"], "learning_rate": {"log_uniform": [1e-6, 1.0]}},
    "search": {"trials": 12, "sampler": "random"},
}
RATES = [0.5, 1e-5, 0.03, 0.01, 1e-3, 1e-4]


def begin(out: Path, study: dict[str, Any] = OLD, rates: list[float] = RATES) -> StudyFiles:
    """Write a study with trials that were never trained."""
    files = StudyFiles(out, study["name"])
    summary = DataSummary("sklearn:iris", "classification", (4,), 3, 120, 30, 0, 1, ("a", "b", "c"), "f")
    resolved = Resolved(StudySpec.model_validate(study), "/", summary).identified()
    write_resolved(files, resolved)
    log: list[Event] = []
    for number, rate in enumerate(rates):
        ended = Ended(number, "complete", abs(rate - 0.01), 1, 1, 0.0, None)
        log += [Asked(number, {"learning_rate": rate}), ended]
    ticks = TickLog(files.ticks, files.ticks_copy, resolved.identity)
    ticks.open(1)
    ticks.append(log, 1.0)
    ticks.close()
    return files


def learned(directory: Path, out: Path, warm_start: Any) -> tuple[Any, str | None]:
    raw = {**STUDY, "search": {**STUDY["search"], "warm_start": warm_start}}
    write_study(directory / "study.yaml", raw)
    spec, told = with_earlier_trials(load_study_file(directory / "study.yaml"), out)
    return spec.search.warm_start, told


@pytest.mark.parametrize("given", ["old", "other/old.yaml", "out/runs/old"])
def test_a_study_is_found_by_its_name_its_file_and_its_directory(given: str, tmp_path: Path) -> None:
    begin(tmp_path / "out")
    write_study(tmp_path / "other" / "old.yaml", OLD)
    (kept,), told = learned(tmp_path, tmp_path / "out", given)
    assert [one["learning_rate"] for one in kept.trials] == [0.01, 1e-3, 1e-4, 0.03]
    assert told == (
        f"4 trials of {given}, without 2 with learning_rate outside of log_uniform [0.0001, 0.1]; "
        "nothing is known from them of hidden.0, dropout"
    )


def test_of_many_trials_some_are_kept_of_each_study(tmp_path: Path) -> None:
    begin(tmp_path, rates=[0.01 + at / 1000 for at in range(60)])
    begin(tmp_path, {**OLD, "name": "older"}, rates=[0.02])
    kept, told = learned(
        tmp_path, tmp_path, ["old", "older", {"study": "mine", "trials": [{"dropout": 0.1}]}]
    )
    assert [len(one.trials) for one in kept] == [8, 1, 1]
    rates = [one["learning_rate"] for one in kept[0].trials]
    assert rates == sorted(rates)
    assert (rates[0], rates[-1]) == (0.01, pytest.approx(0.069))
    assert told is not None
    assert "8 trials of old, evenly from its best to its worst (52 others not needed)" in told
    assert "1 trial of mine, from the study file" in told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("oldd", r"there is none in .*; found 'oldd' \(did you mean 'old'\?\)"),
        ("x" * 5000, "a study that was searched"),
        ("new", "another study: no study can learn from itself; found 'new'"),
        ("wide", "a study with trials in this search space; found 1 with learning_rate outside of log_uni"),
        ("empty", "a study with trials in this search space; found no trials"),
    ],
)
def test_a_study_that_nothing_can_be_learned_from_is_refused(given: str, told: str, tmp_path: Path) -> None:
    begin(tmp_path)
    begin(tmp_path, {**OLD, "name": "wide"}, rates=[1.0])
    begin(tmp_path, {**OLD, "name": "empty"}, rates=[])
    with pytest.raises(StudyFileError, match=told) as refused:
        learned(tmp_path, tmp_path, [given])
    (problem,) = refused.value.problems
    assert problem.path == "search.warm_start.0"
    assert problem.line is not None


@pytest.mark.long
def test_it_is_read_once_so_that_kills_and_a_deletion_change_nothing(tmp_path: Path) -> None:
    begin(tmp_path)
    write_study(tmp_path / "new.yaml", STUDY)
    shutil.copytree(tmp_path, tmp_path / "killed")
    first = succeed("optimize", "new.yaml", cwd=tmp_path)
    assert "warm start: " in first.stdout
    told = trials(tmp_path)
    assert len(told) == TRIALS
    for after in (1, 4):
        with started("optimize", "new.yaml", cwd=tmp_path / "killed") as process:
            wait_until(lambda least=after: len(trials(tmp_path / "killed")) >= least, process)  # type: ignore[misc]
            os.kill(process.pid, signal.SIGKILL)
        shutil.rmtree(tmp_path / "killed" / "runs" / "old", ignore_errors=True)
    again = succeed("optimize", "new.yaml", cwd=tmp_path / "killed")
    assert "finished: the budget is used up" in again.stdout
    assert trials(tmp_path / "killed") == told
    record = read_record(StudyFiles(tmp_path, "new"))
    assert "trials of old" in (record.decisions.warm_start or "")
    assert "trials of old" in (tmp_path / "reports" / "new.html").read_text(encoding="utf-8")
    write_study(tmp_path / "cold.yaml", {**STUDY, "search": {"trials": TRIALS}})
    refused = run("optimize", "cold.yaml", cwd=tmp_path)
    assert refused.returncode == 2
    assert "search.warm_start" in refused.stderr


def trials(home: Path) -> list[Any]:
    """Give the values and the result of the trials that were begun, by number."""
    files = StudyFiles(home, "new")
    if read_resolved(files) is None:
        return []
    return [(trial.parameters, trial.value) for trial in read_record(files).trials]


def write_optunas(path: Path, name: str = "mine", *, direction: str = "minimize") -> None:
    """Write a study that hpsearch knows nothing of, whose best learning rate is 0.01."""
    study = optuna.create_study(storage=f"sqlite:///{path}", study_name=name, direction=direction)
    sign = -1 if direction == "maximize" else 1
    for rate in RATES:
        study.add_trial(
            optuna.create_trial(
                params={"learning_rate": rate, "depth": 3},
                distributions={
                    "learning_rate": optuna.distributions.FloatDistribution(1e-6, 1.0, log=True),
                    "depth": optuna.distributions.IntDistribution(1, 5),
                },
                value=sign * abs(rate - 0.01),
            )
        )
    study.add_trial(optuna.create_trial(state=optuna.trial.TrialState.FAIL))


class TestStoragesOfOptuna:
    @pytest.mark.parametrize("direction", ["minimize", "maximize"])
    @pytest.mark.parametrize("name", ["", "#mine"])
    def test_a_study_is_found_by_its_url(self, direction: str, name: str, tmp_path: Path) -> None:
        write_optunas(tmp_path / "theirs.db", direction=direction)
        before = (tmp_path / "theirs.db").read_bytes()
        given = f"sqlite:///theirs.db{name}"  # from the study file, as all paths
        (kept,), told = learned(tmp_path, tmp_path / "out", given)
        assert kept.study == given
        assert [one["learning_rate"] for one in kept.trials] == [0.01, 1e-3, 1e-4, 0.03]
        assert told is not None
        assert told.startswith(f"4 trials of {given}, without 2 with learning_rate outside of")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["study.yaml", "theirs.db"]
        assert (tmp_path / "theirs.db").read_bytes() == before

    @pytest.mark.long
    def test_a_search_learns_from_it(self, tmp_path: Path) -> None:
        write_optunas(tmp_path / "theirs.db")
        raw = {**STUDY, "search": {"trials": 2, "warm_start": ["sqlite:///theirs.db"]}}
        told = succeed("optimize", write_study(tmp_path / "study.yaml", raw), cwd=tmp_path)
        assert "warm start: 4 trials of sqlite:///theirs.db" in told.stdout + told.stderr
        (tmp_path / "theirs.db").unlink()  # it was read once
        succeed("optimize", "study.yaml", "--trials", "3", cwd=tmp_path)

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ("sqlite:///theirs.db", "the storage has mine, other"),
            ("sqlite:///theirs.db#hers", "expected the name of a study behind '#'"),
            ("sqlite:///nothing.db", "there is no Optuna storage at"),
            ("sqlite:///another.db", "found the tables things of another application"),
            ("sqlite:///theirs.db#two", "expected a study with one objective"),
            ("postgresql://me:secret@there/db", "found postgresql://me@there/db"),
            ("nothing://x", "cannot open the storage nothing://x"),
        ],
    )
    def test_what_cannot_be_learned_from_is_told(self, given: str, said: str, tmp_path: Path) -> None:
        for name in ("mine", "other") if "two" not in given else ("mine",):
            write_optunas(tmp_path / "theirs.db", name)
        if "two" in given:
            storage = f"sqlite:///{tmp_path / 'theirs.db'}"
            optuna.create_study(storage=storage, study_name="two", directions=["minimize", "maximize"])
        with closing(sqlite3.connect(tmp_path / "another.db")) as connection:
            connection.execute("create table things (name text)")
        with pytest.raises(HpsearchError) as caught:
            learned(tmp_path, tmp_path / "out", given)
        text = str(caught.value)
        assert said in text
        assert "secret" not in text
        assert "study.yaml:" in text
        assert "search.warm_start.0" in text
        assert not (tmp_path / "nothing.db").exists()
