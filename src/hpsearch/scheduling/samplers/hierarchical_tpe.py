"""The tree-structured Parzen estimator with the conditions of the space known.

Bergstra et al. (Algorithms for hyper-parameter optimization, 2011) describe the tree. The densities are
mixtures of products of kernels, one around each trial (Falkner et al., arXiv 1807.01774; Watanabe, arXiv
2304.11127), so that a learning rate is learned together with the optimizer that it suits. About a parameter
that its trial did not have, a kernel says what the study file says: it is a density on the whole tree.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.special import logsumexp, ndtr, ndtri

from hpsearch.scheduling.earlier_trials import earlier_trials, placed, spread
from hpsearch.scheduling.history import TrialHistory
from hpsearch.scheduling.samplers.base import Sampler, Values
from hpsearch.scheduling.samplers.columns import Column, Columns, Rows
from hpsearch.spec import StudySpec
from hpsearch.spec.space.space import SearchSpace

CANDIDATES = 64

GOOD, MOST_GOOD = 0.15, 25
"""The share of trials that count as good, and the most of them."""

BANDWIDTH = 0.2
"""The deviation of a single kernel as a share of the range, and its chance to draw an option anew."""


class HierarchicalTpeSampler(Sampler):
    """Models the densities of good and of other trials, and prefers where the first is the larger one."""

    name = "hierarchical_tpe"

    def __init__(self, spec: StudySpec, space: SearchSpace, history: TrialHistory) -> None:
        super().__init__(spec, space, history)
        self.columns = Columns(space)
        earlier = earlier_trials(spec.search)
        # No trial of this study has a number below zero.
        self._earlier = [(place, ~at) for at, (place, _) in enumerate(earlier)]
        self._rows = {~at: self.columns.row(values) for at, (_, values) in enumerate(earlier)}

    def candidates(self, number: int) -> Iterator[Values]:
        """Draw from the density of good trials, and order by the ratio of both densities."""
        good, others = self._parted(number)
        if not len(good):
            return
        random = np.random.default_rng(self.ask_seed(number, 0))
        likely, unlikely = Density(self.columns.columns, good), Density(self.columns.columns, others)
        drawn = likely.draw(self.columns.draw(CANDIDATES, random), random)
        active = self.columns.active(drawn)
        for at in np.argsort(unlikely.log(active) - likely.log(active), kind="stable"):
            yield self.columns.values(drawn[at])

    def _parted(self, number: int) -> tuple[Rows, Rows]:
        """Return good trials and all others as rows; no good ones before enough trials have ended."""
        observed = self.history.observed(number)
        for trial, values, _ in observed:
            if trial not in self._rows:
                self._rows[trial] = self.columns.row(values)
        ended = sorted((rank, trial) for trial, _, rank in observed if rank is not None)
        # Each own trial that ended takes the place of one of another study.
        earlier = spread(self._earlier, len(self._earlier) - len(ended))
        ranked = [trial for _, trial in sorted([*placed([trial for _, trial in ended]), *earlier])]
        count = min(math.ceil(GOOD * len(ranked)), MOST_GOOD)
        good = set(ranked[:count]) if len(ranked) >= self.settings.startup_trials else set()
        # Trials under way are among the others, so that the next ones keep away from them.
        every = *(trial for _, trial in earlier), *(trial for trial, _, _ in observed)
        others = [trial for trial in every if trial not in good]
        return self._stacked(sorted(good)), self._stacked(others)

    def _stacked(self, trials: list[int]) -> Rows:
        rows = [self._rows[trial] for trial in trials]
        return np.array(rows, float).reshape(len(trials), len(self.columns.columns))


class Density:
    """A mixture of kernels, one around each row and one that is the distribution of the study file.

    Args:
        columns: The columns of the space.
        rows: Configurations, NaN where a parameter is not active.
    """

    def __init__(self, columns: list[Column], rows: Rows) -> None:
        self.columns = columns
        self.centres = np.vstack([rows, np.full((1, len(columns)), np.nan)])
        # Narrower with more kernels, by the rule of Scott (Multivariate density estimation, 1992).
        self.width: float = BANDWIDTH * len(self.centres) ** (-1 / (4 + len(columns)))

    def draw(self, rows: Rows, random: np.random.Generator) -> Rows:
        """Move rows, drawn from the distributions of the study file, to kernels chosen at random."""
        return self.move(rows, self.centres[random.integers(len(self.centres), size=len(rows))], random)

    def move(self, rows: Rows, centres: Rows, random: np.random.Generator) -> Rows:
        """Move each row, drawn from the distributions of the study file, to the kernel around a centre."""
        moved = rows.copy()
        for at, column in enumerate(self.columns):
            known = ~np.isnan(centres[:, at])
            if column.options:
                known &= random.random(len(rows)) >= self.width
                moved[known, at] = centres[known, at]
            else:
                low, high = self._tails(column, centres[known, at])
                shift = self._scale(column) * ndtri(low + rows[known, at] * (high - low))
                moved[known, at] = np.clip(centres[known, at] + shift, 0, 1)
        return moved

    def log(self, rows: Rows) -> Rows:
        """Return the logarithm of the density at each row, relative to that of the study file.

        Args:
            rows: Configurations, NaN where a parameter is not active.
        """
        kernels = np.zeros((len(rows), len(self.centres)))
        for at, column in enumerate(self.columns):
            here, centres = rows[:, at, None], self.centres[None, :, at]
            known = ~np.isnan(here) & ~np.isnan(centres)
            kernels += np.where(known, self._kernel(column, here, centres), 0.0)
        found: Rows = logsumexp(kernels, axis=1) - np.log(len(self.centres))
        return found

    def _kernel(self, column: Column, rows: Rows, centres: Rows) -> Rows:
        kernel: Rows
        if column.options:
            same = (1 - self.width) * column.options + self.width
            kernel = np.log(np.where(rows == centres, same, self.width))
            return kernel
        scale = self._scale(column)
        low, high = self._tails(column, centres)
        kernel = -0.5 * ((rows - centres) / scale) ** 2 - np.log(np.sqrt(2 * np.pi) * scale * (high - low))
        return kernel

    def _scale(self, column: Column) -> float:
        return max(self.width, column.cell / 2)

    def _tails(self, column: Column, centres: Rows) -> tuple[Rows, Rows]:
        """Return the probabilities of a normal distribution below both ends of the range."""
        scale = self._scale(column)
        return ndtr(-centres / scale), ndtr((1 - centres) / scale)
