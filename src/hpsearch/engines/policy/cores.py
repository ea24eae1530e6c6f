"""Which cores a training process uses, decided before its numerical libraries start."""

from __future__ import annotations

import os

from hpsearch.data import Dataset
from hpsearch.engines.policy.architectures import are_sizes_known, bounding_architectures
from hpsearch.engines.process.accelerators import accelerators
from hpsearch.engines.process.compiler import add_flag
from hpsearch.engines.process.free_cores import take_core
from hpsearch.engines.process.quota import processor_quota
from hpsearch.spec import StudySpec
from hpsearch.training.decisions import Cores

ONE_CORE_MULTIPLICATIONS = 100_000
"""Networks with at most so many for each row train on one core: handing such small work to a second costs
more than the work (measured by `benchmarks/decisions.py` on perceptrons, where they are the weights)."""


def use_cores(spec: StudySpec, dataset: Dataset, place: int = 0, workers: int = 1) -> Cores:
    """Pin this process to one core if the study's largest network is small.

    Workers take cores that neither this pool nor other studies of the same user have taken, as long as there
    are any. A network whose size the study file does not tell has all cores, of which its worker's share
    counts as taken; so has what trains on an accelerator, for which one core compiles too slowly. Call it
    before JAX or TensorFlow is imported, and only in a process of our own.

    Args:
        spec: The study.
        dataset: Its data.
        place: The number of the worker in its pool.
        workers: The size of the pool.

    Returns:
        Whether the process has one core, or all.
    """
    if accelerators():
        return "all"
    if not are_sizes_known(spec) or not is_small(spec, dataset):
        for _ in range(share_of_cores(workers)):
            take_core(usable_cores())
        return "all"
    add_flag("--xla_cpu_multi_thread_eigen=false")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    if hasattr(os, "sched_setaffinity"):
        cores = usable_cores()
        first = place % len(cores)
        os.sched_setaffinity(0, {take_core([*cores[first:], *cores[:first]])})
    return "one"


def usable_cores() -> list[int]:
    """Return the cores that this process may run on.

    The last is the first, because the coordinator and the rest of the system tend to run on the first.
    """
    known = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return sorted(known, reverse=True)


def share_of_cores(workers: int) -> int:
    """Count the cores whose time a process has, if so many divide them among themselves."""
    quota = processor_quota()
    usable = len(usable_cores())
    known = usable if quota is None else min(usable, int(quota))
    return max(1, known // workers)


def is_small(spec: StudySpec, dataset: Dataset) -> bool:
    """Return whether even the largest network of a study is trained fastest by one core."""
    return largest_network(spec, dataset) <= ONE_CORE_MULTIPLICATIONS


def largest_network(spec: StudySpec, dataset: Dataset) -> int:
    """Count the multiplications for one row of the largest network that the study can ask for."""
    architectures = bounding_architectures(spec, "smallest")
    return max(one.multiplications(dataset.features, dataset.outputs) for one in architectures)
