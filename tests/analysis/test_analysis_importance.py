"""Importance against Optuna called directly."""

from __future__ import annotations

import logging
import warnings
from dataclasses import replace

import optuna
import pytest

from hpsearch.analysis import analyze
from hpsearch.analysis.influence.fanova import judge_by_fanova, optuna_study
from hpsearch.analysis.influence.importance import ParameterImportance, judge_importance
from hpsearch.analysis.influence.influence import Effects, Influence
from hpsearch.analysis.influence.outcomes import order_outcomes
from hpsearch.report.html.reports import render_report
from hpsearch.report.tables.tables import importance_table
from hpsearch.report.words.facts import facts_of
from hpsearch.report.words.prose import importance_note
from hpsearch.spec import Numeric
from hpsearch.spec.space.parameter import Parameter
from hpsearch.spec.space.space import SearchSpace
from hpsearch.store.optuna.distributions import optuna_distribution
from support.formulas import formula_record, from_formula, spec_of


def ask_optuna(record, places=None):
    """Rebuild the study through ask and tell, as a search would have filled it; values, or places instead."""
    study = optuna.create_study(direction="minimize" if places else record.spec.search.direction)
    for trial in record.trials:
        study.enqueue_trial(dict(trial.parameters))
        asked = study.ask()
        SearchSpace(record.spec).configure(lambda parameter, asked=asked: suggest(asked, parameter))
        study.tell(asked, places[trial.number] if places else trial.value)
    return optuna.importance.get_param_importances(study)


def suggest(trial, parameter):
    if parameter.options:
        return trial.suggest_categorical(parameter.name, parameter.options)
    bounds = parameter.distribution
    return trial.suggest_float(parameter.name, bounds.low, bounds.high, log=bounds.log)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("metric", ["val_loss", "val_accuracy"])
def test_shares_are_optunas(synthetic, metric):
    record = synthetic.record_of(60, synthetic.spec_of(metric=metric), mixed=False)
    found = {p.name: p.share for p in judge_importance(record).parameters}
    assert found == pytest.approx(ask_optuna(record))
    assert sum(found.values()) == pytest.approx(1)
    assert list(found.values()) == sorted(found.values(), reverse=True)


@pytest.mark.filterwarnings("ignore")
def test_shares_of_whole_and_stepped_numbers_are_optunas(synthetic):
    raw = {**synthetic.FIXED, "name": "grids"}
    raw["model"] = {
        "mlp": {
            "hidden": {"choice": [[32], [64]]},
            "dropout": {"uniform": [0.0, 0.52, 0.1]},
        }
    }
    raw["training"] = {
        "learning_rate": {"log_uniform": [1e-4, 1e-1]},
        "batch_size": {"int": [16, 130, 16]},
        "epochs": {"log_int": [2, 40]},
    }
    record = from_formula(spec_of(raw, "val_loss"), 300, lambda v: abs(v["epochs"] - 10) + v["dropout"])
    found = {p.name: p.share for p in judge_importance(record).parameters}
    told = optuna.importance.get_param_importances(optuna_study(record, record.trials))
    assert found == pytest.approx(told)


@pytest.mark.filterwarnings("ignore")
def test_pruned_and_failed_trials_take_part_by_their_places(synthetic):
    record = synthetic.record_of(80)
    outcomes = order_outcomes(record)
    places = {trial.number: place for trial, place in zip(outcomes.trials, outcomes.places, strict=True)}
    importance = judge_importance(record)
    found = {p.name: p.share for p in importance.parameters}
    assert found == pytest.approx(ask_optuna(record, places))
    states = [trial.state for trial in record.trials]
    counts = (importance.trials, importance.pruned, importance.failed)
    assert counts == (80, states.count("pruned"), states.count("failed"))


def test_a_region_that_always_fails_matters(synthetic):
    """Without its failures, one half of a range is as good as the other, and merely visited less."""
    record = formula_record(1000, lambda v: v["x1"], failing=lambda v: v["x0"] > 0.5)
    shares = {p.name: p.share for p in judge_importance(record).parameters}
    without = replace(record, trials=tuple(t for t in record.trials if t.state == "complete"))
    dropped = {p.name: p.share for p in judge_importance(without).parameters}
    assert shares["x0"] > 0.1
    assert dropped["x0"] < 0.5 * shares["x0"]


class TestIntervals:
    """FACTS on record: at 40 trials the learning rate's 90 % range is most of [0, 1], at 300 a fifth of it."""

    @staticmethod
    def width(trials: int) -> float:
        record = formula_record(trials, lambda v: v["x0"] + 0.1 * v["x1"])
        rows = {p.name: p for p in judge_importance(record).parameters}
        assert all(row.low <= row.share <= row.high for row in rows.values())
        return rows["x0"].high - rows["x0"].low

    def test_fewer_trials_are_less_sure(self):
        few, some, many = self.width(40), self.width(100), self.width(300)
        assert few > 0.3
        assert few > some > many
        assert many < 0.2

    @pytest.mark.slow
    def test_most_intervals_hold_what_many_trials_give(self):
        def first(trials: int, seed: object) -> ParameterImportance:
            record = formula_record(trials, lambda v: v["x0"] + 0.5 * v["x1"], seed)
            return next(p for p in judge_importance(record).parameters if p.name == "x0")

        truth = first(10_000, seed="many").share
        held = [row.low <= truth <= row.high for row in map(first, [200] * 15, range(15))]
        assert sum(held) >= 10

    def test_they_are_the_same_each_time(self, synthetic):
        record = synthetic.record_of(40)
        assert judge_importance(record) == judge_importance(record)

    def test_a_best_tenth_of_few_trials_is_cautioned_of(self, synthetic):
        told = judge_importance(synthetic.record_of(30)).caution
        assert "3 trials" in told
        assert "50 trials are needed" in told
        assert judge_importance(synthetic.record_of(50)).caution is None


def test_active_trials_are_counted(synthetic):
    record = synthetic.record_of(60)
    rows = {p.name: p for p in judge_importance(record).parameters}
    warm = [t for t in record.trials if "schedule.cosine.warmup" in t.parameters]
    assert rows["schedule.cosine.warmup"].trials == len(warm)
    assert rows["schedule.cosine.warmup"].condition == "schedule is cosine"


def test_a_parameter_that_was_never_active_has_no_share(synthetic):
    record = synthetic.record_of(60, mixed=False)
    constant = tuple(t for t in record.trials if t.parameters["schedule"] == "constant")
    rows = judge_importance(replace(record, trials=constant)).parameters
    assert {p.name for p in rows if p.share is None} == {
        "schedule.cosine.warmup",
        "schedule.exponential.rate",
    }
    assert rows[-1].share is None


@pytest.mark.parametrize("trials", [0, 1, 9])
def test_too_few_trials_give_a_reason(synthetic, trials):
    importance = judge_importance(synthetic.record_of(trials, mixed=False))
    assert importance.parameters == ()
    assert "Too few trials" in importance.reason


def test_equal_values_give_a_reason(synthetic):
    record = synthetic.record_of(20, mixed=False)
    equal = tuple(replace(trial, value=0.5) for trial in record.trials)
    assert "same value" in judge_importance(replace(record, trials=equal)).reason


def test_a_fixed_study_gives_a_reason(synthetic):
    record = synthetic.record_of(12, synthetic.spec_of(synthetic.FIXED), mixed=False)
    assert "This study searches nothing" in judge_importance(record).reason


def test_whole_numbers_become_whole_distributions():
    units = Parameter("units", Numeric(16, 128, 16, integer=True))
    assert optuna_distribution(units) == optuna.distributions.IntDistribution(16, 128, step=16)
    layers = Parameter("layers", Numeric(1, 64, log=True, integer=True))
    assert optuna_distribution(layers) == optuna.distributions.IntDistribution(1, 64, log=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_fanova_is_optunas_over_completed_trials(synthetic):
    record = synthetic.record_of(40)
    importance = judge_by_fanova(record)
    rows = {p.name: p for p in importance.parameters}
    completed = [trial for trial in record.trials if trial.state == "complete"]
    assert (importance.method, importance.trials) == ("fanova", len(completed))
    assert rows["schedule.cosine.warmup"].share is None
    told = optuna.importance.get_param_importances(
        optuna_study(record, completed),
        evaluator=optuna.importance.FanovaImportanceEvaluator(n_trees=256, seed=5),
        params=[name for name, row in rows.items() if row.share is not None],
    )
    assert {name: rows[name].share for name in told} == pytest.approx(told, abs=0.1)
    assert max(told, key=told.get) == importance.parameters[0].name
    assert sum(rows[name].share for name in told) == pytest.approx(1)


def test_optuna_stays_silent_and_its_settings_stay(synthetic, caplog, capfd):
    before = optuna.logging.get_verbosity()
    optuna.logging.enable_propagation()
    try:
        with warnings.catch_warnings(), caplog.at_level(logging.DEBUG):
            warnings.simplefilter("error")
            judge_by_fanova(synthetic.record_of(15, mixed=False))
    finally:
        optuna.logging.disable_propagation()
    assert optuna.logging.get_verbosity() == before
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def doubts(record):
    return {row.name: row.doubt for row in judge_importance(record).parameters}


def with_values(record, name, values):
    """Give a parameter these values, in the order of the ranking; None where it is not active."""
    trials = []
    for trial, value in zip(record.ranking, values, strict=True):
        own = {key: known for key, known in trial.parameters.items() if key != name}
        trials.append(replace(trial, parameters=own if value is None else {**own, name: value}))
    return replace(record, trials=tuple(trials))


class TestEvidence:
    """What rests on too little is said to be unknown, and never heads the page."""

    SLOPE = "activation.leaky_relu.negative_slope"

    @pytest.mark.slow
    def test_two_trials_are_no_evidence(self, synthetic):
        record = synthetic.record_of(60, mixed=False)
        assert self.SLOPE in {parameter.name for parameter in record.parameters}
        # Only the best and the worst trial have a slope, and yet it has a share.
        record = with_values(record, self.SLOPE, [0.011, *[None] * 58, 0.29])
        importance = judge_importance(record)
        slope = next(row for row in importance.parameters if row.name == self.SLOPE)
        assert slope.share > 0.05
        assert slope.doubt == "it was active in 2 trials only"
        assert slope.told is None
        analysis = analyze(record, influence=Influence(importance, Effects(60, 0, reason="No.")))
        assert self.SLOPE not in [row.name for row in facts_of(analysis).mattered]
        assert [row.name for row in facts_of(analysis).mattered] == [r.name for r in importance.told[:3]]
        note = importance_note(importance)
        assert f"Unknown, and shown without a share: {self.SLOPE} (it was active in 2 trials only)" in note
        rows = importance_table(importance.parameters).rows
        last = next(row for row in rows if row[0].text == self.SLOPE)
        assert [each.text for each in last[1:5]] == ["\N{EN DASH}"] * 3 + ["2"]
        assert (
            self.SLOPE
            not in render_report(analysis, record).partition("Most important hyperparameters")[2][:600]
        )

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("values", "doubt"),
        [
            ([0.1] * 60, "it had the same value in every trial"),
            ([0.1, *[None] * 29, *[0.2, 0.3] * 15], "it was active in 1 of the 6 best trials only"),
            ([*[None] * 30, *[0.2, 0.3] * 15], None),
            ([*[0.1, 0.2] * 2, *[None] * 26, *[0.2, 0.3] * 15], None),
            ([0.1 + n / 1000 for n in range(60)], None),
        ],
        ids=["constant", "one of the best", "none of the best", "four of the best", "all"],
    )
    def test_each_kind_of_doubt(self, synthetic, values, doubt):
        record = with_values(synthetic.record_of(60, mixed=False), self.SLOPE, values)
        assert doubts(record)[self.SLOPE] == doubt

    def test_a_best_tenth_of_few_trials_heads_no_page(self, synthetic):
        for trials, known in ((20, False), (40, False), (41, True)):
            record = synthetic.record_of(trials, mixed=False)
            importance = judge_importance(record)
            analysis = analyze(record, influence=Influence(importance, Effects(0, 0, reason="No.")))
            assert bool(facts_of(analysis).mattered) is known
            assert facts_of(analysis).unknown.startswith("Unknown. The best 10 % are") is not known
