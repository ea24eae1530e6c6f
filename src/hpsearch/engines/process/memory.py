"""The memory of this machine, or of the container."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

LIMIT = Path("/sys/fs/cgroup/memory.max")

AVAILABLE = Path("/proc/meminfo")
"""Where Linux says how much memory programs can get, what is kept of files included."""


def memory(limit: Path = LIMIT, available: Path = AVAILABLE) -> tuple[int, int] | None:
    """Return the bytes of memory, and those unused; None where the system does not say."""
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        whole, unused = (page * os.sysconf(f"SC_{kind}_PAGES") for kind in ("PHYS", "AVPHYS"))
    except (AttributeError, ValueError, OSError):
        return None
    with suppress(OSError):  # another system than Linux
        if told := re.search(r"^MemAvailable: *(\d+) kB", available.read_text(), re.MULTILINE):
            unused = int(told[1]) * 1024
    with suppress(OSError, ValueError):  # no container, or the word "max"
        whole = min(whole, int(limit.read_text()))
    return whole, min(unused, whole)
