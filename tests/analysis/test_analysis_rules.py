"""Rules, on planted regions, and on noise where there is none; failures by kind."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from hpsearch.analysis import Condition, analyze, find_rules
from hpsearch.analysis.failures import group_failures
from support.formulas import CAUSE, cube, formula_record, from_formula, spec_of

CLIPPED = {
    "name": "clipped",
    "data": "sklearn:digits",
    "model": {"mlp": {"hidden": [8], "dropout": {"uniform": [0.0, 0.5]}}},
    "training": {
        "epochs": 2,
        "learning_rate": {"log_uniform": [1e-4, 1.0]},
        "clipping": {"choice": ["none", {"global_clipnorm": {"log_uniform": [0.1, 10]}}, {"clipvalue": 0.5}]},
    },
}


def clipped(trials, failing, seed=0):
    return from_formula(spec_of(CLIPPED), trials, lambda v: v["dropout"], seed, failing)


def inside(record, rule):
    """Count by hand the trials of the region, and the failed ones among them."""

    def holds(trial) -> bool:
        for condition in rule.conditions:
            value = trial.parameters.get(condition.parameter)
            if value is None:
                return False
            met = {
                "is": value == condition.value,
                "above": condition.relation == "above" and value > condition.value,
                "at most": condition.relation == "at most" and value <= condition.value,
            }
            if not met[condition.relation]:
                return False
        return True

    region = [trial for trial in record.trials if holds(trial)]
    return len(region), sum(trial.state == "failed" for trial in region)


class TestPlantedRegions:
    def test_two_conditions_are_found(self):
        record = clipped(200, lambda v: v["learning_rate"] > 0.03 and v["clipping"] == "none")
        (rule,) = find_rules(record)
        rate, clipping = sorted(rule.conditions, key=lambda c: c.parameter != "learning_rate")
        assert clipping == Condition("clipping", "is", "none")
        assert (rate.parameter, rate.relation) == ("learning_rate", "above")
        assert 0.02 < rate.value < 0.05
        assert rule.precision == rule.coverage == 1.0
        assert inside(record, rule) == (rule.inside, rule.hits)
        told = rule.told()
        assert told.startswith("100 % of the failures have")
        assert f"({rule.hits} of {rule.inside} such trials failed)" in told
        assert f"learning_rate > {rate.value}" in told
        assert "clipping none" in told

    def test_its_thresholds_are_readable(self):
        (rule,) = find_rules(clipped(200, lambda v: v["learning_rate"] > 0.03))
        (condition,) = rule.conditions
        assert len(f"{condition.value:g}".strip("0.")) <= 2

    def test_one_condition_is_not_made_two(self):
        record = clipped(300, lambda v: v["dropout"] <= 0.1)
        ((condition,),) = (rule.conditions for rule in find_rules(record))
        assert (condition.parameter, condition.relation) == ("dropout", "at most")
        assert condition.value == pytest.approx(0.1, abs=0.01)

    def test_a_conditional_parameter_is_outside_where_it_is_not_active(self):
        record = clipped(400, lambda v: v.get("clipping.global_clipnorm", 0.0) > 3.0)
        ((condition,),) = (rule.conditions for rule in find_rules(record))
        assert condition.parameter == "clipping.global_clipnorm"
        assert condition.value == pytest.approx(3.0, rel=0.2)

    def test_a_blurred_one_is_told_with_its_numbers(self):
        draw = random.Random(4)  # noqa: S311 - no secret
        chance = [draw.random() for _ in range(400)]
        spread = iter(chance)
        record = clipped(400, lambda v: next(spread) < (0.9 if v["learning_rate"] > 0.1 else 0.03))
        (rule,) = find_rules(record)
        assert inside(record, rule) == (rule.inside, rule.hits)
        assert rule.marked == sum(trial.state == "failed" for trial in record.trials)
        assert 0.7 <= rule.precision < 1
        assert 0.7 < rule.coverage < 1
        assert rule.conditions[0].parameter == "learning_rate"


class TestSeveralCauses:
    def test_each_has_its_rule(self):
        record = clipped(
            200, lambda v: v["dropout"] > 0.4 or (v["learning_rate"] > 0.03 and v["clipping"] == "none")
        )
        rules = find_rules(record)
        assert sorted(sorted(c.parameter for c in rule.conditions) for rule in rules) == [
            ["clipping", "learning_rate"],
            ["dropout"],
        ]
        for rule in rules:
            assert inside(record, rule) == (rule.inside, rule.hits)
            assert rule.precision == 1.0
        failed = {trial.number for trial in record.trials if trial.state == "failed"}
        assert set().union(*(rule.trials for rule in rules)) == failed

    def test_what_fails_beside_a_cause_is_no_other_cause(self):
        draw = random.Random("beside")  # noqa: S311 - no secret
        record = clipped(300, lambda v: v["learning_rate"] > 0.1 or draw.random() < 0.08)
        (rule,) = find_rules(record)
        assert [c.parameter for c in rule.conditions] == ["learning_rate"]
        assert rule.coverage < 1

    def test_an_accident_inside_a_region_is_no_second_condition(self):
        draw = random.Random("accident")  # noqa: S311 - no secret
        record = clipped(300, lambda v: v["clipping"] == "none" and draw.random() < 0.8)
        (rule,) = find_rules(record)
        assert rule.conditions == (Condition("clipping", "is", "none"),)


class TestNone:
    @pytest.mark.parametrize("seed", range(8))
    def test_where_failures_fall_anywhere(self, seed):
        draw = random.Random(f"noise-{seed}")  # noqa: S311 - no secret
        record = clipped(60, lambda _: draw.random() < 0.15, seed)
        assert find_rules(record) == ()

    def test_where_a_region_fails_in_half_of_the_cases(self):
        draw = random.Random("half")  # noqa: S311 - no secret
        record = clipped(400, lambda v: v["learning_rate"] > 0.1 and draw.random() < 0.5)
        assert find_rules(record) == ()

    @pytest.mark.parametrize("failing", [lambda _: True, lambda _: False])
    def test_where_all_trials_end_alike(self, failing):
        assert find_rules(clipped(50, failing)) == ()

    def test_of_too_few_failures(self):
        record = clipped(300, lambda v: v["learning_rate"] > 0.9)
        assert 0 < sum(trial.state == "failed" for trial in record.trials) < 5
        assert find_rules(record) == ()

    def test_of_a_study_without_parameters(self, synthetic):
        record = synthetic.record_of(20, synthetic.spec_of(synthetic.FIXED))
        assert find_rules(record, lambda trial: trial.number < 10) == ()


def test_another_label_gives_its_own_rule():
    record = formula_record(200, lambda v: v["x1"])
    (rule,) = find_rules(record, lambda trial: trial.value > 0.8)
    (condition,) = rule.conditions
    assert (condition.parameter, condition.relation) == ("x1", "above")
    assert condition.value == pytest.approx(0.8, abs=0.02)
    assert "of the dead have x1 > " in rule.told("dead", "died")


@pytest.mark.slow
def test_of_many_parameters_and_trials_the_one_is_found():
    record = from_formula(cube(10), 3_000, lambda v: v["x0"], 0, lambda v: v["x3"] > 0.95)
    ((condition,),) = (rule.conditions for rule in find_rules(record))
    assert condition == Condition("x3", "above", 0.95)


def test_failures_of_one_kind_are_one_cause_whenever_they_struck():
    record = formula_record(30, lambda v: v["x0"], failing=lambda v: v["x1"] > 0.7)
    failed = [trial for trial in record.trials if trial.state == "failed"]
    assert len({trial.cause for trial in failed}) == len(failed) > 3
    late = replace(failed[0], cause=f"{CAUSE} (epoch 7, step 1)", epochs=7)
    other = replace(failed[1], cause="the worker died")
    changed = {late.number: late, other.number: other}
    record = replace(record, trials=tuple(changed.get(trial.number, trial) for trial in record.trials))
    groups = {group.cause: group for group in group_failures(record)}
    assert Counter({cause: len(group.numbers) for cause, group in groups.items()}) == {
        CAUSE: len(failed) - 1,
        "the worker died": 1,
    }
    assert (groups[CAUSE].first_epoch, groups[CAUSE].last_epoch) == (1, 7)
    assert analyze(record).failures == group_failures(record)
