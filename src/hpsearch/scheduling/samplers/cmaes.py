"""The covariance matrix adaptation evolution strategy (Hansen, 2016, arXiv 1604.00772), by Optuna."""

from __future__ import annotations

import optuna
from optuna.samplers import BaseSampler

from hpsearch.exceptions import UnsupportedError
from hpsearch.scheduling.samplers.optuna_sampler import OptunaSampler, check_unconditional
from hpsearch.spec import Choice
from hpsearch.spec.space.space import SearchSpace


class CmaesSampler(OptunaSampler):
    """Moves a normal distribution towards better trials.

    Optuna pickles its state into the storage. Here the storage is in memory, and the state is rebuilt by
    asking again for every trial of the log.
    """

    name = "cmaes"
    package = "cmaes"
    stateful = True

    @classmethod
    def check(cls, space: SearchSpace) -> None:
        """Check that the space has only numbers, and no conditions.

        Raises:
            UnsupportedError: It has others, or the package is missing.
        """
        check_unconditional(cls.name, space)
        choices = [p.name for p in space.parameters if isinstance(p.distribution, Choice)]
        if choices:
            raise UnsupportedError(f"the sampler cmaes needs numbers, and {choices[0]} is a choice: use tpe")
        super().check(space)

    def make(self, seed: int) -> BaseSampler:
        """Make Optuna's sampler."""
        return optuna.samplers.CmaEsSampler(
            seed=seed, n_startup_trials=self.settings.startup_trials, warn_independent_sampling=False
        )
