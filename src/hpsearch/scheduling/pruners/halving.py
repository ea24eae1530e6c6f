"""Asynchronous successive halving (Li et al., 2020, arXiv 1810.05934), as Optuna has it."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial

from hpsearch.scheduling.pruners.base import Pruner
from hpsearch.store.events import Pruning

MOST_RUNGS = 64


class SuccessiveHalvingPruner(Pruner):
    """Prunes at rungs: epochs `min_epochs`, times `reduction_factor`, times its square, and so on."""

    def prune(self, trials: Sequence[FrozenTrial], number: int) -> Pruning | None:
        """Compare the value at a rung with those of all trials that came to it."""
        return self.halve(trials, trials[number], bracket=0)

    def halve(self, trials: Sequence[FrozenTrial], own: FrozenTrial, bracket: int) -> Pruning | None:
        """Compare a trial with `trials`, itself among them; a bracket skips so many of the first rungs.

        A rung keeps one in `reduction_factor`, and as long as fewer have come, the best.
        """
        factor, epoch = self.settings.reduction_factor, max(own.intermediate_values)
        rungs = [self.settings.min_epochs * factor ** (bracket + rung) for rung in range(MOST_RUNGS)]
        if epoch not in rungs:
            return None
        value = own.intermediate_values[epoch]
        there = [trial.intermediate_values[epoch] for trial in trials if epoch in trial.intermediate_values]
        cutoff = self.sign * sorted(self.sign * each for each in there)[max(len(there) // factor - 1, 0)]
        if self.sign * value <= self.sign * cutoff:
            return None
        return Pruning(epoch, value, cutoff, len(there), rungs.index(epoch) + 1)
