"""A search with several objectives, from its trials to its confirmed front."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

import optuna
import pytest

import hpsearch
from hpsearch.analysis import find_front
from hpsearch.report.words.best import best_json, best_lines
from hpsearch.study.check import check_study
from support.commands import write_study

pytestmark = pytest.mark.long

STUDY: dict[str, Any] = {
    "name": "s",
    "data": "sklearn:iris",
    "model": {"mlp": {"hidden": [{"int": [4, 40]}]}},
    "training": {"learning_rate": {"log_uniform": [1e-3, 1e-1]}, "epochs": 3, "batch_size": 32},
    "search": {"trials": 14, "metric": ["val_loss", "parameters"], "constraints": "parameters <= 250"},
    "confirm": {"finalists": 2, "replicates": 3},
}


def size(hidden: int) -> int:
    """Count the weights of a network from 4 columns to 3 classes."""
    return (4 + 1) * hidden + (hidden + 1) * 3


def test_the_front_is_found_confirmed_and_shown(tmp_path: Path) -> None:
    write_study(tmp_path / "study.yaml", STUDY)
    found = hpsearch.optimize(tmp_path / "study.yaml", out=tmp_path, engine="in_process", progress=False)
    record, conclusion = found.record, found.conclusion
    assert record.spec.search.sampler.name == "tpe"
    for trial in record.ranking:
        assert trial.at_best(["parameters"]) == {"parameters": size(int(str(trial.parameters["hidden.0"])))}
    assert {trial.state for trial in record.trials} == {"complete", "infeasible"}

    shown = optuna.load_study(study_name="s", storage=f"sqlite:///{found.directory / 'study.db'}")
    assert shown.metric_names == ["val_loss", "parameters"]
    assert sorted(trial.number for trial in record.front) == [trial.number for trial in shown.best_trials]
    assert 2 < len(record.front) < len(record.ranking)
    assert record.best is record.front[0]

    front, confirmation = find_front(conclusion), conclusion.confirmation
    assert front is not None
    assert confirmation is not None
    ends = {record.front[0].number, record.front[-1].number}
    assert {member.number for member in front.members if member.estimates} == ends
    for number in ends:
        runs = [run for run in confirmation.trials if run.parameters["arm"] == f"trial {number}"]
        (member,) = (one for one in front.members if one.number == number)
        assert len(runs) == 3
        assert member.estimates["val_loss"].mean == pytest.approx(fmean(run.value or 0 for run in runs))
        assert member.estimates["parameters"].mean == member.values["parameters"]
        assert member.dominated is False

    told = json.loads(best_json(conclusion, None))
    assert [one["number"] for one in told["front"]["members"]] == [trial.number for trial in record.front]
    assert told["front"]["objectives"] == {"val_loss": "minimize", "parameters": "minimize"}
    assert any(line.startswith("Pareto front by val_loss") for line in best_lines(conclusion, None))
    assert all(checked.whole for checked in check_study(found.files))
