"""Importance against Optuna called directly."""

from __future__ import annotations

import logging
import warnings
from dataclasses import replace

import optuna
import pytest

from hpsearch.analysis import analyze
from hpsearch.analysis.importance import optuna_distribution
from hpsearch.search_space import Parameter, SearchSpace
from hpsearch.spec import Numeric


def ask_optuna(record):
    """Rebuild the study through ask and tell, as a search would have filled it."""
    study = optuna.create_study(direction=record.spec.search.direction)
    for trial in record.trials:
        if trial.state == "complete":
            study.enqueue_trial(dict(trial.parameters))
            asked = study.ask()
            SearchSpace(record.spec).configure(lambda parameter, asked=asked: suggest(asked, parameter))
            study.tell(asked, trial.value)
    return optuna.importance.get_param_importances(study)


def suggest(trial, parameter):
    if parameter.options:
        return trial.suggest_categorical(parameter.name, parameter.options)
    bounds = parameter.distribution
    return trial.suggest_float(parameter.name, bounds.low, bounds.high, log=bounds.log)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("metric", ["val_loss", "val_accuracy"])
def test_shares_are_optunas(synthetic, metric):
    record = synthetic.record_of(60, synthetic.spec_of(metric=metric), mixed=metric == "val_loss")
    found = {p.name: p.share for p in analyze(record).importance.parameters}
    assert found == pytest.approx(ask_optuna(record))
    assert sum(found.values()) == pytest.approx(1)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_active_trials_are_counted(synthetic):
    record = synthetic.record_of(60)
    rows = {p.name: p for p in analyze(record).importance.parameters}
    warm = [t for t in record.trials if t.state == "complete" and "schedule.cosine.warmup" in t.parameters]
    assert rows["schedule.cosine.warmup"].trials == len(warm)
    assert rows["schedule.cosine.warmup"].condition == "schedule is cosine"


def test_a_parameter_that_was_never_active_has_no_share(synthetic):
    record = synthetic.record_of(60, mixed=False)
    constant = tuple(t for t in record.trials if t.parameters["schedule"] == "constant")
    rows = analyze(replace(record, trials=constant)).importance.parameters
    assert {p.name for p in rows if p.share is None} == {
        "schedule.cosine.warmup",
        "schedule.exponential.rate",
    }
    assert rows[-1].share is None


@pytest.mark.parametrize("trials", [0, 1, 9])
def test_too_few_trials_give_a_reason(synthetic, trials):
    importance = analyze(synthetic.record_of(trials, mixed=False)).importance
    assert importance.parameters == ()
    assert "Too few trials" in importance.reason


def test_equal_values_give_a_reason(synthetic):
    record = synthetic.record_of(20, mixed=False)
    equal = tuple(replace(trial, value=0.5) for trial in record.trials)
    assert "same value" in analyze(replace(record, trials=equal)).importance.reason


def test_a_fixed_study_gives_a_reason(synthetic):
    record = synthetic.record_of(12, synthetic.spec_of(synthetic.FIXED), mixed=False)
    assert "Nothing is searched" in analyze(record).importance.reason


def test_whole_numbers_become_whole_distributions():
    units = Parameter("units", Numeric(16, 128, 16, integer=True))
    assert optuna_distribution(units) == optuna.distributions.IntDistribution(16, 128, step=16)
    layers = Parameter("layers", Numeric(1, 64, log=True, integer=True))
    assert optuna_distribution(layers) == optuna.distributions.IntDistribution(1, 64, log=True)


def test_optuna_stays_silent_and_its_settings_stay(synthetic, caplog, capfd):
    before = optuna.logging.get_verbosity()
    optuna.logging.enable_propagation()
    try:
        with warnings.catch_warnings(), caplog.at_level(logging.DEBUG):
            warnings.simplefilter("error")
            analyze(synthetic.record_of(15, mixed=False))
    finally:
        optuna.logging.disable_propagation()
    assert optuna.logging.get_verbosity() == before
    assert not caplog.records
    assert capfd.readouterr() == ("", "")
