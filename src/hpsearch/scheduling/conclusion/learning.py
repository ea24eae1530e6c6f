"""What the history of a trial says of its learning, against the level of a constant prediction.

docs/findings.md repeats the limits, and a test compares them.
"""

from __future__ import annotations

import math

from hpsearch.data.summary import DataSummary
from hpsearch.scheduling.racing.bounds import bounds_of
from hpsearch.store.record import StudyRecord, TrialRecord

NOT_LEARNED = 0.95
"""Share of the chance loss that neither the training nor the validation loss of a trial ever fell below."""

NOT_LEARNED_ACCURACY = 0.1
"""Share of the way from the accuracy of chance to 1 that neither accuracy of such a trial ever went."""

FEWEST_EPOCHS = 3
"""Epochs that a pruned trial must have had before it counts as one that did not learn."""

EXPLODED = 10.0
"""Training loss, as a multiple of the chance loss, that a trial exceeded that never fell below chance."""

STILL_IMPROVING = 0.02
"""Share by which the metric got better in the last tenth of the epochs of a trial that had them all."""

LAST_EPOCHS = 0.1
"""That last part of a run, at least one epoch."""


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


def long_enough(trial: TrialRecord) -> bool:
    """Return whether a trial was trained for long enough to be judged."""
    return trial.state == "complete" or (trial.state == "pruned" and trial.epochs >= FEWEST_EPOCHS)


def never_learned(trial: TrialRecord, data: DataSummary | None) -> bool:
    """Return whether a trial that was trained for long enough never left the level of chance."""
    if data is None or not long_enough(trial):
        return False
    return learned_nothing(trial, data) and not exploded(trial, data)


def unexplained(record: StudyRecord, limit: int) -> list[TrialRecord]:
    """Choose trials that did not learn and whose networks were not probed yet: the first of each network.

    With those that are probed already they are at most `limit`. Only kinds of model that are `probed` count.
    """
    known = {t.configuration.model.initial_network for t in record.trials if t.number in record.first_probes}
    chosen: dict[tuple[str, ...], TrialRecord] = {}
    for trial in record.trials:
        model = trial.configuration.model
        if never_learned(trial, record.data) and model.probed and model.initial_network not in known:
            chosen.setdefault(model.initial_network, trial)
    return list(chosen.values())[: max(limit - len(known), 0)]
