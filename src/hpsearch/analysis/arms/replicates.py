"""One arm trained from one seed, in the numbers that are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from hpsearch.analysis.ranking import finite_value
from hpsearch.scheduling.racing.estimates import Values
from hpsearch.spec.experiments import REPLICATE
from hpsearch.spec.sections.further_metrics import TAKEN, is_larger_better
from hpsearch.spec.sections.objectives import MINIMIZED, OF_TARGETS, direction_of
from hpsearch.spec.sections.scorer_names import SCORERS
from hpsearch.store.events import State
from hpsearch.store.record import Curve, TrialRecord, finite

EPOCHS = "epochs_to_target"
"""Stands where the name of a curve does, for the number of epochs to the target loss."""

SECONDS = "seconds"
"""The curve of how long each epoch took."""

LOSS = "val_loss"
"""The curve that the target is a value of."""

SCORES = {"accuracy", *SCORERS["classification"], *SCORERS["regression"]}


@dataclass(frozen=True)
class Replicate:
    """One run of an arm; `replicate` counts the seeds from 0, `number` is that of the trial.

    `best` is the metric at the best epoch and `final` at the last; a failed run has neither. `to_target` is
    the first epoch at which the loss on the validation set was down at the target, None where it never was.
    `seconds_per_epoch` is the median, without the first epoch, which compiles.
    """

    replicate: int
    number: int
    seed: int
    state: State
    best: float | None
    final: float | None
    best_epoch: int | None
    epochs: int
    to_target: int | None
    seconds_per_epoch: float | None
    cause: str | None
    history: Mapping[str, Curve] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Return whether the run failed."""
        return self.state == "failed"

    def measure(self, by: str, at: str) -> float | None:
        """Return one number of the run.

        Args:
            by: A curve of the history, the epochs to the target, or the seconds per epoch.
            at: "best" or "final": the epoch of a curve.

        Returns:
            None if the run failed, or there is no such number.
        """
        if self.failed:
            return None
        if by in (EPOCHS, SECONDS):
            return self.to_target if by == EPOCHS else self.seconds_per_epoch
        curve = self.history.get(by, ())
        place = self.best_epoch if at == "best" else len(curve)
        value = curve[place - 1] if place and place <= len(curve) else None
        return None if value is None else finite(value)


def read_replicate(trial: TrialRecord, metric: str, target: float | None) -> Replicate:
    """Take the numbers of one run that is over from its trial."""
    failed = trial.state == "failed"
    final = trial.history.get(metric, (None,))[-1:]
    return Replicate(
        replicate=int(trial.parameters[REPLICATE]),
        number=trial.number,
        seed=trial.seed,
        state=trial.state,
        best=None if failed else finite_value(trial),
        final=None if failed or not final or final[0] is None else finite(final[0]),
        best_epoch=trial.best_epoch,
        epochs=trial.epochs,
        to_target=None if failed else _first_at(trial.history.get(LOSS, ()), target),
        seconds_per_epoch=_pace(trial.history.get(SECONDS, ())),
        cause=trial.kind_of_failure if failed else None,
        history=trial.history,
    )


def _first_at(curve: Curve, target: float | None) -> int | None:
    if target is None:
        return None
    reached = (epoch for epoch, value in enumerate(curve, 1) if value is not None and value <= target)
    return next(reached, None)


def _pace(seconds: Curve) -> float | None:
    known = [value for value in seconds[1:] or seconds if value is not None]
    return median(known) if known else None


def values_of(replicates: Mapping[int, Replicate], by: str, at: str) -> Values:
    """Return one number of each replicate, with the arguments of `Replicate.measure`."""
    return {number: replicate.measure(by, at) for number, replicate in replicates.items()}


def is_minimized(by: str) -> bool:
    """Return whether less is better, of the study's metrics, of any other curve, and of epochs."""
    if OF_TARGETS.fullmatch(by):
        return direction_of(by) == "minimize"
    larger = is_larger_better(by)
    return by in MINIMIZED or (by.removeprefix("val_") not in SCORES if larger is None else not larger)


def has_direction(by: str) -> bool:
    """Return whether it is known which way a curve is better; of a function of one's own it is not."""
    known = (
        by in (EPOCHS, *TAKEN) or OF_TARGETS.fullmatch(by) is not None or by.removeprefix("val_") in SCORES
    )
    return known or is_larger_better(by) is not None
