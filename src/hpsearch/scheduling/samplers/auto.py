"""Which sampler a search has that names none."""

from __future__ import annotations

from hpsearch.scheduling.samplers.grid import MAX_GRID
from hpsearch.spec import Search
from hpsearch.spec.sections.search import SAMPLERS, HierarchicalTpe, Tpe
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.parts import Component


def sampler_for(search: Search, space: SearchSpace) -> tuple[Component, str]:
    """Choose the sampler of a search by its space.

    Args:
        search: The search section.
        space: The search space.

    Returns:
        The sampler, and why it is the one.
    """
    size = space.size()
    if size <= min(search.trials, MAX_GRID) and not (search.prior or search.warm_start):
        return SAMPLERS["grid"](), f"all {size:,} configurations fit into {search.trials:,} trials"
    if len(search.objectives) > 1:
        return Tpe(), "it learns from several objectives"
    shape = "has conditions, which it knows" if space.conditional else "has no conditions"
    if size <= search.trials:
        preferred = "values are preferred" if search.prior else "it learns from other studies"
        return HierarchicalTpe(), f"the space {shape}, and {preferred}"
    return HierarchicalTpe(), f"the space {shape}, and is larger than the number of trials"
