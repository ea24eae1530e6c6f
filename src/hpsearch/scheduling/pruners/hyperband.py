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
    """Halves within brackets, whose first rungs are at different epochs."""

    def __init__(self, settings: Component, epochs: int, *, minimize: bool) -> None:
        super().__init__(settings, epochs, minimize=minimize)
        self.brackets = Brackets(settings, epochs)

    def prune(self, trials: Sequence[FrozenTrial], number: int) -> Pruning | None:
        """Compare the value at a rung with those of all trials of the bracket that came to it."""
        bracket = self.brackets.of(number)
        known = [trial for trial in trials if self.brackets.of(trial.number) == bracket]
        return self.halve(known, trials[number], bracket)


class Brackets:
    """Into which of Hyperband's brackets each trial falls: by its number and the name of the study.

    `epochs` is the longest run: left to itself, Optuna would take the length of the first finished trial,
    pruned or not.
    """

    def __init__(self, settings: Any, epochs: int) -> None:
        factor = settings.reduction_factor
        count = floor(log(epochs / settings.min_epochs, factor)) + 1
        shares = [ceil(count * factor**left / (left + 1)) for left in reversed(range(count))]
        self.ends = list(accumulate(shares))

    def of(self, number: int) -> int:
        """Give the bracket of a trial, counted from 0."""
        place = crc32(f"{NAME}_{number}".encode()) % max(self.ends[-1] if self.ends else 0, 1)
        return next((index for index, end in enumerate(self.ends) if place < end), 0)
