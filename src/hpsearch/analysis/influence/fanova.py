"""Importance by fANOVA, on demand, because it takes long.

Hutter, Hoos and Leyton-Brown, ICML 2014: the share of the variance of a random forest's predictions that
each parameter explains by itself, computed by Optuna over the completed trials. It needs a value of every
trial, so the pruned and the failed ones take no part, and it cannot judge parameters that are active in some
trials only.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import optuna
from optuna.distributions import BaseDistribution

from hpsearch.analysis.influence.importance import Importance, ParameterImportance, in_order, reason_against
from hpsearch.analysis.influence.outcomes import order_outcomes
from hpsearch.analysis.searched import condition_of
from hpsearch.seeds import derive
from hpsearch.spec.space.parameter import Value
from hpsearch.store.optuna.distributions import optuna_distribution
from hpsearch.store.record import StudyRecord, TrialRecord

SECONDS_FOR_A_THOUSAND = 50.0
GROWTH = 1.84
"""Measured: 50 s for 1,000 trials, 16 min for 5,000."""


def say_nothing(_told: str) -> None:
    """Ignore an announcement."""


def cost(completed: int) -> str:
    """Say about how long fANOVA takes over so many trials."""
    seconds = SECONDS_FOR_A_THOUSAND * (completed / 1000) ** GROWTH
    told = f"{seconds / 60:.0f} min" if seconds > 120 else f"{max(seconds, 1):.0f} s"
    return f"fANOVA over {completed:,} completed trials takes about {told}; the result is saved"


def judge_by_fanova(record: StudyRecord, announce: Callable[[str], None] = say_nothing) -> Importance:
    """Estimate the importance of each parameter that is always active, over the completed trials, by fANOVA.

    Args:
        record: The study.
        announce: Receives a sentence that says how long it will take.
    """
    outcomes = order_outcomes(record)
    trials = [outcomes.trials[index] for index in outcomes.completed]
    reason = reason_against(record, outcomes)
    if reason is not None:
        return Importance(len(trials), reason=reason, method="fanova")
    announce(cost(len(trials)))
    names = [p.name for p in record.parameters if all(p.name in trial.parameters for trial in trials)]
    shares = _shares(record, trials, names)
    if not shares:
        reason = "No parameter that is active in every trial explains any of the variance between trials."
        return Importance(len(trials), reason=reason, method="fanova")
    rows = [
        ParameterImportance(
            name=parameter.name,
            share=shares.get(parameter.name),
            condition=condition_of(parameter),
            trials=sum(parameter.name in trial.parameters for trial in trials),
        )
        for parameter in record.parameters
    ]
    return Importance(len(trials), in_order(rows), method="fanova")


def _shares(record: StudyRecord, trials: Sequence[TrialRecord], names: list[str]) -> dict[str, float]:
    """Return the share of each parameter; empty where none has any importance.

    The parameters are named in a fixed order, because Optuna would take them from a set and the last bits of
    the sum would follow its order.
    """
    seed = derive(record.spec.search.seed, "fanova") % 2**32
    with _quiet_optuna():
        raw = optuna.importance.get_param_importances(
            optuna_study(record, trials),
            evaluator=optuna.importance.FanovaImportanceEvaluator(seed=seed),
            params=names,
            normalize=False,
        )
    total = sum(raw.values())
    return {name: value / total for name, value in raw.items()} if total > 0 else {}


def optuna_study(record: StudyRecord, trials: Sequence[TrialRecord]) -> optuna.Study:
    """Rebuild completed trials as an Optuna study in memory."""
    sampler = optuna.samplers.RandomSampler()
    study = optuna.create_study(direction=record.spec.search.direction, sampler=sampler)
    distributions = {parameter.name: optuna_distribution(parameter) for parameter in record.parameters}
    study.add_trials([_optuna_trial(trial, distributions) for trial in trials])
    return study


def _optuna_trial(trial: TrialRecord, distributions: dict[str, BaseDistribution]) -> optuna.trial.FrozenTrial:
    values: dict[str, Value] = {name: v for name, v in trial.parameters.items() if name in distributions}
    return optuna.trial.create_trial(
        value=trial.value, params=values, distributions={name: distributions[name] for name in values}
    )


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Keep Optuna's log lines and warnings to ourselves, and leave the settings as they were."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)
