"""How a training process gets its libraries quickly."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from hpsearch.exceptions import ModelError

UNUSED = ("matplotlib", "sklearn")
"""What Keras imports for its plots and wrappers, where it can: more than a second of its start."""


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
    """Let Keras run on a backend, whoever imports it first: `keras.datasets` does where rows come from it."""
    os.environ["KERAS_BACKEND"] = backend


def import_keras(backend: str, *, spawned: bool) -> None:
    """Import Keras on a backend, while no other thread imports.

    In a process that was `spawned` for training, Keras does without what it only looks for. Raises ModelError
    where the backend cannot be had.
    """
    choose_backend(backend)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if spawned and backend != "tensorflow":
        # For good, because other modules of Keras look for TensorFlow's types later.
        sys.modules.setdefault("tensorflow", None)  # type: ignore[arg-type]
    try:
        with _without(UNUSED if spawned else ()):
            import keras
    except ImportError as failure:
        raise ModelError(
            f"the backend {backend} cannot be loaded ({failure}): install it, or name another"
        ) from None
    if keras.backend.backend() != backend:
        raise ModelError(
            f"Keras runs on {keras.backend.backend()} in this process already, and the study wants {backend}"
        )


@contextmanager
def without_tensorflow() -> Iterator[None]:
    """Let Keras be imported, and load a model, without TensorFlow, which takes seconds and is not needed."""
    with _without(("tensorflow",)):
        yield


@contextmanager
def tensorflow_forgotten() -> Iterator[None]:
    """Let a TensorFlow that Keras does without look as if nobody had asked for it.

    Keras' scaling layers, when they are called, ask for its state as soon as the name is known.
    """
    hidden = sys.modules.get("tensorflow", sys) is None
    if hidden:
        del sys.modules["tensorflow"]
    try:
        yield
    finally:
        if hidden:
            sys.modules.setdefault("tensorflow", None)  # type: ignore[arg-type]


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
