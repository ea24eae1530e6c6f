"""A search that ends by itself: how early, what it says, and that a stop in between changes nothing."""

from __future__ import annotations

from pathlib import Path
from statistics import stdev
from typing import Any

import pytest

import hpsearch
from hpsearch.analysis import NOT_JUDGED, analyze_conclusion, to_json
from hpsearch.store.record import TrialRecord
from support.commands import write_study

pytestmark = pytest.mark.long

STUDY: dict[str, Any] = {
    "name": "s",
    "data": "sklearn:iris",
    "model": {"mlp": {"hidden": [4], "dropout": {"uniform": [0.3, 0.5]}}},
    "training": {"epochs": 3, "batch_size": 32},
    "search": {"trials": 40, "sampler": "random", "until": "no_gain"},
}


def told(trials: tuple[TrialRecord, ...]) -> list[tuple[Any, ...]]:
    return [(t.number, t.state, t.value, t.parameters, t.origin, t.seed) for t in trials]


def run(home: Path, finalists: int = 0, **search: Any) -> hpsearch.Study:
    confirm = {"finalists": finalists, "replicates": 2}
    write_study(home / "study.yaml", {**STUDY, "search": {**STUDY["search"], **search}, "confirm": confirm})
    return hpsearch.optimize(home / "study.yaml", out=home, engine="in_process", progress=False)


def test_it_ends_before_its_budget_and_says_why(tmp_path: Path) -> None:
    found = run(tmp_path, finalists=2)
    assert found.outcome == "no_gain"
    trials = found.record.trials
    again = [trial for trial in trials if trial.origin == "replicate"]
    assert 23 <= len(trials) < 40
    assert len({trial.configuration for trial in again[:3]}) == 1
    assert len({trial.seed for trial in trials}) == len(trials)
    confirmation = found.conclusion.confirmation
    assert confirmation is not None
    assert len({run.configuration for run in confirmation.trials}) == 2
    report = found.files.report.read_text()
    assert f"The search ended by itself after {len(trials)} of at most 40 trials" in report
    if len(again) == 3:
        noise = to_json(analyze_conclusion(found.conclusion, NOT_JUDGED))["no_gain"]["noise"]
        assert noise == pytest.approx(stdev(trial.value for trial in again if trial.value is not None))

    parts = tmp_path / "parts"
    parts.mkdir()
    # In between it stops at a budget, among the replicates.
    assert run(parts, trials=21).outcome == "finished"
    resumed = run(parts)
    assert resumed.outcome == "no_gain"
    assert told(resumed.record.trials) == told(trials)
    assert run(parts, until="budget", trials=len(trials) + 1).outcome == "finished"
