"""How the best value came down, or up, from trial to trial."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.analysis.ranking import finite_value
from hpsearch.store.events import State
from hpsearch.store.record import StudyRecord


@dataclass(frozen=True)
class ProgressPoint:
    """One trial on the way; `best` is the best value up to and including it, None before the first."""

    number: int
    state: State
    value: float | None
    best: float | None


def follow_progress(record: StudyRecord) -> tuple[ProgressPoint, ...]:
    """Follow the best value over the trials by number; a running trial has no value yet."""
    better = min if record.minimize else max
    best: float | None = None
    points: list[ProgressPoint] = []
    for trial in sorted(record.trials, key=lambda t: t.number):
        value = None if trial.state == "running" else finite_value(trial)
        if value is not None:
            best = value if best is None else better(best, value)
        points.append(ProgressPoint(trial.number, trial.state, value, best))
    return tuple(points)
