"""Pruners: which trials are not worth their remaining epochs, and why.

Optuna's pruners decide and give no reason (optuna/optuna#2954), so the reason is computed again by their
rules, from what they saw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import ceil, floor, log
from typing import Any
from zlib import crc32

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

from hpsearch.samplers import NAME, Experience
from hpsearch.spec import Choice, Component, Numeric, StudySpec
from hpsearch.store.record import Pruning


def _none(pruner: Any, epochs: int) -> BasePruner:
    return optuna.pruners.NopPruner()


def _median(pruner: Any, epochs: int) -> BasePruner:
    # Optuna judges at the step of this number already, and epochs count from 1.
    first = pruner.warmup_epochs + 1
    return optuna.pruners.MedianPruner(n_startup_trials=pruner.startup_trials, n_warmup_steps=first)


def _successive_halving(pruner: Any, epochs: int) -> BasePruner:
    return optuna.pruners.SuccessiveHalvingPruner(
        min_resource=pruner.min_epochs, reduction_factor=pruner.reduction_factor
    )


def _hyperband(pruner: Any, epochs: int) -> BasePruner:
    # Left to itself, Optuna would take the length of the first finished trial, pruned or not, as the longest.
    return optuna.pruners.HyperbandPruner(
        min_resource=pruner.min_epochs, max_resource=epochs, reduction_factor=pruner.reduction_factor
    )


PRUNERS: dict[str, Callable[[Component, int], BasePruner]] = {
    "none": _none,
    "median": _median,
    "successive_halving": _successive_halving,
    "hyperband": _hyperband,
}


class Judge:
    """Decides from the experience whether a trial goes on."""

    def __init__(self, pruner: Component, epochs: int, experience: Experience) -> None:
        self.name = pruner.name
        self.settings, self.epochs = pruner, epochs
        self.experience = experience
        self.pruner = PRUNERS[pruner.name](pruner, epochs)

    def prunes(self, number: int) -> bool:
        """Tell whether a trial that was just reported on should be pruned."""
        if self.name == "none":
            return False
        return bool(self.pruner.prune(self.experience.study(), self.experience.frozen(number)))

    def reason(self, number: int) -> Pruning | None:
        """Say why a trial that was just reported on is pruned; None where it is not."""
        known = self.experience.study().get_trials(deepcopy=False)
        own = known[number]
        sign = 1.0 if self.experience.worst > 0 else -1.0
        if self.name == "none":
            return None
        if self.name == "median":
            return _worse_than_median(own, known, self.settings, sign)
        return self._below_the_rung(own, known, sign)

    def _below_the_rung(self, own: FrozenTrial, known: Sequence[FrozenTrial], sign: float) -> Pruning | None:
        bracket = 0
        if self.name == "hyperband":
            brackets = Brackets(self.settings, self.epochs)
            bracket = brackets.of(own.number)
            known = [trial for trial in known if brackets.of(trial.number) == bracket]
        return _below_the_rung(own, known, self.settings, sign, bracket)

    def told(self, pruning: Pruning | None, epoch: int) -> str:
        """Write it as the cause of an end; without one, who pruned and when."""
        plain = f"pruned by {self.name} at epoch {epoch}"
        if pruning is None:
            return plain
        rung = "the median of" if pruning.rung is None else f"the cutoff of rung {pruning.rung} among"
        trials = "1 trial" if pruning.trials == 1 else f"{pruning.trials} trials"
        return f"{plain}: {pruning.value:.4g} is worse than {pruning.cutoff:.4g}, {rung} {trials}"


def _worse_than_median(
    own: FrozenTrial, known: Sequence[FrozenTrial], settings: Any, sign: float
) -> Pruning | None:
    """Compare the best value so far with the median of the ended trials at the same epoch."""
    epoch = max(own.intermediate_values)
    ended = [trial for trial in known if trial.state == TrialState.COMPLETE]
    there = [trial.intermediate_values[epoch] for trial in ended if epoch in trial.intermediate_values]
    if epoch <= settings.warmup_epochs or len(ended) < settings.startup_trials or not there:
        return None
    best = sign * min(sign * value for value in own.intermediate_values.values())
    median = float(np.percentile(there, 50))
    return Pruning(epoch, best, median, len(there)) if sign * best > sign * median else None


def _below_the_rung(
    own: FrozenTrial, known: Sequence[FrozenTrial], settings: Any, sign: float, bracket: int
) -> Pruning | None:
    """Compare the value at a rung with those of all trials that came to it, itself among them.

    A rung keeps one in `reduction_factor`, and as long as fewer have come, the best.
    """
    factor, epoch = settings.reduction_factor, max(own.intermediate_values)
    rungs = [settings.min_epochs * factor ** (bracket + rung) for rung in range(64)]
    if epoch not in rungs:
        return None
    value = own.intermediate_values[epoch]
    there = [trial.intermediate_values[epoch] for trial in known if epoch in trial.intermediate_values]
    cutoff = sign * sorted(sign * each for each in there)[max(len(there) // factor - 1, 0)]
    if sign * value <= sign * cutoff:
        return None
    return Pruning(epoch, value, cutoff, len(there), rungs.index(epoch) + 1)


class Brackets:
    """Into which of Hyperband's brackets each trial falls: by its number and the name of the study."""

    def __init__(self, settings: Any, epochs: int) -> None:
        factor = settings.reduction_factor
        count = floor(log(epochs / settings.min_epochs, factor)) + 1
        self.shares = [ceil(count * factor**left / (left + 1)) for left in reversed(range(count))]

    def of(self, number: int) -> int:
        """Give the bracket of a trial, counted from 0."""
        place = crc32(f"{NAME}_{number}".encode()) % max(sum(self.shares), 1)
        ends = list(accumulate(self.shares))
        return next((index for index, end in enumerate(ends) if place < end), 0)


def longest_run(spec: StudySpec, train_rows: int) -> int:
    """Count the epochs of the longest run that a study can ask for."""
    options = spec.training.options if isinstance(spec.training, Choice) else (spec.training,)
    return max(_epochs(training, train_rows) for training in options)


def _epochs(training: Any, train_rows: int) -> int:
    if training.epochs is not None:
        return _extreme(training.epochs, max)
    steps_per_epoch = ceil(train_rows / _extreme(training.batch_size, max))
    return ceil(_extreme(training.steps, max) / steps_per_epoch)


def _extreme(value: Any, pick: Callable[..., Any]) -> int:
    if isinstance(value, Choice):
        return int(pick(_extreme(option, pick) for option in value.options))
    return int(pick(value.low, value.high)) if isinstance(value, Numeric) else int(value)
