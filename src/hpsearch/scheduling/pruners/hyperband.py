"""Hyperband (Li et al., 2018, arXiv 1603.06560) in its asynchronous form, as Optuna has it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import ceil, floor, log
from typing import Any
from zlib import crc32

from optuna.trial import FrozenTrial

from hpsearch.scheduling.history import NAME
from hpsearch.scheduling.pruners.halving import SuccessiveHalvingPruner
from hpsearch.spec import Component
from hpsearch.store.events import Pruning


class HyperbandPruner(SuccessiveHalvingPruner):
    """Runs successive halving within brackets, which differ in the epoch of their first rung."""

    def __init__(self, settings: Component, epochs: int, *, minimize: bool) -> None:
        super().__init__(settings, epochs, minimize=minimize)
        self.brackets = Brackets(settings, epochs)

    def prune(self, trials: Sequence[FrozenTrial], number: int) -> Pruning | None:
        """Compare the value at a rung with those of the bracket's trials that have reached it."""
        bracket = self.brackets.of(number)
        known = [trial for trial in trials if self.brackets.of(trial.number) == bracket]
        return self.halve(known, trials[number], bracket)


class Brackets:
    """Assigns trials to Hyperband's brackets, by the trial's number and the name of the study.

    With `s` brackets, bracket `i` gets a share of `ceil(s * reduction_factor ** (s - 1 - i) / (s - i))`, and
    the trial falls into one by `crc32` of name and number modulo the sum of the shares: Optuna's formula.

    Args:
        settings: The component with `min_epochs` and `reduction_factor`.
        epochs: The length of the longest run. Optuna's default would be the length of the first finished
            trial, even if that was pruned.
    """

    def __init__(self, settings: Any, epochs: int) -> None:
        factor = settings.reduction_factor
        count = floor(log(epochs / settings.min_epochs, factor)) + 1
        shares = [ceil(count * factor**left / (left + 1)) for left in reversed(range(count))]
        self.ends = list(accumulate(shares))

    def of(self, number: int) -> int:
        """Return the bracket of a trial, counted from 0."""
        place = crc32(f"{NAME}_{number}".encode()) % max(self.ends[-1] if self.ends else 0, 1)
        return next((index for index, end in enumerate(self.ends) if place < end), 0)
