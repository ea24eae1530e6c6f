"""The interface of samplers: candidates for a trial, by the seed, its number and the trials before it."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
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
    """Suggests values of the parameters of a search space.

    `name` is that of the study file; `package` one that it needs and that the extra of this name installs.
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
        """Check that the sampler suits a space, and that its package is there.

        Raises:
            UnsupportedError: It does not, or the package is missing.
        """
        del space  # most suit all
        if cls.package is not None and importlib.util.find_spec(cls.package) is None:
            raise UnsupportedError(
                f"the sampler {cls.name} needs the package {cls.package}: pip install 'hpsearch[{cls.name}]'"
            )

    @abstractmethod
    def candidates(self, number: int) -> Iterator[Values]:
        """Give candidates for a trial, of which the first that was not tried before is taken."""

    def ask_seed(self, number: int, attempt: int) -> int:
        """Derive the seed with which a trial is asked for."""
        return derive(self.seed, "ask", number, attempt)


def collect(space: SearchSpace, choose: Callable[[Parameter], Value]) -> Values:
    """Give the values of the parameters that are active, as they are chosen one after another."""
    values: Values = {}

    def remember(parameter: Parameter) -> Value:
        values[parameter.name] = choose(parameter)
        return values[parameter.name]

    space.configure(remember)
    return values


def draw(space: SearchSpace, seed: int) -> Values:
    """Draw values at random."""
    uniform = np.random.default_rng(seed)
    return collect(space, lambda parameter: value_at(parameter, uniform.random()))


def value_at(parameter: Parameter, share: float) -> Value:
    """Give the value of a distribution at a share in [0, 1) of its probability."""
    if not _is_computed(parameter.distribution):
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


def _is_computed(distribution: Any) -> bool:
    """Tell whether the values of a distribution are better computed than listed."""
    return isinstance(distribution, Numeric) and (distribution.log or distribution.step is None)
