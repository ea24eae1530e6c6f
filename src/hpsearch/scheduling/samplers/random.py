"""Random search."""

from __future__ import annotations

import optuna
from optuna.samplers import BaseSampler

from hpsearch.scheduling.samplers.optuna_sampler import OptunaSampler


class RandomSampler(OptunaSampler):
    """Draws every value independently."""

    name = "random"

    def make(self, seed: int) -> BaseSampler:
        """Make Optuna's sampler."""
        return optuna.samplers.RandomSampler(seed=seed)
