"""Compute with JAX in a program that is not ours: in its process where that is safe, or in one apart."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from hpsearch.engines.process.canary import check_compiler
from hpsearch.engines.process.imports import import_keras
from hpsearch.engines.process.spawn import main_hidden
from hpsearch.exceptions import ModelError, WorkerDiedError, WrongNumbersError

Arguments = ParamSpec("Arguments")
Found = TypeVar("Found")


def here_or_apart(
    function: Callable[Arguments, Found], *arguments: Arguments.args, **named: Arguments.kwargs
) -> Found:
    """Call a function that needs Keras on JAX, in another process if this one cannot have that.

    Keras may already run on another backend here, or JAX may have been started before its compiler was
    configured.

    Args:
        function: A function that can be pickled.
        *arguments: Its arguments.
        **named: Its arguments.

    Raises:
        WorkerDiedError: The other process died.
        Exception: Whatever the function raises.
    """
    try:
        import_keras("jax", spawned=False)
        check_compiler()
    except (ModelError, WrongNumbersError):
        return apart(function, *arguments, **named)
    return function(*arguments, **named)


def apart(
    function: Callable[Arguments, Found], *arguments: Arguments.args, **named: Arguments.kwargs
) -> Found:
    """Call a function in a process of its own, where Keras may run on any backend.

    Args:
        function: A function that can be pickled.
        *arguments: Its arguments.
        **named: Its arguments.

    Raises:
        WorkerDiedError: The other process died.
        Exception: Whatever the function raises.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        with main_hidden():
            future = pool.submit(function, *arguments, **named)
        try:
            return future.result()
        except BrokenProcessPool:
            raise WorkerDiedError("the process that computed died: was the memory used up?") from None
