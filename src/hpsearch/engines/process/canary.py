"""A computation whose result is known, so that a compiler that computes wrong numbers is noticed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.exceptions import WrongNumbersError

Arrays = tuple[NDArray[np.float32], ...]

ROWS = 40_000
"""Between 2^15 and 2^16, where sums of rows that jaxlib 0.10.2 hands to YNNPACK are those of other rows."""

LEAST_SECONDS = "jax_persistent_cache_min_compile_time_secs"
"""JAX's own name for how long a program must compile to be kept on disk."""

BATCH, INPUTS, HIDDEN, OUTPUTS = 64, 16, 32, 4


class Canary:
    """A training step and the sums of many rows, compiled by JAX once, and what NumPy makes of them.

    All numbers are integers that float32 holds exactly in whatever order they are added, so that right
    results are equal bit for bit.
    """

    def __init__(self) -> None:
        self._inputs = _inputs()
        self._expected = _computed(np, *self._inputs)
        self._program: Callable[..., Any] | None = None

    def _compiled(self) -> Callable[..., Any]:
        """Compile the program, which is kept on disk however quickly that was: every worker asks for it."""
        import jax
        import jax.numpy as jnp

        least = getattr(jax.config, LEAST_SECONDS)
        jax.config.update(LEAST_SECONDS, 0)
        try:
            lowered = jax.jit(lambda *inputs: _computed(jnp, *inputs)).lower(*self._inputs)
            program: Callable[..., Any] = lowered.compile()
        finally:
            jax.config.update(LEAST_SECONDS, least)
        return program

    def check(self) -> None:
        """Compute, and compare.

        Raises WrongNumbersError where a number differs, or cannot be computed.
        """
        try:
            self._program = self._program or self._compiled()
            found = tuple(map(np.asarray, self._program(*self._inputs)))
        except Exception as failure:  # noqa: BLE001 - whatever it is, no number came
            cause = (str(failure).splitlines() or [""])[0]
            raise WrongNumbersError(f"{_sentence()}: {type(failure).__name__}: {cause}") from None
        wrong = sum(int(np.sum(one != other)) for one, other in zip(found, self._expected, strict=True))
        if wrong:
            count = sum(map(np.size, self._expected))
            raise WrongNumbersError(f"{_sentence()}: {wrong} of {count} differ from NumPy")


@cache
def _canary() -> Canary:
    return Canary()


def check_compiler() -> None:
    """Check what JAX computes in this process, compiled when it is first asked for.

    Raises WrongNumbersError.
    """
    _canary().check()


def _sentence() -> str:
    return (
        f"jaxlib {version('jaxlib')} computes wrong numbers in this process, so its results cannot be "
        "trusted; raise the memory limit if one is set (ulimit -v), remove JAX flags from XLA_FLAGS, run "
        "no JAX computation before hpsearch, or install the version in constraints.txt"
    )


def _inputs() -> Arrays:
    generator = np.random.default_rng(0)

    def whole(*shape: int) -> NDArray[np.float32]:
        return generator.integers(-1, 2, shape).astype(np.float32)

    rows = np.zeros((ROWS, 3), np.float32)
    rows[:, 0] = np.arange(ROWS) % 2_000
    return (
        rows,
        np.eye(3, dtype=np.float32),
        whole(BATCH, INPUTS),
        whole(BATCH, OUTPUTS),
        whole(INPUTS, HIDDEN),
        whole(HIDDEN),
        whole(HIDDEN, OUTPUTS),
    )


def _computed(
    library: ModuleType, rows: Any, unit: Any, x: Any, y: Any, first: Any, bias: Any, second: Any
) -> tuple[Any, ...]:
    """Give the squared lengths of rows; of two dense layers the loss and its gradients."""
    before = x @ first + bias
    hidden = library.maximum(before, 0)
    error = hidden @ second - y
    slopes = (error @ second.T) * (before > 0)
    loss = library.sum(library.square(error))
    lengths = library.sum(library.square(unit @ rows.T), axis=0)
    return lengths, loss, x.T @ slopes, library.sum(slopes, axis=0), hidden.T @ error
