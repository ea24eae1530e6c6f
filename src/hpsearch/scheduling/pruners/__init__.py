"""Pruners, one in each module."""

from hpsearch.scheduling.pruners.base import Pruner, longest_run
from hpsearch.scheduling.pruners.halving import SuccessiveHalvingPruner
from hpsearch.scheduling.pruners.hyperband import HyperbandPruner
from hpsearch.scheduling.pruners.median import MedianPruner
from hpsearch.scheduling.pruners.none import NoPruner
from hpsearch.spec import Component

__all__ = [
    "PRUNERS",
    "HyperbandPruner",
    "MedianPruner",
    "NoPruner",
    "Pruner",
    "SuccessiveHalvingPruner",
    "longest_run",
    "pruner_of",
]

PRUNERS: dict[str, type[Pruner]] = {
    "none": NoPruner,
    "median": MedianPruner,
    "successive_halving": SuccessiveHalvingPruner,
    "hyperband": HyperbandPruner,
}


def pruner_of(component: Component, epochs: int, *, minimize: bool) -> Pruner:
    """Make the pruner that a study file names.

    Args:
        component: The pruner's settings in the study file.
        epochs: The length of the longest run.
        minimize: Whether lower values of the metric are better.
    """
    return PRUNERS[component.name](component, epochs, minimize=minimize)
