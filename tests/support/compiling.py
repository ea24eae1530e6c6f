"""How programs are compiled in tests: quickly, but where it matters what people get."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from hpsearch.engines.process import compiler

QUICKLY = "jax_disable_most_optimizations"

ORDINARY = {"xla_cpu_use_fusion_emitters": True, "xla_cpu_parallel_codegen_split_count": 32}
"""What XLA does unless it is told: most of the time that a small program takes to compile."""

QUICK_FLAGS = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"


def knows_flags() -> bool:
    """Return whether XLA is known to know the flags: one that it does not know ends the process."""
    return compiler._installed() >= compiler.FIRST_WRONG


def compile_quickly() -> None:
    """Let JAX compile a fourth as long, in this process and those that it starts, before it computes anything."""
    os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    if knows_flags() and QUICK_FLAGS not in os.environ.get(compiler.FLAGS, ""):
        compiler.add_flag(QUICK_FLAGS)


@contextmanager
def optimized() -> Iterator[None]:
    """Let JAX compile as it does for people."""
    import jax
    from jax._src import compiler as compiling

    before, options_of = jax.config._read(QUICKLY), compiling.get_compile_options

    def ordinary(*arguments: Any, **options: Any) -> Any:
        given = {**(ORDINARY if knows_flags() else {}), **(options.pop("env_options_overrides", None) or {})}
        return options_of(*arguments, **options, env_options_overrides=given)

    jax.config.update(QUICKLY, False)
    try:
        with mock.patch.object(compiling, "get_compile_options", ordinary):
            yield
    finally:
        jax.config.update(QUICKLY, before)
