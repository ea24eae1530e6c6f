"""How many members train side by side: a rule on the study, so that two runs are equal."""

from __future__ import annotations

from hpsearch.search_space import SearchSpace
from hpsearch.spec import StudySpec

ACCELERATOR_WIDTH = 8


def cohort_width(spec: StudySpec, platform: str) -> int:
    """Give the width of a study's cohorts; 1 means that members take turns.

    What the study file says holds. Else, on a CPU members take turns: a core that trains one member is busy
    already, a vmapped switch computes every branch, and one member at a time lets the sampler know most
    (`benchmarks/decisions.py`). On an accelerator members of one structure are vmapped; a study of many
    structures takes turns there too, because its cohorts would be mostly dead weight.
    """
    if spec.search.width is not None:
        return spec.search.width
    if platform == "cpu" or SearchSpace(spec).structures() > 1:
        return 1
    return ACCELERATOR_WIDTH
