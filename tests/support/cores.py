"""Which cores a process of tests has."""

from __future__ import annotations

import os

ALL: frozenset[int] = frozenset(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ())
"""The cores that there were before they were shared out."""


def take_share() -> None:
    """Keep to a share of the cores, where pytest-xdist has several processes.

    A study of small networks trains on the last core that it has: without shares all studies train on one.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None or not ALL:
        return
    place, count = int(worker.removeprefix("gw")), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    known = sorted(ALL)
    os.sched_setaffinity(0, known[place::count] or known[place % len(known) :][:1])
