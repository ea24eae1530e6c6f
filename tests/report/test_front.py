"""The Pareto front on the page, at the terminal and in JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType

import pytest

from hpsearch.analysis import NOT_JUDGED, Analysis, analyze, to_json
from hpsearch.report.figures import draw_front
from hpsearch.report.html.study import front_part, sure_part
from hpsearch.report.words.front import MOST_LINES, front_lines
from hpsearch.store.record import StudyRecord, TrialRecord
from support.made_confirmations import confirmed

TRIALS = 60


def sized(trial: TrialRecord) -> TrialRecord:
    """Give a trial a number of weights."""
    count = float(1_000 * (trial.number * 37 % TRIALS))
    return replace(trial, history={**trial.history, "parameters": (count,) * trial.epochs})


def record_of(synthetic: ModuleType, objectives: Sequence[str]) -> StudyRecord:
    record: StudyRecord = synthetic.record_of(TRIALS, synthetic.spec_of(metric=list(objectives)))
    return replace(record, trials=tuple(map(sized, record.trials)))


@pytest.fixture(scope="module")
def record(synthetic: ModuleType) -> StudyRecord:
    return record_of(synthetic, ("val_loss", "parameters"))


@pytest.fixture(scope="module")
def analysis(record: StudyRecord) -> Analysis:
    return analyze(record, confirmed(record), NOT_JUDGED)


def test_the_page_shows_the_front_and_every_other_trial(analysis: Analysis, record: StudyRecord) -> None:
    part, front = front_part(analysis), analysis.front
    assert part is not None
    assert front is not None
    assert part.figure is not None
    assert part.table is not None
    members = [trial.number for trial in record.front]
    assert [int(row[0].text) for row in part.table.rows] == members
    drawn = {int(number) for number in re.findall(r'data-trial="(\d+)"', part.figure)}
    assert drawn == {trial.number for trial in record.ranking}
    assert part.table.columns[:3] == ("trial", "val_loss", "parameters")
    assert {"val_loss, mean", "val_loss, low", "val_loss, high", "fresh seeds"} <= set(part.table.columns)
    assert f"{len(members)} trials that no other trial beats in all of them" in part.note
    assert "none is out for being worse by the first of several objectives" in sure_part(analysis).note


def test_the_estimates_are_those_of_the_runs(analysis: Analysis, record: StudyRecord) -> None:
    assert analysis.front is not None
    told = json.loads(json.dumps(to_json(analysis), allow_nan=False))["front"]
    runs = confirmed(record).trials
    for member, shown in zip(analysis.front.members, told["members"], strict=True):
        own = [run.value or 0 for run in runs if run.parameters["arm"] == f"trial {member.number}"]
        assert bool(own) == bool(member.estimates) == ("estimates" in shown)
        if own:
            assert member.estimates["val_loss"].mean == pytest.approx(sum(own) / len(own))


def test_several_panels_and_one_metric(synthetic: ModuleType) -> None:
    three = analyze(record_of(synthetic, ("val_loss", "parameters", "val_accuracy")), None, NOT_JUDGED)
    assert three.front is not None
    svg = draw_front(three.front, three.ranking)
    assert svg.count("on the Pareto front") == 1
    assert all(name in svg for name in ("val_loss", "parameters", "val_accuracy"))
    one = analyze(synthetic.record_of(TRIALS), None, NOT_JUDGED)
    assert one.front is None
    assert front_part(one) is None
    assert "front" not in to_json(one)


def test_the_terminal_lists_the_first_members(analysis: Analysis) -> None:
    assert analysis.front is not None
    many = replace(analysis.front, members=analysis.front.members * 10)
    first, *rest = front_lines(many)
    assert first.startswith("Pareto front by val_loss (lower is better) and parameters (lower is better): ")
    assert len(rest) == MOST_LINES + 1
    assert rest[-1] == f"  and {len(many.members) - MOST_LINES} more trials, in the report and in JSON"
