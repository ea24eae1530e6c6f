"""The interface of pruners, which stop trials that are not worth their remaining epochs and give the reason.

They decide as Optuna's pruners of the same names do, which the tests hold them against. Optuna's do not give
a reason (optuna/optuna#2954). Pruners keep no state: each decision is a function of the trials.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

from optuna.trial import FrozenTrial

from hpsearch.spec import Choice, Component, Numeric, StudySpec
from hpsearch.store.events import Pruning


class Pruner(ABC):
    """Prunes trials by the values that they have reported.

    Args:
        settings: The pruner's component of the study file.
        epochs: The length of the longest run.
        minimize: Whether lower values are better.
    """

    def __init__(self, settings: Component, epochs: int, *, minimize: bool) -> None:
        self.settings: Any = settings
        self.epochs = epochs
        self.sign = 1.0 if minimize else -1.0

    @abstractmethod
    def prune(self, trials: Sequence[FrozenTrial], number: int) -> Pruning | None:
        """Return why a trial that has just reported is pruned, or None if it goes on.

        Args:
            trials: All trials of the study by number, as Optuna's pruners take them.
            number: The number of the trial.
        """

    def message(self, pruning: Pruning) -> str:
        """Return the reason as a sentence."""
        rung = "the median of" if pruning.rung is None else f"the cutoff of rung {pruning.rung} among"
        trials = "1 trial" if pruning.trials == 1 else f"{pruning.trials} trials"
        return (
            f"pruned by {self.settings.name} at epoch {pruning.epoch}: {pruning.value:.4g} is worse than "
            f"{pruning.cutoff:.4g}, {rung} {trials}"
        )


def longest_run(spec: StudySpec, train_rows: int) -> int:
    """Return the number of epochs of the longest run that a study can ask for.

    Args:
        spec: The study; epochs, steps and batch size may be distributions.
        train_rows: The number of training rows, which turn `steps` into epochs.
    """
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
