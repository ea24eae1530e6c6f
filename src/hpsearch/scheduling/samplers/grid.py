"""Grid search: every configuration once, in an order that the seed shuffles."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from hpsearch.exceptions import UnsupportedError
from hpsearch.scheduling.history import TrialHistory
from hpsearch.scheduling.samplers.base import Sampler, Values
from hpsearch.seeds import derive
from hpsearch.spec import StudySpec
from hpsearch.spec.space.space import SearchSpace

MAX_GRID = 20_000
"""Configurations of the largest grid: they are listed in memory."""


class GridSampler(Sampler):
    """Iterates over all configurations in a shuffled order."""

    name = "grid"
    complete = True

    def __init__(self, spec: StudySpec, space: SearchSpace, history: TrialHistory) -> None:
        super().__init__(spec, space, history)
        combinations = list(space.grid())
        order = np.random.default_rng(derive(self.seed, "grid")).permutation(len(combinations))
        # An iterator, so that what was tried once is not looked at again for every trial.
        self._left = iter([combinations[index] for index in order])

    @classmethod
    def check(cls, space: SearchSpace) -> None:
        """Check that the number of configurations is finite and at most `MAX_GRID`.

        Raises:
            UnsupportedError: It is not.
        """
        endless = [parameter.name for parameter in space.parameters if parameter.count == math.inf]
        if endless:
            raise UnsupportedError(
                f"the sampler grid needs a finite search space, and {endless[0]} is a range without a "
                "step: give it a step, as in {uniform: [0, 0.5, 0.1]}, or use tpe"
            )
        size = space.size()
        if size > MAX_GRID:
            # Python refuses to print a number of thousands of digits.
            shown = f"{size:,}" if size < 10**15 else "more than 10^15"
            raise UnsupportedError(f"the grid has {shown} configurations, more than {MAX_GRID:,}: use tpe")
        super().check(space)

    def candidates(self, number: int) -> Iterator[Values]:  # noqa: ARG002 - the next ones, whoever asks
        """Return the configurations that are left, as one iterator shared by all trials."""
        return self._left
