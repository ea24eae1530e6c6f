"""How many members train side by side, and how: a rule on the study, so that two runs are equal."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.data import Dataset
from hpsearch.engines.policy.cores import is_small
from hpsearch.spec import StudySpec
from hpsearch.spec.space.space import SearchSpace

ACCELERATOR_WIDTH = 8

MOST_THREADS = 4
"""More members at once would keep from the sampler what the others are about to give."""


@dataclass(frozen=True)
class SideBySide:
    """Members that are under way together: `vmapped` in one call, or each in a thread of its own."""

    width: int = 1
    vmapped: bool = False


def side_by_side(
    spec: StudySpec, dataset: Dataset, platform: str, cores: int, *, timed: bool = False
) -> SideBySide:
    """Choose how the members of a study train: in turn (a width of 1), or side by side.

    The width of the study file is used if there is one. Else, on a CPU, small networks train in turn: one
    keeps a core busy, and the sampler then knows the most. Larger ones train one per core, because two cores
    are less than twice as fast on one network. On an accelerator members of one structure are vmapped; a
    study of many structures trains in turn, because most of its cohorts would be padding.

    On a CPU larger networks are not vmapped: that gains nothing there, and a vmapped switch computes every
    branch (`benchmarks/decisions.py`).

    Args:
        spec: The study.
        dataset: Its data.
        platform: Of JAX: "cpu", "gpu" or "tpu".
        cores: The cores of this worker.
        timed: Whether the training times of members are compared, so that none may train beside another.
    """
    small = is_small(spec, dataset)
    if spec.search.width is not None:
        width = spec.search.width
    elif platform == "cpu":
        width = 1 if small or timed else max(1, min(cores, MOST_THREADS))
    else:
        width = 1 if SearchSpace(spec).structures() > 1 else ACCELERATOR_WIDTH
    return SideBySide(width, vmapped=width > 1 and (small or platform != "cpu"))
