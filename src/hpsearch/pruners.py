"""Pruners: which trials are not worth their remaining epochs."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import optuna
from optuna.pruners import BasePruner

from hpsearch.samplers import Experience
from hpsearch.spec import Choice, Component, Numeric, StudySpec


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
        self.experience = experience
        self.pruner = PRUNERS[pruner.name](pruner, epochs)

    def prunes(self, number: int) -> bool:
        """Tell whether a trial that was just reported on should be pruned."""
        if self.name == "none":
            return False
        return bool(self.pruner.prune(self.experience.study(), self.experience.frozen(number)))


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
