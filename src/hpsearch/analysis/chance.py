"""The winner against a constant prediction: without that, a score says little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hpsearch.scheduling.conclusion.learning import NOT_LEARNED, NOT_LEARNED_ACCURACY
from hpsearch.scheduling.conclusion.verdict import Verdict
from hpsearch.scheduling.racing.estimates import Estimate, estimate
from hpsearch.store.record import StudyRecord

Against = Literal["better", "hardly better", "cannot tell", "no better"]


@dataclass(frozen=True)
class ChanceLevel:
    """What a constant prediction gives by the study's metric, which one it is, and how the winner does.

    `standing` is None while there is no winner. The winner is `no better` where its value is not, and else
    `cannot tell` where the interval over its replicates holds the level. One that was trained from a single
    seed is `hardly better` where its loss is above `NOT_LEARNED` times the level, or its accuracy is at most
    `NOT_LEARNED_ACCURACY` of the way from the level to 1.
    """

    value: float
    constant: str
    standing: Against | None


def judge_chance(record: StudyRecord, verdict: Verdict | None) -> ChanceLevel | None:
    """Hold the winner of a search against a constant prediction; None where its level is not known."""
    return chance_for(record, score_of_winner(record, verdict))


def against(found: Estimate, level: float, metric: str, *, minimize: bool) -> Against | None:
    """Compare an estimate with the level of chance.

    Args:
        found: The estimate of the metric.
        level: The metric of a constant prediction.
        metric: Its name; for a single seed `NOT_LEARNED` applies to `val_loss` and `val_accuracy`.
        minimize: Whether lower values are better.

    Returns:
        None if the estimate has no mean.
    """
    if found.mean is None:
        return None
    gain = level - found.mean if minimize else found.mean - level
    if gain <= 0:
        return "no better"
    if found.low is not None and found.high is not None:
        return "cannot tell" if found.low <= level <= found.high else "better"
    least = {"val_loss": (1 - NOT_LEARNED) * level, "val_accuracy": NOT_LEARNED_ACCURACY * (1 - level)}
    return "hardly better" if gain <= least.get(metric, 0.0) else "better"


def chance_for(record: StudyRecord, found: Estimate | None) -> ChanceLevel | None:
    """Hold what was found best against a constant prediction; None where its level is not known."""
    known = None if record.data is None else record.data.level(record.metric)
    if known is None:
        return None
    level, constant = known
    standing = None if found is None else against(found, level, record.metric, minimize=record.minimize)
    return ChanceLevel(level, constant, standing)


def score_of_winner(record: StudyRecord, verdict: Verdict | None) -> Estimate | None:
    """Return the score of the winner, its own mean where that is not known, or its value in the search."""
    if verdict is not None and verdict.winner is not None:
        score = verdict.conclusion.cross_validated_score
        return score if score.mean is not None else verdict.conclusion.mean
    best = record.best
    return None if best is None or best.value is None else estimate({0: best.value})
