"""JAX's compilation cache on disk: what one process compiled, the next one loads."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from hpsearch.engines.process.turns import Turns

MAX_BYTES = 1_000_000_000
"""Size of the cache on disk; the programs that were used longest ago go first."""

MIN_SECONDS = 0.1
"""What compiles faster is not worth a file."""

ALWAYS_KEPT = "known_computation"
"""The name of a program that every worker asks for."""

DIRECTORY_VARIABLE = "HPSEARCH_CACHE"
"""Names another directory for the cache; empty, it turns the cache off."""

OTHERS = stat.S_IWGRP | stat.S_IWOTH


def cache_directory() -> Path | None:
    """Return the directory of the compilation cache, None where it is turned off."""
    named = os.environ.get(DIRECTORY_VARIABLE)
    if named is None:
        return user_cache_path("hpsearch") / "programs"
    return Path(named) if named else None


def own_directory(directory: Path) -> str | None:
    """Make a directory that only this user can write to: what lies in it is run as native code.

    Returns:
        None if it is safe; else why it is not, and an empty text if it cannot be made.
    """
    try:
        # `mkdir` gives the mode to the last directory alone.
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        resolved = directory.resolve(strict=True)
        if not hasattr(os, "geteuid"):
            return None
        found = resolved.stat()
        if found.st_uid != os.geteuid():
            return f"{directory} belongs to another user"
        if found.st_mode & OTHERS:
            return f"{directory} can be written by others: check its content, then run chmod go-w on it"
        replaceable = next(filter(_replaceable, resolved.parents), None)
    except OSError:
        return ""
    return (
        None
        if replaceable is None
        else f"{directory} can be replaced by everyone who can write to {replaceable}"
    )


def _replaceable(parent: Path) -> bool:
    """Return whether all users can put another directory into the place of one in this."""
    mode = parent.stat().st_mode
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


def use_compilation_cache() -> tuple[bool, str | None]:
    """Let JAX keep compiled programs on disk.

    Call it before anything is compiled, and only in a process of our own.

    Returns:
        Whether it does; and a sentence if there is something to tell.
    """
    directory = cache_directory()
    if directory is None:
        return False, None
    problem = own_directory(directory)
    if problem is not None:
        # Without a cache everything works as well, only later.
        return False, problem and f"running without the compilation cache: {problem}"
    return _install(directory), None


def _install(directory: Path) -> bool:
    """Put a cache whose entries are bound to their keys in the place of JAX's own, where it has one."""
    import jax

    try:
        from jax._src import compilation_cache
    except ImportError:
        return False
    known = hasattr(compilation_cache, "_cache") and hasattr(compilation_cache, "_cache_initialized")
    own = _bound_cache(directory) if known else None
    if own is None:
        return False
    jax.config.update("jax_compilation_cache_dir", str(directory))
    # All that was compiled is handed to the cache, which ends the turn at it and keeps what took long.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    compilation_cache._cache, compilation_cache._cache_initialized = own, True  # noqa: SLF001
    return True


def _bound_cache(directory: Path) -> Any:
    """Make the cache; None where JAX has none that it could be made of."""
    try:
        from jax._src.lru_cache import _CACHE_SUFFIX, LRUCache
    except ImportError:
        return None

    class BoundCache(_BoundToKeys, LRUCache):
        suffix, turns = _CACHE_SUFFIX, Turns(directory)

    return BoundCache(str(directory), max_size=MAX_BYTES)


class _BoundToKeys:
    """Programs on disk, each with the SHA-256 of its key and itself: a swapped or torn one is dropped.

    Who asks for a program that is not there has the turn at compiling it.
    """

    path: Path
    suffix: str
    turns: Turns

    def put(self, key: str, value: bytes) -> None:
        try:
            if self.turns.seconds >= MIN_SECONDS or key.startswith(f"jit_{ALWAYS_KEPT}"):
                super().put(key, seal(key, value) + value)  # type: ignore[misc]  # that of JAX
        finally:
            self.turns.give()

    def get(self, key: str) -> bytes | None:
        found = self._found(key)
        if found is None:
            self.turns.take(key)
            found = self._found(key)
        if found is not None:
            self.turns.give()
        return found

    def _found(self, key: str) -> bytes | None:
        stored: bytes | None = super().get(key)  # type: ignore[misc]  # that of JAX
        value = None if stored is None else unsealed(key, stored)
        if stored is not None and value is None:
            (self.path / f"{key}{self.suffix}").unlink(missing_ok=True)
        return value


def seal(key: str, value: bytes) -> bytes:
    """Return what binds a program to the key under which it is kept."""
    return sha256(key.encode() + b"\n" + value).digest()


def unsealed(key: str, stored: bytes) -> bytes | None:
    """Return the program that was sealed for a key; None where another, or a part of one, stands there."""
    size = sha256().digest_size
    value = stored[size:]
    return value if stored[:size] == seal(key, value) else None
