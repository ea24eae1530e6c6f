"""Asynchronous successive halving (Li et al., 2020, arXiv 1810.05934), as Optuna has it."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial

from hpsearch.scheduling.pruners.base import Pruner
from hpsearch.store.events import Pruning

MOST_RUNGS = 64


class SuccessiveHalvingPruner(Pruner):
    """Prunes at rungs: the epochs `min_epochs * reduction_factor ** rung` for rung 0, 1, 2, ...

    At a rung a trial goes on if it is among the best `1 / reduction_factor` of all trials that have reached
    the rung so far, or the very best while there are fewer than `reduction_factor`.
    """

    def prune(self, trials: Sequence[FrozenTrial], number: int) -> Pruning | None:
        """Compare the value at a rung with the values of all trials that have reached the rung."""
        return self.halve(trials, trials[number], bracket=0)

    def halve(self, trials: Sequence[FrozenTrial], own: FrozenTrial, bracket: int) -> Pruning | None:
        """Compare a trial with others at the rung that it has just reached.

        Args:
            trials: The trials to compare with, the trial itself among them.
            own: The trial.
            bracket: How many of the first rungs are skipped.

        Returns:
            The reason to prune; None if the trial goes on or its last epoch is not a rung.
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
