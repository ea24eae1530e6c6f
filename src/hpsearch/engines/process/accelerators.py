"""The accelerators of this machine that JAX trains on, found before JAX starts."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from pathlib import Path

DEVICES = Path("/dev")

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""NVIDIA's variable: the devices that a process may use."""

FRACTION = "XLA_PYTHON_CLIENT_MEM_FRACTION"

USED = 0.75
"""The part of an accelerator's memory that JAX takes when it starts, unless `FRACTION` says another."""


def accelerators(devices: Path = DEVICES) -> tuple[str, ...]:
    """Return the names that CUDA has for the devices of this process; none where JAX is not to use them."""
    if not any("cuda" in plugin.name for plugin in entry_points(group="jax_plugins")):
        return ()
    if not {"cuda", "gpu"} & set((os.environ.get("JAX_PLATFORMS") or "cuda").split(",")):
        return ()
    named = os.environ.get(VISIBLE)
    if named is not None:
        return tuple(one.strip() for one in named.split(",") if one.strip() not in ("", "-1", "NoDevFiles"))
    numbers = (path.name.removeprefix("nvidia") for path in devices.glob("nvidia*"))
    return tuple(sorted(filter(str.isdecimal, numbers), key=int))


def use_accelerator(place: int, workers: int) -> None:
    """Leave one accelerator to this process where there are any, and of its memory a worker's share.

    Call it before JAX starts, and only in a process of our own.

    Args:
        place: The number of the worker in its pool.
        workers: The size of the pool.
    """
    found = accelerators()
    if not found:
        return
    own = place % len(found)
    os.environ[VISIBLE] = found[own]
    sharing = len(range(own, workers, len(found)))
    if sharing > 1:
        os.environ.setdefault(FRACTION, f"{USED / sharing:.3f}")
