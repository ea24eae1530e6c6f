"""Compiled functions by the structure of the models that they are for, bounded."""

from __future__ import annotations

import gc
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from hpsearch.training.compiled.trainer import MAX_PROGRAMS, give_back_memory

Function = Callable[..., Any]


class Programs:
    """Compiled functions: of each structure, or of each text where a configuration does not tell all.

    The least recently used go first. What was traced is let go, so that no function keeps a model.
    """

    def __init__(self, most: int = MAX_PROGRAMS) -> None:
        self.most = most
        self.compilations = 0
        self._kept: OrderedDict[str, dict[Any, Any]] = OrderedDict()

    def of(self, key: str) -> dict[Any, Any]:
        """Return what is kept of a structure or a text, and may be added to."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if len(self._kept) >= self.most:
            self._kept.popitem(last=False)
            # JAX keeps traces and executables of dropped functions until its caches are cleared.
            jax.clear_caches()
            gc.collect()
            give_back_memory()
        return self._kept.setdefault(key, {})

    def compiled(self, key: str | None, name: Any, traced: Callable[[], Any]) -> Any:
        """Return a compiled function; `traced` traces it, called where the key does not tell enough."""
        if key is None:
            found = traced()
            return self._compiled(self.of(_text_of(found)), name, lambda: found)
        return self._compiled(self.of(key), name, traced)

    def _compiled(self, kept: dict[Any, Any], name: Any, traced: Callable[[], Any]) -> Any:
        if name not in kept:
            self.compilations += 1
            kept[name] = traced().lower().compile()
        return kept[name]


def _text_of(traced: Any) -> str:
    """Return the SHA-256 of all that a function computes: its text, and the arrays that it closes over."""
    digest = hashlib.sha256(traced.lower().as_text().encode())
    for constant in traced.jaxpr.consts:
        array = np.asarray(constant)
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return "text " + digest.hexdigest()
