"""Samplers, one in each module."""

from hpsearch.scheduling.samplers.base import Sampler
from hpsearch.scheduling.samplers.cmaes import CmaesSampler
from hpsearch.scheduling.samplers.gp import GPSampler
from hpsearch.scheduling.samplers.grid import MAX_GRID, GridSampler
from hpsearch.scheduling.samplers.hierarchical_tpe import HierarchicalTpeSampler
from hpsearch.scheduling.samplers.random import RandomSampler
from hpsearch.scheduling.samplers.sobol import SobolSampler
from hpsearch.scheduling.samplers.tpe import TPESampler
from hpsearch.spec import StudySpec
from hpsearch.spec.space.space import SearchSpace

__all__ = [
    "MAX_GRID",
    "SAMPLERS",
    "CmaesSampler",
    "GPSampler",
    "GridSampler",
    "HierarchicalTpeSampler",
    "RandomSampler",
    "Sampler",
    "SobolSampler",
    "TPESampler",
    "check_sampler",
]

SAMPLERS: dict[str, type[Sampler]] = {
    "tpe": TPESampler,
    "hierarchical_tpe": HierarchicalTpeSampler,
    "random": RandomSampler,
    "grid": GridSampler,
    "qmc": SobolSampler,
    "cmaes": CmaesSampler,
    "gp": GPSampler,
}


def check_sampler(spec: StudySpec, space: SearchSpace) -> None:
    """Check that the sampler of a study suits its search space.

    Raises:
        UnsupportedError: It does not suit; the message names the parameter and what to do.
    """
    if spec.search.sampler.name != "auto":
        SAMPLERS[spec.search.sampler.name].check(space)
