"""Whether a trial overfits or underfits, by its history."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from hpsearch.analysis.findings.limits import (
    FEWEST_LAST_EPOCHS,
    OVERFITTING,
    OVERFITTING_EPOCHS,
    UNDERFITTING,
    UNDERFITTING_GAP,
)
from hpsearch.data.summary import DataSummary
from hpsearch.scheduling.conclusion.learning import lowest, numbers
from hpsearch.store.record import TrialRecord


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
