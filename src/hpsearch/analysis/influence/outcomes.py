"""Every finished trial in one order, the pruned and the failed among the others.

A failed trial is worse than any that gave a value. A pruned one has no value that could be compared with
those of longer runs; it is compared at its last epoch, by the best value so far, with the completed trials at
that epoch, and takes its place among their final values accordingly. Left out, as Optuna's evaluators leave
them out, both would make a region that always fails or is always pruned look untried instead of bad.

Places in an order, not values, are what is analyzed: a diverged loss of a million then weighs no more than
any other bad one, failures need no made-up number, and nothing depends on the scale of the metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from hpsearch.analysis.ranking import finite_value
from hpsearch.store.record import StudyRecord, TrialRecord

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """The finished trials, and the place of each: 0 for the best, 1 for the worst, ties in their middle."""

    trials: tuple[TrialRecord, ...]
    places: Numbers

    @property
    def completed(self) -> list[int]:
        """List the positions of the trials that ran to their end and gave a value."""
        return [index for index, trial in enumerate(self.trials) if _gave_a_value(trial)]

    @property
    def pruned(self) -> int:
        """Count the pruned trials."""
        return sum(trial.state == "pruned" for trial in self.trials)

    @property
    def failed(self) -> int:
        """Count the trials without a value."""
        return len(self.trials) - self.pruned - len(self.completed)

    def metric_at(self, places: Numbers) -> list[float | None]:
        """Return the metric that completed trials have at some places; None beyond the worst of them."""
        completed = self.completed
        order = sorted(completed, key=lambda index: float(self.places[index]))
        known, values = self.places[order], [self.trials[index].value or 0.0 for index in order]
        found = np.interp(places, known, values)
        return [
            float(value) if place <= known[-1] else None for place, value in zip(places, found, strict=True)
        ]


def _gave_a_value(trial: TrialRecord) -> bool:
    return trial.state == "complete" and finite_value(trial) is not None


def order_outcomes(record: StudyRecord) -> Outcomes:
    """Order the finished trials of a study."""
    trials = tuple(trial for trial in record.trials if trial.state != "running")
    completed = [trial for trial in trials if _gave_a_value(trial)]
    pruned = [trial for trial in trials if trial.state == "pruned"]
    sign = 1.0 if record.minimize else -1.0
    final = rankdata([sign * (trial.value or 0.0) for trial in completed], "min") if completed else []
    score = {trial.number: (float(rank), 0, 0.0) for trial, rank in zip(completed, final, strict=True)}
    for trial, better in zip(pruned, _better_at_its_end(record, completed, pruned), strict=True):
        value = finite_value(trial)
        # Half a place before the next completed one; of equals, who went further comes first.
        score[trial.number] = (better + 0.5, -trial.epochs, np.inf if value is None else sign * value)
    worst = (np.inf, 0, 0.0)
    return Outcomes(trials, _places([score.get(trial.number, worst) for trial in trials]))


def _places(scores: Sequence[tuple[float, int, float]]) -> Numbers:
    order = {score: index for index, score in enumerate(sorted(set(scores)))}
    ranks = rankdata([order[score] for score in scores]) if scores else np.empty(0)
    return np.asarray((ranks - 1) / max(len(scores) - 1, 1), dtype=float)


def _better_at_its_end(
    record: StudyRecord, completed: Sequence[TrialRecord], pruned: Sequence[TrialRecord]
) -> list[float]:
    """Count, for each pruned trial, the completed ones that were better at the epoch at which it ended."""
    sign = 1.0 if record.minimize else -1.0
    longest = max((trial.epochs for trial in pruned), default=1)
    rivals = [best_so_far(trial.history.get(record.metric, ()), sign, longest) for trial in completed]
    known = np.array([curve for curve in rivals if np.isfinite(curve).any()]).reshape(-1, longest)
    by_epoch = np.sort(known, axis=0)
    counts: list[float] = []
    for trial in pruned:
        own = best_so_far(trial.history.get(record.metric, ()), sign, longest)
        if not np.isfinite(own).any() or not len(known):
            counts.append(float(len(completed)))
        else:
            better = np.searchsorted(by_epoch[:, trial.epochs - 1], own[trial.epochs - 1])
            counts.append(float(better) * len(completed) / len(known))
    return counts


def best_so_far(curve: Sequence[float | None], sign: float, epochs: int) -> Numbers:
    """Return the best value up to each epoch.

    Args:
        curve: The metric by epoch.
        sign: 1 for a loss, -1 for a score, which is negated.
        epochs: The length of the result; a shorter curve is continued by its last value.
    """
    values = sign * np.array([np.nan if value is None else value for value in curve], dtype=float)
    values[~np.isfinite(values)] = np.inf
    best = np.minimum.accumulate(values) if len(values) else values
    tail = best[-1] if len(best) else np.inf
    return np.concatenate([best, np.full(max(epochs - len(best), 0), tail)])[:epochs]
