"""A Gaussian process with expected improvement, by Optuna."""

from __future__ import annotations

import optuna
from optuna.samplers import BaseSampler

from hpsearch.scheduling.samplers.optuna_sampler import OptunaSampler, check_unconditional
from hpsearch.spec.space.space import SearchSpace


class GPSampler(OptunaSampler):
    """Models the metric by a Gaussian process."""

    name = "gp"
    package = "torch"

    @classmethod
    def check(cls, space: SearchSpace) -> None:
        """Check that the space has no conditions, under which Optuna would draw at random.

        Raises:
            UnsupportedError: It has one, or the package is missing.
        """
        check_unconditional(cls.name, space)
        super().check(space)

    def make(self, seed: int) -> BaseSampler:
        """Make Optuna's sampler."""
        return optuna.samplers.GPSampler(seed=seed, n_startup_trials=self.settings.startup_trials)
