"""The interface of samplers: candidates for a trial, from the seed, its number and the trials before it."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from hpsearch.exceptions import UnsupportedError
from hpsearch.scheduling.history import TrialHistory
from hpsearch.seeds import derive
from hpsearch.spec import Numeric, StudySpec
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.spec.space.space import SearchSpace

ATTEMPTS = 10
"""How often a sampler may repeat an earlier configuration before a random one is drawn instead."""

Values = dict[str, Value]


class Sampler(ABC):
    """Suggests values for the parameters of a search space.

    Attributes:
        name: The name in the study file.
        package: A package that it needs, which the extra `hpsearch[name]` installs.
    """

    name: ClassVar[str]
    package: ClassVar[str | None] = None
    stateful: ClassVar[bool] = False
    """Whether a state is kept that only asking again, trial by trial, can rebuild."""
    complete: ClassVar[bool] = False
    """Whether its candidates are all configurations that there are."""

    def __init__(self, spec: StudySpec, space: SearchSpace, history: TrialHistory) -> None:
        self.space, self.history = space, history
        self.settings: Any = spec.search.sampler
        self.seed = spec.search.seed

    @classmethod
    def check(cls, space: SearchSpace) -> None:
        """Check that the sampler suits a space, and that its package is installed.

        Raises:
            UnsupportedError: It does not suit, or the package is missing.
        """
        del space  # most suit all
        if cls.package is not None and importlib.util.find_spec(cls.package) is None:
            raise UnsupportedError(
                f"the sampler {cls.name} needs the package {cls.package}: pip install 'hpsearch[{cls.name}]'"
            )

    @abstractmethod
    def candidates(self, number: int) -> Iterator[Values]:
        """Iterate over candidates for a trial; the first one that was not tried before is trained."""

    def ask_seed(self, number: int, attempt: int) -> int:
        """Derive the seed for one attempt to suggest a trial."""
        return derive(self.seed, "ask", number, attempt)


def collect(space: SearchSpace, choose: Callable[[Parameter], Value]) -> Values:
    """Choose the values of the active parameters one after another.

    Args:
        space: The search space; a chosen value may activate further parameters.
        choose: Returns the value of a parameter.

    Returns:
        The values of the parameters that became active.
    """
    values: Values = {}

    def remember(parameter: Parameter) -> Value:
        values[parameter.name] = choose(parameter)
        return values[parameter.name]

    space.configure(remember)
    return values


def draw(space: SearchSpace, seed: int, known: Mapping[str, Value] | None = None) -> Values:
    """Draw values at random, each from its own distribution; what is known already stays as it is."""
    uniform, fixed = np.random.default_rng(seed), known or {}

    def choose(parameter: Parameter) -> Value:
        name = parameter.name
        return fixed[name] if name in fixed else value_at(parameter, uniform.random())

    return collect(space, choose)


def value_at(parameter: Parameter, share: float) -> Value:
    """Return the quantile of a parameter's distribution.

    Args:
        parameter: The parameter.
        share: A probability in [0, 1).
    """
    if not is_computed(parameter.distribution):
        return parameter.value_at(int(share * parameter.count))
    distribution = parameter.distribution
    assert isinstance(distribution, Numeric)  # noqa: S101 - choices always have a list of values
    low, high = float(distribution.low), float(distribution.high)
    if distribution.integer:
        low, high = low - 0.5, high + 0.5
    if distribution.log:
        value = float(np.exp(np.log(low) + share * (np.log(high) - np.log(low))))
    else:
        value = low + share * (high - low)
    # Rounding can leave the range by a hair.
    return min(max(round(value) if distribution.integer else value, distribution.low), distribution.high)


def is_computed(distribution: Any) -> bool:
    """Return whether the values of a distribution are computed instead of taken from a list."""
    return isinstance(distribution, Numeric) and (distribution.log or distribution.step is None)
