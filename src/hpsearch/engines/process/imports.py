"""How a training process gets its libraries quickly."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

from hpsearch.engines.process.compiler import tell_compiler
from hpsearch.exceptions import ModelError

UNUSED = ("matplotlib", "sklearn")
"""What Keras imports for its plots and wrappers, where it can: more than a second of its start."""

COMPUTING = "keras.src.layers."
"""The modules of Keras that compute with TensorFlow on every backend where they ask for it."""


@contextmanager
def jax_ahead(*, wanted: bool = True) -> Iterator[None]:
    """Import JAX, where it is wanted, beside what is done inside; it looks at cores only when it computes.

    At the end JAX is imported, because Keras is imported with some modules hidden, from other threads too.
    """
    if not wanted:
        yield
        return
    # JAX adds its number types to a table of NumPy through which this module goes when it is first imported.
    import numpy.ma  # noqa: F401

    thread = Thread(target=_import_jax, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _import_jax() -> None:
    with suppress(ImportError):
        import jax  # noqa: F401


def choose_backend(backend: str) -> None:
    """Let Keras run on a backend, whoever imports it first: `keras.datasets` does where rows come from it.

    JAX's compiler is told in time what it must not do.
    """
    os.environ["KERAS_BACKEND"] = backend
    if backend == "jax":
        tell_compiler()


def import_keras(backend: str, *, spawned: bool) -> None:
    """Import Keras on a backend, while no other thread imports.

    Args:
        backend: The backend.
        spawned: Whether this process was started for training. Keras then does without what it only looks
            for, and imports TensorFlow only where it computes with it.

    Raises:
        ModelError: The backend is not installed, or Keras runs on another one already.
    """
    choose_backend(backend)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with _without(UNUSED if spawned else ()):
            import keras
    except ImportError as failure:
        raise ModelError(
            f"the backend {backend} cannot be loaded ({failure}): install it, or name another"
        ) from None
    if spawned and backend != "tensorflow":
        defer_tensorflow()
    if keras.backend.backend() != backend:
        raise ModelError(
            f"Keras already uses {keras.backend.backend()} in this process, and the study needs {backend}"
        )


def defer_tensorflow() -> None:
    """Let Keras import TensorFlow only where it computes with it, and not to learn whether it is there.

    TensorFlow is an extra. Where it is installed, Keras asks for it when it seeds its generators and when it
    saves a model, and imports it to know: 4.4 s and 460 MB on two cores. Where it is not imported there is no
    object of it, so that "no" is right. A few of Keras' layers compute with it on every backend, and those
    get it; so does code that imports it.
    """
    from keras.src.utils import module_utils

    # Elsewhere than in Keras 3 it may be called otherwise: then it is imported as soon as Keras asks.
    lazy = getattr(module_utils, "LazyModule", None)
    found = getattr(module_utils, "tensorflow", None)
    if lazy is not None and type(found) is lazy:
        found.__class__ = _deferred(lazy)


def _deferred(lazy: type[Any]) -> type[Any]:
    """Make the class of a lazily imported module whose presence only Keras' layers can ask for."""

    class Deferred(lazy):  # type: ignore[misc]
        @property
        def available(self) -> bool:
            asking = str(sys._getframe(1).f_globals.get("__name__"))  # noqa: SLF001 - who asks is the question
            if self.name in sys.modules or asking.startswith(COMPUTING):
                return bool(super().available)
            return False

    return Deferred


@contextmanager
def _without(modules: tuple[str, ...]) -> Iterator[None]:
    """Let modules that are not imported yet look as if they were not installed."""
    absent = [module for module in modules if module not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for module in absent:
            del sys.modules[module]
