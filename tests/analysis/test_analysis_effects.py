"""Effects and interactions, on functions of which both are known, and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import partial_dependence

from hpsearch.analysis import Effect, Effects, judge_influence
from hpsearch.analysis.influence.columns import columns_of
from hpsearch.analysis.influence.forests import Question, answers, design_of
from hpsearch.analysis.influence.outcomes import order_outcomes
from hpsearch.store.record import StudyRecord
from support.formulas import cube, formula_record, from_formula, spec_of


def effects_of(record: StudyRecord):
    found = judge_influence(record).effects
    return found, {effect.name: effect for effect in found.parameters}


def span(effect) -> float:
    places = [level.place for level in effect.levels]
    return max(places) - min(places)


def test_partial_dependence_is_scikit_learns():
    record = formula_record(150, lambda v: v["x0"] * v["x1"] + v["x2"])
    outcomes = order_outcomes(record)
    design = design_of(columns_of(record.parameters, outcomes.trials), outcomes.places)
    forest = RandomForestRegressor(20, random_state=0).fit(design.rows, design.places)
    points = np.linspace(0, 1, 7)
    pairs = np.array([(first, second) for first in points for second in points])
    questions = [
        Question(design.rows, (1,), points[:, None]),
        Question(design.rows, (0, 2), pairs),
    ]
    single, joint = answers(
        forest.estimators_, questions, np.concatenate([each.rows() for each in questions])
    )
    for columns, found in (((1,), single), ((0, 2), joint.reshape(7, 7))):
        told = partial_dependence(
            forest, design.rows, columns, custom_values=dict.fromkeys(columns, points), method="brute"
        )
        assert found == pytest.approx(told["average"][0], abs=1e-6)


class TestMainEffects:
    @pytest.fixture(scope="class")
    @staticmethod
    def found() -> tuple[Effects, dict[str, Effect]]:
        return effects_of(formula_record(400, lambda v: v["x0"] + 0.1 * v["x1"]))

    def test_a_strong_one_is_its_own_place(self, found):
        """The value is nearly x0, and x0 is uniform: so the place of a trial is x0 itself."""
        effect = found[1]["x0"]
        inner = [level for level in effect.levels if 0.1 < level.at < 0.9]
        for level in inner:
            assert level.place == pytest.approx(level.at, abs=0.07)
            assert level.low <= level.place <= level.high
            assert level.metric == pytest.approx(level.at + 0.05, abs=0.06)
        assert effect.best.at < 0.1
        assert {level.at for level in effect.worse} >= {level.at for level in inner if level.at > 0.3}

    def test_a_tenth_of_it_is_about_a_tenth_of_it(self, found):
        weak = found[1]["x1"]
        assert span(weak) == pytest.approx(0.1 * span(found[1]["x0"]), abs=0.04)
        assert weak.best.at < 0.25
        assert {level.at for level in weak.worse} >= {level.at for level in weak.levels if level.at > 0.7}

    def test_noise_has_no_worse_levels(self, found):
        assert found[1]["x2"].worse == ()

    def test_levels_go_over_the_range_and_count_the_trials(self, found):
        levels = found[1]["x0"].levels
        assert (levels[0].at, levels[-1].at, len(levels)) == (0.0, 1.0, 13)
        assert sum(level.trials for level in levels) == 400
        assert found[0].sampled == found[0].trials == 400


@pytest.mark.slow
def test_fewer_trials_are_less_sure():
    def width(trials: int) -> float:
        _, effects = effects_of(formula_record(trials, lambda v: v["x0"]))
        return float(np.mean([level.high - level.low for level in effects["x0"].levels]))

    assert width(40) > 1.5 * width(400)


def test_a_larger_score_is_a_better_place():
    spec = cube(2)
    spec = spec.model_copy(update={"search": spec.search.model_copy(update={"metric": "val_accuracy"})})
    assert spec.search.direction == "maximize"
    _, effects = effects_of(from_formula(spec, 100, lambda v: v["x0"]))
    assert effects["x0"].best.at > 0.7
    assert effects["x0"].best.metric > 0.7


@pytest.mark.slow
def test_failures_count_as_the_last_and_no_more():
    """Half of the range fails: a mean of values would need a number for that, a place does not."""
    record = formula_record(300, lambda v: v["x1"], failing=lambda v: v["x0"] > 0.7)
    _, effects = effects_of(record)
    failing = [level for level in effects["x0"].levels if level.at > 0.8]
    fine = [level for level in effects["x0"].levels if level.at < 0.6]
    assert all(level.metric is None for level in failing)
    assert {level.at for level in failing} <= {level.at for level in effects["x0"].worse}
    # Seven in ten share the first seven tenths of all places evenly.
    assert np.mean([level.place for level in fine]) == pytest.approx(0.35, abs=0.05)


@pytest.mark.slow
def test_a_huge_value_weighs_no_more_than_a_bad_one():
    plain = formula_record(200, lambda v: v["x0"] if v["x0"] < 0.9 else 1.0 + v["x0"])
    huge = formula_record(200, lambda v: v["x0"] if v["x0"] < 0.9 else 1e30 * v["x0"])
    places = [[level.place for level in effects_of(record)[1]["x0"].levels] for record in (plain, huge)]
    assert places[0] == places[1]


def test_a_conditional_parameter_is_judged_where_it_is_active():
    choice = {"choice": ["constant", {"cosine": {"warmup": {"uniform": [0.0, 1.0]}}}]}
    raw = {
        "name": "conditional",
        "data": "sklearn:digits",
        "model": {"mlp": {"hidden": [8]}},
        "training": {"epochs": 5, "schedule": choice, "learning_rate": {"log_uniform": [1e-4, 1.0]}},
    }

    def formula(values: dict[str, float]) -> float:
        return values.get("schedule.cosine.warmup", 2.0) + 0.01 * math.log(values["learning_rate"])

    _, effects = effects_of(from_formula(spec_of(raw), 300, formula))
    warmup, schedule = effects["schedule.cosine.warmup"], effects["schedule"]
    assert warmup.condition == "schedule is cosine"
    assert warmup.trials == sum(level.trials for level in warmup.levels) < 200
    # Half of the trials are cosine and better than all others: their places are the first half.
    assert span(warmup) == pytest.approx(warmup.trials / 300, abs=0.12)
    assert [level.place for level in warmup.levels] == sorted(level.place for level in warmup.levels)
    assert [(level.at, level.trials) for level in schedule.levels] == [
        ("constant", 300 - warmup.trials),
        ("cosine", warmup.trials),
    ]
    assert schedule.best.at == "cosine"
    assert effects["learning_rate"].log
    rates = [level.at for level in effects["learning_rate"].levels]
    assert np.diff(np.log10(rates)) == pytest.approx(4 / 12, abs=1e-3)


def test_options_are_told_apart_whatever_their_order():
    spec = cube(1, kind={"choice": ["a", "b", "c", "d", "e"]})
    height = {"a": 0, "b": 4, "c": 1, "d": 5, "e": 0.5}
    _, effects = effects_of(from_formula(spec, 250, lambda v: height[v["kind"]] + 0.1 * v["x0"]))
    order = sorted(effects["kind"].levels, key=lambda level: level.place)
    assert [level.at for level in order] == ["a", "e", "c", "b", "d"]
    assert not effects["kind"].ordered


def interaction(record: StudyRecord, first: str, second: str):
    found = judge_influence(record).effects.interactions
    return next((each for each in found if {each.first, each.second} == {first, second}), None)


class TestInteractions:
    def test_of_a_sum_there_is_nearly_none(self):
        found = interaction(formula_record(400, lambda v: v["x0"] + v["x1"] + v["x2"]), "x0", "x1")
        assert found.share < 0.05
        assert found.high < 0.15

    @pytest.mark.slow
    def test_of_a_product_around_zero_it_is_nearly_all(self):
        record = from_formula(cube(3, -1.0), 600, lambda v: v["x0"] * v["x1"])
        found = interaction(record, "x0", "x1")
        assert found.low > 0.5
        assert found.share > 0.7

    @pytest.mark.slow
    def test_of_ishigamis_function_it_is_between_the_first_and_the_third(self):
        """Its indices are known: S1 = 0.314, S2 = 0.442, S13 = 0.244, all others 0 (Ishigami and Homma, 1990)."""

        def ishigami(values: dict[str, float]) -> float:
            x, y, z = (math.pi * values[f"x{index}"] for index in range(3))
            return math.sin(x) + 7 * math.sin(y) ** 2 + 0.1 * z**4 * math.sin(x)

        influence = judge_influence(from_formula(cube(3, -1.0), 1000, ishigami))
        shares = {frozenset((i.first, i.second)): i for i in influence.effects.interactions}
        together, apart = shares[frozenset(("x0", "x2"))], shares[frozenset(("x0", "x1"))]
        assert together == influence.effects.interactions[0]
        # 0.35 for the places, by Monte Carlo; forests smooth part of it away.
        assert 0.15 < together.low < together.share < 0.4
        assert apart.high < 0.05
        spans = {effect.name: span(effect) for effect in influence.effects.parameters}
        assert spans["x2"] < 0.25 * min(spans["x0"], spans["x1"])


class TestLimits:
    @pytest.mark.parametrize("trials", [10, 19])
    def test_too_few_trials_give_a_reason(self, trials):
        found, _ = effects_of(formula_record(trials, lambda v: v["x0"]))
        assert found.parameters == found.interactions == ()
        assert "at least 20 finished trials" in found.reason

    def test_a_parameter_that_was_hardly_ever_active_has_no_levels(self, synthetic):
        record = synthetic.record_of(30)
        _, effects = effects_of(record)
        few = effects["activation.leaky_relu.negative_slope"]
        assert few.trials < 10
        assert few.levels == ()
        assert few.best is None

    @pytest.mark.slow
    def test_of_many_trials_a_sample_is_looked_at(self):
        found, effects = effects_of(formula_record(1200, lambda v: v["x0"]))
        assert (found.trials, found.sampled) == (1200, 1000)
        assert effects["x0"].trials == 1200

    @pytest.mark.slow
    def test_the_same_record_gives_the_same_numbers(self, synthetic):
        record = synthetic.record_of(40)
        assert judge_influence(record) == judge_influence(record)
