"""A computation whose result is known, so that a backend that computes wrong numbers is noticed."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.engines.process.compilation import ALWAYS_KEPT
from hpsearch.exceptions import WrongNumbersError

Arrays = tuple[NDArray[np.float32], ...]

ROWS = 40_000
"""Between 2^15 and 2^16, where sums of rows that jaxlib 0.10.2 hands to YNNPACK are those of other rows."""

ROOM = 128 * 2**20
"""Bytes of address space that a process must have left before and after its first matrix product.

XLA and TensorFlow multiply by oneDNN, which writes its kernels into memory (8 MB) at the first product. Where
it gets too little, it tries again at each later product, and both libraries ignore that it failed: products
are left uncomputed, or computed by other kernels with other rounding. Kernels that were written once stay.
"""

SIDE = 128
"""Of matrices whose product XLA leaves to oneDNN; with one thread it compiles smaller products itself."""

BATCH, INPUTS, HIDDEN, OUTPUTS = 64, 16, 32, 4


class Canary:
    """Numbers that a backend computes, and what NumPy makes of the same.

    In JAX they are a matrix product, a training step and the sums of many rows, compiled once; in another
    backend of Keras the product. All are integers that float32 holds exactly in whatever order they are
    added, so that right results are equal bit for bit.
    """

    def __init__(self, backend: str = "jax") -> None:
        self._backend = backend
        self._inputs = _inputs()
        self._expected = (
            _computed(np, *self._inputs) if backend == "jax" else (_product(np, self._inputs[0]),)
        )
        self._program: Callable[..., Any] | None = None

    def _compiled(self) -> Callable[..., Any]:
        """Compile the program, under the name that is kept on disk however quickly that was."""
        import jax
        import jax.numpy as jnp

        def computed(*inputs: Any) -> Any:
            return _computed(jnp, *inputs)

        computed.__name__ = ALWAYS_KEPT
        program: Callable[..., Any] = jax.jit(computed).lower(*self._inputs).compile()
        return program

    def _first(self) -> Callable[..., Any]:
        """Return the program, after runs in which there was room for what they write into memory."""
        program = self._compiled() if self._backend == "jax" else _product_of_keras
        # The first run starts threads, and each reserves memory of its own; the second has what is left then.
        for _ in range(2):
            _check_room()
            self._found(program)
        _check_room()
        return program

    def _found(self, program: Callable[..., Any]) -> Arrays:
        return tuple(map(np.asarray, program(*self._inputs)))

    def check(self) -> None:
        """Compute, and compare.

        Raises:
            WrongNumbersError: A number differs, or could not be computed, for lack of memory or another
                reason.
        """
        try:
            self._program = self._program or self._first()
            found = self._found(self._program)
        except Exception as failure:  # noqa: BLE001 - whatever it is, no number came
            cause = (str(failure).splitlines() or [""])[0]
            raise WrongNumbersError(
                f"{_sentence(self._backend)}: {type(failure).__name__}: {cause}"
            ) from None
        wrong = sum(int(np.sum(one != other)) for one, other in zip(found, self._expected, strict=True))
        if wrong:
            count = sum(map(np.size, self._expected))
            raise WrongNumbersError(f"{_sentence(self._backend)}: {wrong} of {count} differ from NumPy")


@cache
def _canary(backend: str) -> Canary:
    return Canary(backend)


def check_compiler(backend: str = "jax") -> None:
    """Check that a backend computes right numbers in this process; it is compiled once.

    Raises:
        WrongNumbersError: It does not.
    """
    _canary(backend).check()


def _check_room() -> None:
    try:
        mmap.mmap(-1, ROOM).close()
    except OSError:
        raise MemoryError(f"less than {ROOM // 2**20} MB of memory are left") from None


def _sentence(backend: str) -> str:
    package, library = ("jaxlib", "JAX") if backend == "jax" else (backend, backend)
    return (
        f"{package} {import_module(package).__version__} computes wrong numbers in this process, so its "
        "results cannot be trusted; raise the memory limit if one is set (ulimit -v), remove JAX flags from "
        f"XLA_FLAGS, run no {library} computation before hpsearch, or install the version in constraints.txt"
    )


def _inputs() -> Arrays:
    generator = np.random.default_rng(0)

    def whole(*shape: int) -> NDArray[np.float32]:
        return generator.integers(-1, 2, shape).astype(np.float32)

    rows = np.zeros((ROWS, 3), np.float32)
    rows[:, 0] = np.arange(ROWS) % 2_000
    return (
        whole(SIDE, SIDE),
        rows,
        np.eye(3, dtype=np.float32),
        whole(BATCH, INPUTS),
        whole(BATCH, OUTPUTS),
        whole(INPUTS, HIDDEN),
        whole(HIDDEN),
        whole(HIDDEN, OUTPUTS),
    )


def _product(library: ModuleType, matrix: Any) -> Any:
    """Return a matrix product."""
    return library.matmul(matrix, matrix)


def _product_of_keras(*inputs: NDArray[np.float32]) -> Arrays:
    import keras

    return (keras.ops.convert_to_numpy(_product(keras.ops, inputs[0])),)


def _computed(
    library: ModuleType, matrix: Any, rows: Any, unit: Any, x: Any, y: Any, first: Any, bias: Any, second: Any
) -> tuple[Any, ...]:
    """Return a product, the squared lengths of rows, and of two dense layers the loss and its gradients."""
    before = x @ first + bias
    hidden = library.maximum(before, 0)
    error = hidden @ second - y
    slopes = (error @ second.T) * (before > 0)
    loss = library.sum(library.square(error))
    lengths = library.sum(library.square(unit @ rows.T), axis=0)
    gradients = x.T @ slopes, library.sum(slopes, axis=0), hidden.T @ error
    return _product(library, matrix), lengths, loss, *gradients
