"""What mattered in a search: the part of its analysis that takes seconds, and is therefore kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hpsearch.analysis.influence.columns import ParameterColumn, columns_of
from hpsearch.analysis.influence.effects import Effect, effect_of, effect_questions
from hpsearch.analysis.influence.forests import RESAMPLES, design_of, resampled_answers
from hpsearch.analysis.influence.importance import LEVEL, Importance, judge_importance, reason_against
from hpsearch.analysis.influence.interactions import (
    Interaction,
    interaction_of,
    interaction_questions,
    pairs_to_judge,
)
from hpsearch.analysis.influence.outcomes import Outcomes, order_outcomes
from hpsearch.seeds import derive
from hpsearch.store.record import StudyRecord

FEWEST_TRIALS = 20
MOST_TRIALS = 1_000
"""Trials that the forests learn from; of more, a random sample of this size."""


@dataclass(frozen=True)
class Effects:
    """The effect of each parameter and the interactions of the most important, or why there are none.

    `trials` counts the finished trials, `sampled` those that the forests were grown on. `interactions` has
    the strongest first. `level` is what share of `resamples` an interval holds.
    """

    trials: int
    sampled: int
    parameters: tuple[Effect, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    reason: str | None = None
    resamples: int = RESAMPLES
    level: float = LEVEL


@dataclass(frozen=True)
class Influence:
    """The importance, the effects and the interactions of the parameters of a study."""

    importance: Importance
    effects: Effects


NOT_JUDGED = Influence(Importance(0, reason="Not computed."), Effects(0, 0, reason="Not computed."))
"""Stands for what mattered where only the other results of an analysis are wanted."""


def judge_influence(record: StudyRecord) -> Influence:
    """Judge what mattered; the same record gives the same numbers."""
    importance = judge_importance(record)
    return Influence(importance, judge_effects(record, importance))


def judge_effects(record: StudyRecord, importance: Importance) -> Effects:
    """Judge the effects of all parameters, and the interactions of the most important."""
    outcomes = order_outcomes(record)
    reason = reason_against(record, outcomes) or _too_few(outcomes)
    if reason is not None:
        return Effects(len(outcomes.trials), 0, reason=reason)
    seed = derive(record.spec.search.seed, "effects")
    sample = _sampled(outcomes, seed)
    columns = columns_of(record.parameters, sample.trials)
    parameters, interactions = _judge(columns, sample, importance, seed)
    everywhere = columns_of(record.parameters, outcomes.trials)
    counted = [
        replace(effect, trials=int(column.active.sum()))
        for effect, column in zip(parameters, everywhere, strict=True)
    ]
    return Effects(len(outcomes.trials), len(sample.trials), tuple(counted), tuple(interactions))


def _too_few(outcomes: Outcomes) -> str | None:
    trials = len(outcomes.trials)
    if trials >= FEWEST_TRIALS:
        return None
    return f"Too few trials: effects need at least {FEWEST_TRIALS} finished trials, and there are {trials}."


def _sampled(outcomes: Outcomes, seed: int) -> Outcomes:
    if len(outcomes.trials) <= MOST_TRIALS:
        return outcomes
    random = np.random.default_rng(seed)
    chosen = np.sort(random.choice(len(outcomes.trials), MOST_TRIALS, replace=False))
    return Outcomes(tuple(outcomes.trials[index] for index in chosen), outcomes.places[chosen])


def _judge(
    columns: Sequence[ParameterColumn], outcomes: Outcomes, importance: Importance, seed: int
) -> tuple[list[Effect], list[Interaction]]:
    """Put all questions to the same forests, and make the results from their answers."""
    random = np.random.default_rng(seed)
    design = design_of(columns, outcomes.places)
    singles = effect_questions(columns, design, random)
    pairs = pairs_to_judge(columns, importance)
    joint = [question for pair in pairs for question in interaction_questions(columns, design, pair, random)]
    found = resampled_answers(design, [*singles.values(), *joint], seed)
    of_column = dict(zip(singles, found, strict=False))
    effects = [effect_of(column, of_column.get(index), outcomes) for index, column in enumerate(columns)]
    rest = found[len(singles) :]
    interactions = [
        interaction_of(columns, pair, rest[3 * place : 3 * place + 3]) for place, pair in enumerate(pairs)
    ]
    return effects, sorted(interactions, key=lambda found: -found.share)
