"""Which parameters decided whether a trial was among the best: PED-ANOVA.

PED-ANOVA: Watanabe, Bansal and Hutter, IJCAI 2023, arXiv:2304.10255. A conditional parameter is judged among
the trials where it is active, weighted by how many of the best trials those are: arXiv:2601.20800.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hpsearch.analysis.ranking import finite_value
from hpsearch.analysis.searched import condition_of
from hpsearch.search_space import Parameter, Value
from hpsearch.spec import Choice
from hpsearch.store.record import StudyRecord, TrialRecord

FEWEST_TRIALS = 10


@dataclass(frozen=True)
class ParameterImportance:
    """The share of one parameter in all importance, and the number of trials in which it was active.

    `share` is None where the parameter was active in no completed trial.
    """

    name: str
    share: float | None
    condition: str
    trials: int


@dataclass(frozen=True)
class Importance:
    """Parameters with the largest share first, or the reason why nothing can be said.

    `trials` counts the completed trials with a finite value, which are all that is looked at.
    """

    trials: int
    parameters: tuple[ParameterImportance, ...] = ()
    reason: str | None = None


def judge_importance(record: StudyRecord) -> Importance:
    """Judge the importance of each searched parameter over the completed trials."""
    trials = [t for t in record.trials if t.state == "complete" and finite_value(t) is not None]
    reason = _reason_against(record, trials)
    if reason is not None:
        return Importance(len(trials), reason=reason)
    shares = _shares(record, trials)
    if not shares:
        return Importance(len(trials), reason="No searched parameter took more than one value.")
    rows = [_row(parameter, shares, trials) for parameter in record.parameters]
    ordered = sorted(rows, key=lambda row: -1.0 if row.share is None else row.share, reverse=True)
    return Importance(len(trials), tuple(ordered))


def _reason_against(record: StudyRecord, trials: Sequence[TrialRecord]) -> str | None:
    if not record.parameters:
        return "Nothing is searched in this study, so there is nothing to compare."
    if len(trials) < FEWEST_TRIALS:
        return (
            f"Too few trials: importance needs at least {FEWEST_TRIALS} completed trials with a finite "
            f"value, and there {'is' if len(trials) == 1 else 'are'} {len(trials)}."
        )
    if len({trial.value for trial in trials}) == 1:
        return "All completed trials gave the same value, so no parameter made a difference."
    return None


def _row(
    parameter: Parameter, shares: dict[str, float], trials: Sequence[TrialRecord]
) -> ParameterImportance:
    active = sum(parameter.name in trial.parameters for trial in trials)
    return ParameterImportance(parameter.name, shares.get(parameter.name), condition_of(parameter), active)


def _shares(record: StudyRecord, trials: Sequence[TrialRecord]) -> dict[str, float]:
    """Give the share of each parameter that was ever active; empty where none has any importance.

    The parameters are named in a fixed order, because Optuna would take them from a set and the last bits of
    the sum would follow its order.
    """
    active = [p.name for p in record.parameters if any(p.name in trial.parameters for trial in trials)]
    with _quiet_optuna():
        raw = optuna.importance.get_param_importances(
            optuna_study(record, trials),
            evaluator=optuna.importance.PedAnovaImportanceEvaluator(),
            params=active,
            normalize=False,
        )
    total = sum(raw.values())
    return {name: value / total for name, value in raw.items()} if total > 0 else {}


def optuna_study(record: StudyRecord, trials: Sequence[TrialRecord]) -> optuna.Study:
    """Rebuild completed trials as an Optuna study in memory."""
    study = optuna.create_study(
        direction=record.spec.search.direction, sampler=optuna.samplers.RandomSampler()
    )
    distributions = {parameter.name: optuna_distribution(parameter) for parameter in record.parameters}
    study.add_trials([_optuna_trial(trial, distributions) for trial in trials])
    return study


def _optuna_trial(trial: TrialRecord, distributions: dict[str, BaseDistribution]) -> optuna.trial.FrozenTrial:
    values: dict[str, Value] = {name: v for name, v in trial.parameters.items() if name in distributions}
    return optuna.trial.create_trial(
        value=trial.value, params=values, distributions={name: distributions[name] for name in values}
    )


def optuna_distribution(parameter: Parameter) -> BaseDistribution:
    """Give the distribution of a parameter in Optuna's terms; options are known by their labels."""
    distribution = parameter.distribution
    if isinstance(distribution, Choice):
        return CategoricalDistribution(parameter.options)
    low, high, step = distribution.low, distribution.high, distribution.step
    if distribution.integer:
        return IntDistribution(int(low), int(high), log=distribution.log, step=int(step or 1))
    return FloatDistribution(low, high, log=distribution.log, step=step)


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
