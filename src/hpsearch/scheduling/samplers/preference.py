"""What a person believes of good values, as a preference that data override.

After PriorBand (Mallik et al., arXiv 2306.12370): a mixture of what is believed, of the neighbourhood of the
best trial, and of what is suggested anyway. Which of the first two is drawn depends on which of them explains
the better trials. Only the parameters that something is believed of are changed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from hpsearch.scheduling.history import TrialHistory
from hpsearch.scheduling.samplers.base import Values
from hpsearch.scheduling.samplers.columns import Columns, Rows
from hpsearch.scheduling.samplers.hierarchical_tpe import Density
from hpsearch.seeds import derive
from hpsearch.spec import Search
from hpsearch.spec.space.space import SearchSpace

SHARE = 0.5
"""The share of trials for which a suggestion is changed; the first one always is."""

BETTER = 1 / 3
"""The share of trials that are to be explained."""


class Preference:
    """Changes suggestions towards the values of `search.prior`."""

    def __init__(self, search: Search, space: SearchSpace, history: TrialHistory) -> None:
        self.seed, self.history = search.seed, history
        self.columns = Columns(space)
        self.believed = self.columns.row(search.prior or {})

    def candidates(self, number: int, suggested: Iterator[Values]) -> Iterator[Values]:
        """Iterate over what is suggested for a trial, changed for some trials."""
        random = np.random.default_rng(derive(self.seed, "prior", number))
        if number and random.random() >= SHARE:
            yield from suggested
            return
        centre = self._centre(number, random)
        for values in suggested:
            known = self.columns.row(values)
            drawn = self.columns.draw(1, random)
            row = np.where(np.isnan(known), drawn[0], known)
            near = Density(self.columns.columns, centre[None]).move(drawn, centre[None], random)[0]
            yield self.columns.values(np.where(np.isnan(centre), row, near if number else centre))

    def _centre(self, number: int, random: np.random.Generator) -> Rows:
        """Return what is believed, or the values of the best trial where these explain the better ones."""
        observed = self.history.observed(number)
        ended = sorted((rank, trial) for trial, _, rank in observed if rank is not None)
        if not ended:
            return self.believed
        values = {trial: values for trial, values, _ in observed}
        better = [self._restricted(values[trial]) for _, trial in ended[: math.ceil(BETTER * len(ended))]]
        weights = np.arange(len(better), 0, -1)
        belief, data = (
            weights @ np.exp(Density(self.columns.columns, centre[None]).log(np.stack(better)))
            for centre in (self.believed, better[0])
        )
        return self.believed if random.random() < belief / (belief + data) else better[0]

    def _restricted(self, values: Values) -> Rows:
        return np.where(np.isnan(self.believed), np.nan, self.columns.row(values))
