"""JAX's compilation cache on disk: what one process compiled, the next one loads."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

MAX_BYTES = 1_000_000_000
"""Size of the cache on disk; the programs that were used longest ago go first."""

MIN_SECONDS = 0.1
"""What compiles faster is not worth a file."""

DIRECTORY_VARIABLE = "HPSEARCH_CACHE"
"""Names another directory for the cache; empty, it turns the cache off."""


def cache_directory() -> Path | None:
    """Give the directory of the compilation cache, None where it is turned off."""
    named = os.environ.get(DIRECTORY_VARIABLE)
    if named is None:
        return user_cache_path("hpsearch") / "programs"
    return Path(named) if named else None


def use_compilation_cache() -> str:
    """Let JAX keep compiled programs on disk; give the decision in words.

    Call it before anything is compiled, and only in a process of our own.
    """
    import jax

    directory = cache_directory()
    if directory is None:
        return "off"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        # Without a cache everything works as well, only later.
        return "off"
    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_compilation_cache_max_size", MAX_BYTES)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", MIN_SECONDS)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    return "on"
