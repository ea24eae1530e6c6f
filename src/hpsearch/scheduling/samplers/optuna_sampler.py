"""The base of the samplers that Optuna implements."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator

from optuna.samplers import BaseSampler

from hpsearch.exceptions import UnsupportedError
from hpsearch.scheduling.samplers.base import ATTEMPTS, Sampler, Values, collect
from hpsearch.spec.space.parameter import Parameter, Value, condition_text
from hpsearch.spec.space.space import SearchSpace


class OptunaSampler(Sampler):
    """Asks a sampler of Optuna, which is made again for each attempt with a seed of its own."""

    @abstractmethod
    def make(self, seed: int) -> BaseSampler:
        """Make Optuna's sampler from a seed of 32 bits."""

    def candidates(self, number: int) -> Iterator[Values]:
        """Suggest up to `ATTEMPTS` candidates, each from another seed."""
        for attempt in range(ATTEMPTS):
            yield self._ask(number, self.ask_seed(number, attempt))

    def _ask(self, number: int, seed: int) -> Values:
        study, trial = self.history.study(whole=self.stateful), self.history.trial(number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sampler = self.make(seed % 2**32)
            relative_space = sampler.infer_relative_search_space(study, trial)
            relative = sampler.sample_relative(study, trial, relative_space)

            def choose(parameter: Parameter) -> Value:
                name = parameter.name
                if name in relative:
                    chosen: Value = relative[name]
                else:
                    distribution = self.history.distributions[name]
                    chosen = sampler.sample_independent(study, trial, name, distribution)
                return chosen

            return collect(self.space, choose)


def check_unconditional(name: str, space: SearchSpace) -> None:
    """Check that a space has no conditions.

    Args:
        name: The sampler's name, for the message.
        space: The search space.

    Raises:
        UnsupportedError: It has one; the message names the first.
    """
    if not space.conditional:
        return
    parameter = next(p for p in space.parameters if p.conditions)
    raise UnsupportedError(
        f"the sampler {name} needs a space without conditions, and {parameter.name} is active only "
        f"with {condition_text(parameter.conditions[-1])}: use tpe"
    )
