"""Learning curves: the metric by epoch, all of them for the best trials and a sample of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from hpsearch.analysis.ranking import RankedTrial
from hpsearch.store.record import Curve, StudyRecord, finite

BEST = 10
REST = 60
POINTS = 100

T = TypeVar("T")


@dataclass(frozen=True)
class LearningCurve:
    """The metric of one trial by epoch (from 1); None where it was not finite."""

    number: int
    value: float | None
    epochs: tuple[int, ...]
    values: Curve


@dataclass(frozen=True)
class LearningCurves:
    """The curves of the best trials, best first, and an even sample over the ranks of the rest.

    `rest_recorded` counts the curves that the sample was taken from; `thinned` tells that a curve has more
    than `POINTS` epochs, of which evenly spaced ones were kept.
    """

    best: tuple[LearningCurve, ...]
    rest: tuple[LearningCurve, ...]
    rest_recorded: int
    thinned: bool

    @property
    def shown(self) -> tuple[LearningCurve, ...]:
        """List all curves, the best first."""
        return self.best + self.rest


def learning_curves(record: StudyRecord, ranking: Sequence[RankedTrial]) -> LearningCurves:
    """Collect the curves of the metric from the histories of the finished trials."""
    histories = {trial.number: trial.history.get(record.metric, ()) for trial in record.trials}
    drawable = [row for row in ranking if any(map(_is_finite, histories[row.number]))]
    best = [row for row in drawable if row.rank is not None][:BEST]
    rest = [row for row in drawable if row not in best]
    sample = evenly(rest, REST)
    return LearningCurves(
        best=tuple(_curve(row, histories[row.number]) for row in best),
        rest=tuple(_curve(row, histories[row.number]) for row in sample),
        rest_recorded=len(rest),
        thinned=any(len(histories[row.number]) > POINTS for row in (*best, *sample)),
    )


def evenly(items: Sequence[T], limit: int) -> list[T]:
    """Keep at most `limit` items at even distances, the first and the last among them."""
    if len(items) <= limit:
        return list(items)
    last = len(items) - 1
    return [items[round(index * last / (limit - 1))] for index in range(limit)]


def _curve(row: RankedTrial, history: Curve) -> LearningCurve:
    kept = evenly(range(len(history)), POINTS)
    values = tuple(_finite(history[index]) for index in kept)
    return LearningCurve(row.number, row.value, tuple(index + 1 for index in kept), values)


def _finite(value: float | None) -> float | None:
    return None if value is None else finite(value)


def _is_finite(value: float | None) -> bool:
    return _finite(value) is not None
