"""Quasi-random search: the points of one scrambled Sobol sequence (Owen, 1998), by SciPy."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from hpsearch.scheduling.samplers.base import Sampler, Values, collect, value_at
from hpsearch.seeds import derive


class SobolSampler(Sampler):
    """Takes the point with the trial's number; every parameter has a dimension, active or not."""

    name = "qmc"

    def candidates(self, number: int) -> Iterator[Values]:
        """Suggest the one point of a trial."""
        from scipy.stats import qmc

        names = [parameter.name for parameter in self.space.parameters]
        seed = derive(self.seed, "qmc") % 2**32
        sequence = qmc.Sobol(max(len(names), 1), scramble=True, rng=seed)
        with warnings.catch_warnings():
            # Points are taken one by one, so SciPy's remark on powers of two does not apply.
            warnings.simplefilter("ignore")
            if number:  # SciPy cannot go forward by nothing.
                sequence.fast_forward(number)
            point = sequence.random(1)[0]
        at = dict(zip(names, point.tolist(), strict=False))
        yield collect(self.space, lambda parameter: value_at(parameter, at[parameter.name]))
