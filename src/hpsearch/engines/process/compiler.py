"""What XLA, JAX's compiler, is told before it starts, so that it computes right numbers on a CPU."""

from __future__ import annotations

import os
import re
from importlib.metadata import PackageNotFoundError, version

FLAGS = "XLA_FLAGS"

NO_FUSIONS = "--xla_cpu_experimental_ynn_fusion_type="
"""Leaves all kernels to XLA's own emitters. jaxlib 0.10.2 and 0.11 hand sums to YNNPACK, which reads wrong
rows for some shapes (jax-ml/jax #39103); with no kind of kernel named, none goes there."""

FIRST_WRONG = (0, 10, 2)
"""Earlier versions hand no sums to YNNPACK, and an unknown flag ends the process."""


def tell_compiler() -> None:
    """Turn off the kernels that compute wrong numbers, in this process and those that it starts.

    Call it before JAX computes anything: later the compiler no longer reads the flag, and the canary detects
    that. Of a flag that is given twice the last one counts, which is this one.
    """
    if not has_wrong_kernels():
        return
    others = [flag for flag in os.environ.get(FLAGS, "").split() if flag != NO_FUSIONS]
    os.environ[FLAGS] = " ".join([*others, NO_FUSIONS])


def add_flag(flag: str) -> None:
    """Tell the compiler something else, before it starts."""
    os.environ[FLAGS] = f"{os.environ.get(FLAGS, '')} {flag}".strip()


def has_wrong_kernels() -> bool:
    """Return whether the installed compiler is one that has to be told."""
    return _installed() >= FIRST_WRONG


def _installed() -> tuple[int, ...]:
    """Return the version of jaxlib as numbers; that of a machine without it is below all others."""
    try:
        return tuple(map(int, re.findall(r"\d+", version("jaxlib"))[:3]))
    except PackageNotFoundError:
        return ()
