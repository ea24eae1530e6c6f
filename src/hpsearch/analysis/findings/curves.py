"""What the history of one trial says."""

from __future__ import annotations

import math

from hpsearch.analysis.findings.limits import (
    EXPLODED,
    LAST_EPOCHS,
    NOT_LEARNED,
    NOT_LEARNED_ACCURACY,
    OVERFITTING,
    STILL_IMPROVING,
    UNDERFITTING,
    UNDERFITTING_GAP,
)
from hpsearch.data_summary import DataSummary
from hpsearch.store.record import TrialRecord


def numbers(trial: TrialRecord, name: str) -> list[float]:
    """List the finite numbers of a curve; empty where there is none."""
    return [value for value in trial.history.get(name, ()) if value is not None and math.isfinite(value)]


def lowest(trial: TrialRecord, *names: str) -> float:
    """Give the lowest number of some curves; infinity without any."""
    return min((value for name in names for value in numbers(trial, name)), default=math.inf)


def highest(trial: TrialRecord, *names: str) -> float:
    """Give the highest number of some curves; minus infinity without any."""
    return max((value for name in names for value in numbers(trial, name)), default=-math.inf)


def stayed_at_chance(trial: TrialRecord, data: DataSummary) -> bool:
    """Tell whether neither loss of a trial ever fell clearly below that of a constant prediction."""
    if data.chance_loss is None or not numbers(trial, "val_loss"):
        return False
    return lowest(trial, "loss", "val_loss") > NOT_LEARNED * data.chance_loss


def exploded(trial: TrialRecord, data: DataSummary) -> bool:
    """Tell whether the loss of a trial rose far above that of a constant prediction, for good."""
    limit = EXPLODED * (data.chance_loss or math.inf)
    return stayed_at_chance(trial, data) and highest(trial, "loss", "val_loss") > limit


def learned_nothing(trial: TrialRecord, data: DataSummary) -> bool:
    """Tell whether a trial never left the level of a constant prediction, by loss and by accuracy."""
    if not stayed_at_chance(trial, data):
        return False
    chance = data.chance_accuracy
    if chance is None:
        return True
    reached = highest(trial, "accuracy", "val_accuracy")
    return reached <= chance + NOT_LEARNED_ACCURACY * (1 - chance)


def overfits(trial: TrialRecord) -> bool:
    """Tell whether the validation loss rose again while the training loss went on falling."""
    losses, validation = numbers(trial, "loss"), numbers(trial, "val_loss")
    if not len(losses) == len(validation) == trial.epochs or trial.epochs < 2:
        return False
    best = validation.index(min(validation))
    rise = validation[-1] - validation[best]
    return rise > OVERFITTING * validation[best] and losses[-1] < losses[best]


def underfits(trial: TrialRecord, data: DataSummary) -> bool:
    """Tell whether a trial learned, but little, and as little of its training rows as of the others."""
    loss, validation = lowest(trial, "loss"), lowest(trial, "val_loss")
    if data.chance_loss is None or math.inf in (loss, validation):
        return False
    return loss > UNDERFITTING * data.chance_loss and validation <= (1 + UNDERFITTING_GAP) * loss


def improvement_at_the_end(trial: TrialRecord, metric: str, *, minimize: bool) -> float:
    """Give the share by which the metric got better in the last epochs; 0 where the best came before."""
    curve, sign = numbers(trial, metric), 1 if minimize else -1
    last = max(1, round(LAST_EPOCHS * trial.epochs))
    if not last < len(curve) == trial.epochs:
        return 0.0
    turned = [sign * value for value in curve]
    before, after = min(turned[:-last]), min(turned[-last:])
    return (before - after) / abs(before) if before and after < before and after == turned[-1] else 0.0


def still_improving(trial: TrialRecord, metric: str, *, minimize: bool) -> bool:
    """Tell whether a trial was still getting better in its last epoch."""
    return improvement_at_the_end(trial, metric, minimize=minimize) > STILL_IMPROVING
