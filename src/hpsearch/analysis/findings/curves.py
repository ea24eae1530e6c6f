"""What the history of one trial says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from hpsearch.analysis.findings.limits import (
    EXPLODED,
    FEWEST_LAST_EPOCHS,
    LAST_EPOCHS,
    NOT_LEARNED,
    NOT_LEARNED_ACCURACY,
    OVERFITTING,
    OVERFITTING_EPOCHS,
    STILL_IMPROVING,
    UNDERFITTING,
    UNDERFITTING_GAP,
)
from hpsearch.data.summary import DataSummary
from hpsearch.scheduling.racing.bounds import bounds_of
from hpsearch.store.record import TrialRecord


def numbers(trial: TrialRecord, name: str) -> list[float]:
    """List the finite numbers of a curve; empty where there is none."""
    return [value for value in trial.history.get(name, ()) if value is not None and math.isfinite(value)]


def lowest(trial: TrialRecord, *names: str) -> float:
    """Return the lowest number of some curves; infinity without any."""
    return min((value for name in names for value in numbers(trial, name)), default=math.inf)


def highest(trial: TrialRecord, *names: str) -> float:
    """Return the highest number of some curves; minus infinity without any."""
    return max((value for name in names for value in numbers(trial, name)), default=-math.inf)


def stayed_at_chance(trial: TrialRecord, data: DataSummary) -> bool:
    """Return whether neither loss of a trial ever fell clearly below that of a constant prediction."""
    if data.chance_loss is None or not numbers(trial, "val_loss"):
        return False
    return lowest(trial, "loss", "val_loss") > NOT_LEARNED * data.chance_loss


def exploded(trial: TrialRecord, data: DataSummary) -> bool:
    """Return whether the loss of a trial stayed far above that of a constant prediction.

    A loss that is still falling in the last epoch may have started high; a single epoch shows nothing.
    """
    limit = EXPLODED * (data.chance_loss or math.inf)
    if trial.epochs < 2 or not stayed_at_chance(trial, data):
        return False
    falling = all(improvement_of(trial, name) > STILL_IMPROVING for name in ("loss", "val_loss"))
    return highest(trial, "loss", "val_loss") > limit and not falling


def learned_nothing(trial: TrialRecord, data: DataSummary) -> bool:
    """Return whether a trial never left the level of a constant prediction, by loss and by accuracy."""
    if not stayed_at_chance(trial, data):
        return False
    chance = data.chance_accuracy
    if chance is None:
        return True
    reached = highest(trial, "accuracy", "val_accuracy")
    return reached <= chance + NOT_LEARNED_ACCURACY * (1 - chance)


@dataclass(frozen=True)
class Worsening:
    """How a metric got worse: its best value and epoch, and the median of its last so many epochs."""

    best: float
    epoch: int
    end: float
    last: int


def worsening(trial: TrialRecord, metric: str, *, minimize: bool) -> Worsening | None:
    """Compare the metric in its best epoch with the last epochs; None where there are too few of these."""
    curve = numbers(trial, metric)
    last = max(FEWEST_LAST_EPOCHS, round(OVERFITTING_EPOCHS * trial.epochs))
    if len(curve) != trial.epochs or trial.epochs <= last:
        return None
    best = (min if minimize else max)(curve)
    epoch = curve.index(best) + 1
    return Worsening(best, epoch, median(curve[-last:]), last) if epoch <= trial.epochs - last else None


def overfits(trial: TrialRecord, metric: str, data: DataSummary | None, *, minimize: bool) -> bool:
    """Return whether the metric became worse again while the training loss kept falling.

    In the last epochs a loss must be worse by more than `OVERFITTING` of its best value; a score, by more
    than that share of how far its best value is above the level of chance, if that is known.
    """
    found, losses = worsening(trial, metric, minimize=minimize), numbers(trial, "loss")
    if found is None or len(losses) != trial.epochs:
        return False
    falling = median(losses[-found.last :]) < losses[found.epoch - 1]
    worse = found.end - found.best if minimize else found.best - found.end
    return falling and worse > OVERFITTING * _scale(found.best, metric, data, minimize=minimize)


def _scale(best: float, metric: str, data: DataSummary | None, *, minimize: bool) -> float:
    known = None if data is None else data.level(metric)
    if minimize or best < 0 or known is None:
        return abs(best)
    return max(best - max(known[0], 0.0), 0.0)


def underfits(trial: TrialRecord, data: DataSummary) -> bool:
    """Return whether a trial learned, but little, and as little of its training rows as of the others."""
    loss, validation = lowest(trial, "loss"), lowest(trial, "val_loss")
    if data.chance_loss is None or math.inf in (loss, validation):
        return False
    return loss > UNDERFITTING * data.chance_loss and validation <= (1 + UNDERFITTING_GAP) * loss


def last_epochs(trial: TrialRecord) -> int:
    """Count the last epochs in which a trial may still get better."""
    return max(1, round(LAST_EPOCHS * trial.epochs))


def improvement_at_the_end(trial: TrialRecord, metric: str, *, minimize: bool) -> float:
    """Return by how much the metric got better in the last epochs; 0 where the best came before.

    As a share of what it was, or of 1 where that is its upper end: near 0 a share of a score is huge.
    """
    curve, sign = numbers(trial, metric), 1 if minimize else -1
    last = last_epochs(trial)
    if not last < len(curve) == trial.epochs:
        return 0.0
    turned = [sign * value for value in curve]
    before, after = min(turned[:-last]), min(turned[-last:])
    scale = 1.0 if bounds_of(metric)[1] == 1 else abs(before)
    return (before - after) / scale if scale and after < before and after == turned[-1] else 0.0


def improvement_of(trial: TrialRecord, loss: str) -> float:
    """Return the share by which a loss fell in the last epochs."""
    return improvement_at_the_end(trial, loss, minimize=True)


def still_improving(trial: TrialRecord, metric: str, *, minimize: bool) -> bool:
    """Return whether a trial was still getting better in its last epoch."""
    return improvement_at_the_end(trial, metric, minimize=minimize) > STILL_IMPROVING
