"""Every result against the record's own numbers."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from hpsearch.analysis import analyze, to_json
from hpsearch.analysis.curves import BEST, POINTS, REST, evenly


def test_counts_are_those_of_the_record(synthetic):
    record = synthetic.record_of(40)
    record = replace(record, trials=(*record.trials[:-1], synthetic.running(record.trials[-1])))
    counts = analyze(record).counts
    states = [trial.state for trial in record.trials]
    assert (counts.complete, counts.pruned, counts.failed, counts.running) == tuple(
        states.count(state) for state in ("complete", "pruned", "failed", "running")
    )
    assert counts.trials == 40
    assert counts.finished == 39


def test_ranking_orders_by_value_and_lists_valueless_trials_last(synthetic):
    record = synthetic.record_of(50)
    ranking = analyze(record).ranking
    valued = [row for row in ranking if row.rank is not None]
    assert [row.value for row in valued] == sorted(t.value for t in record.trials if t.value is not None)
    assert [row.rank for row in valued] == list(range(1, len(valued) + 1))
    rest = ranking[len(valued) :]
    assert [row.number for row in rest] == [t.number for t in record.trials if t.value is None]


def test_ranking_of_a_maximized_metric_starts_with_the_largest(synthetic):
    spec = synthetic.spec_of(metric="val_accuracy")
    record = synthetic.record_of(20, spec, mixed=False)
    analysis = analyze(record)
    assert analysis.best.value == max(trial.value for trial in record.trials)
    assert not analysis.minimize


def test_a_value_that_is_not_finite_is_no_value(synthetic):
    record = synthetic.record_of(3, mixed=False)
    worst = replace(record.trials[0], value=math.inf)
    analysis = analyze(replace(record, trials=(worst, *record.trials[1:])))
    assert analysis.ranking[-1].number == 0
    assert analysis.ranking[-1].rank is None
    assert analysis.counts.valued == 2


def test_progress_is_the_running_minimum(synthetic):
    record = synthetic.record_of(30)
    seen: list[float] = []
    for trial, point in zip(record.trials, analyze(record).progress, strict=True):
        seen += [] if trial.value is None else [trial.value]
        assert point.best == (min(seen) if seen else None)
        assert (point.number, point.state, point.value) == (trial.number, trial.state, trial.value)


def test_curves_are_the_histories_of_the_metric(synthetic):
    record = synthetic.record_of(30)
    curves = analyze(record).curves
    assert [curve.number for curve in curves.best] == [trial.number for trial in record.ranking[:BEST]]
    for curve in curves.shown:
        assert curve.values == record.trials[curve.number].history["val_loss"]
    assert {curve.number for curve in curves.shown} == set(range(30))


def test_many_long_curves_are_thinned_to_an_even_sample(synthetic):
    curves = analyze(synthetic.record_of(120, epochs=250)).curves
    assert len(curves.rest) == REST
    assert curves.rest_recorded == 110
    assert curves.thinned
    assert all(len(curve.values) <= POINTS for curve in curves.shown)
    assert curves.best[0].epochs[0] == 1
    assert curves.best[0].epochs[-1] == 250


def test_an_even_sample_keeps_both_ends():
    assert evenly(range(1000), 5) == [0, 250, 500, 749, 999]
    assert evenly(range(3), 5) == [0, 1, 2]


def test_failures_are_grouped_by_cause(synthetic):
    trials = synthetic.record_of(4, mixed=False).trials
    first, second, third, fourth = trials
    record = replace(
        synthetic.record_of(0),
        trials=(
            synthetic.failed(first, "a"),
            synthetic.failed(second, "b"),
            synthetic.failed(third, "b"),
            synthetic.failed(fourth, None),
        ),
    )
    groups = [(group.cause, group.numbers) for group in analyze(record).failures]
    assert groups == [("b", (1, 2)), ("a", (0,)), (None, (3,))]


def test_what_was_searched_is_described_as_in_the_study_file(synthetic):
    searched = {p.name: p for p in analyze(synthetic.record_of(0)).searched}
    assert searched["learning_rate"].distribution == "log_uniform [0.0001, 0.1]"
    assert searched["learning_rate"].condition == ""
    assert searched["schedule.cosine.warmup"].condition == "schedule is cosine"


@pytest.mark.parametrize("trials", [0, 1, 9, 40])
def test_json_is_strict_and_keeps_every_number(synthetic, trials):
    record = synthetic.record_of(trials)
    plain = json.loads(json.dumps(to_json(analyze(record)), allow_nan=False))
    assert len(plain["ranking"]) == trials
    for row in plain["ranking"]:
        assert row["value"] == record.trials[row["number"]].value
        assert row["parameters"] == dict(record.trials[row["number"]].parameters)


def test_json_writes_null_for_what_is_not_finite(synthetic):
    record = synthetic.record_of(2, mixed=False)
    odd = replace(record.trials[0], seconds=math.nan, history={"val_loss": (1.0, math.inf)})
    plain = to_json(analyze(replace(record, trials=(odd, record.trials[1]))))
    row = next(row for row in plain["ranking"] if row["number"] == 0)
    assert row["seconds"] is None
    assert "Infinity" not in json.dumps(plain)
    assert "NaN" not in json.dumps(plain)


def test_all_failed_has_no_best(synthetic):
    record = synthetic.record_of(5, mixed=False)
    analysis = analyze(replace(record, trials=tuple(map(synthetic.failed, record.trials))))
    assert analysis.best is None
    assert len(analysis.ranking) == analysis.counts.failed == 5
