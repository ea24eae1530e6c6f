"""The median rule (Golovin et al., 2017, Google Vizier, section 3.2.2), as Optuna has it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from hpsearch.scheduling.pruners.base import Pruner
from hpsearch.store.events import Pruning


class MedianPruner(Pruner):
    """Prunes a trial whose best value so far is worse than the median of complete trials at the same epoch.

    Nothing is pruned in the first `warmup_epochs` epochs or before `startup_trials` trials are complete;
    pruned trials do not count.
    """

    def prune(self, trials: Sequence[FrozenTrial], number: int) -> Pruning | None:
        """Compare the best value so far with the median at the same epoch."""
        reported = trials[number].intermediate_values
        epoch = max(reported)
        ended = [trial for trial in trials if trial.state == TrialState.COMPLETE]
        there = [trial.intermediate_values[epoch] for trial in ended if epoch in trial.intermediate_values]
        if epoch <= self.settings.warmup_epochs or len(ended) < self.settings.startup_trials or not there:
            return None
        best = self.sign * min(self.sign * value for value in reported.values())
        median = float(np.percentile(there, 50))
        worse = self.sign * best > self.sign * median
        return Pruning(epoch, best, median, len(there)) if worse else None
