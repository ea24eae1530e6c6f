"""The processor time that a container has, which may be less than its cores."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")

FILES = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))
"""Where Linux says how many microseconds of computing a container has in a period, new and old."""


def processor_quota(groups: Path = GROUPS) -> float | None:
    """Return how many cores' time a container has; None for all that there is."""
    for names in FILES:
        with suppress(OSError, ValueError):  # no container, or the word "max"
            allowed, period = " ".join((groups / name).read_text() for name in names).split()
            if int(allowed) > 0:
                return int(allowed) / int(period)
    return None
