"""The tree-structured Parzen estimator (Bergstra et al., 2011; Watanabe, arXiv 2304.11127), by Optuna."""

from __future__ import annotations

import optuna
from optuna.samplers import BaseSampler

from hpsearch.scheduling.samplers.optuna_sampler import OptunaSampler


class TPESampler(OptunaSampler):
    """Models the densities of good and bad trials, jointly for the parameters under one condition."""

    name = "tpe"

    def make(self, seed: int) -> BaseSampler:
        """Make Optuna's sampler."""
        return optuna.samplers.TPESampler(
            seed=seed,
            n_startup_trials=self.settings.startup_trials,
            multivariate=True,
            group=True,
            constant_liar=True,
        )
