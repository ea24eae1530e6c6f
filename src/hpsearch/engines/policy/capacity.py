"""How many workers there is room for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hpsearch.engines.policy.cores import share_of_cores, usable_cores
from hpsearch.engines.process.accelerators import accelerators
from hpsearch.engines.process.free_cores import held_cores
from hpsearch.engines.process.memory import memory

WORKER_BYTES = 2**30
"""The memory that a worker takes, beside the data."""


@dataclass(frozen=True)
class Capacity:
    """So many workers there is room for, and what says so."""

    workers: int
    reason: str


def machine_capacity() -> Capacity:
    """Return the room on this machine: for one worker on each accelerator, else on each core that is free.

    Two workers on two cores train more than one also where one alone has both (`benchmarks/throughput.py`).
    """
    devices = len(accelerators())
    if devices:
        return Capacity(devices, f"for each accelerator one ({devices})")
    return min(_limits(), key=lambda one: one.workers)


def _limits() -> Iterator[Capacity]:
    known, held = share_of_cores(1), held_cores(usable_cores())
    of = "1 core" if known == 1 else f"{known} cores"
    if held:
        yield Capacity(max(1, known - len(held)), f"of {of} other workers hold {min(len(held), known)}")
    else:
        yield Capacity(known, f"there is the time of {of}")
    found = memory()
    if found is not None:
        _, unused = found
        reason = f"{unused / 2**30:.1f} GB of memory are unused, and a worker takes about 1 GB"
        yield Capacity(max(1, unused // WORKER_BYTES), reason)
