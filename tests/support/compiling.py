"""How programs are compiled in tests: quickly, but where it matters what people get."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import jax

QUICKLY = "jax_disable_most_optimizations"


@contextmanager
def optimized() -> Iterator[None]:
    """Let JAX compile as it does for people."""
    before = jax.config._read(QUICKLY)
    jax.config.update(QUICKLY, False)
    try:
        yield
    finally:
        jax.config.update(QUICKLY, before)
