"""Searches with constraints: what is not trained, what does not win, and that kills change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpsearch.spec import load_study_file
from hpsearch.store.layout import StudyFiles
from hpsearch.store.reading import read_record
from hpsearch.store.record import TrialRecord
from hpsearch.study.check import check_study
from hpsearch.study.lifecycle import optimize
from hpsearch.study.options import Options
from support.commands import write_study
from support.progress import Silent

pytestmark = pytest.mark.long

STUDY: dict[str, Any] = {
    "name": "s",
    "data": "sklearn:iris",
    "model": {"mlp": {"hidden": [{"int": [4, 40]}]}},
    "training": {"learning_rate": {"log_uniform": [1e-4, 1e-1]}, "epochs": 3, "batch_size": 32},
    "search": {"trials": 11, "constraints": ["parameters <= 163", "val_loss <= 1.0"]},
    "confirm": {"finalists": 0},
}


def size(hidden: int) -> int:
    """Count the weights of a network from 4 columns to 3 classes."""
    return (4 + 1) * hidden + (hidden + 1) * 3


def test_only_what_keeps_to_the_constraints_is_ranked(tmp_path: Path) -> None:
    write_study(tmp_path / "study.yaml", STUDY)
    loaded = load_study_file(tmp_path / "study.yaml")
    outcome, _ = optimize(loaded, Options(out=tmp_path, engine="in_process"), Silent())
    assert outcome == "finished"
    record = read_record(StudyFiles(tmp_path, "s"))
    forbidden = [t for t in record.trials if size(int(str(t.parameters["hidden.0"]))) > 163]
    assert forbidden
    assert all(trial.state == "infeasible" and not trial.epochs for trial in forbidden)
    trained = [trial for trial in record.trials if trial not in forbidden]
    bad = {trial.number for trial in trained if best(trial) > 1.0}
    assert {trial.number for trial in trained if trial.state == "infeasible"} == bad
    assert {trial.number for trial in record.ranking} == {trial.number for trial in trained} - bad
    assert bad
    assert record.ranking
    assert all(checked.whole for checked in check_study(StudyFiles(tmp_path, "s")))


def best(trial: TrialRecord) -> float:
    return min(value for value in trial.history["val_loss"] if value is not None)
