"""Print the seconds that one epoch's bare matrix products take, forward and backward, as XLA runs them."""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp


def main() -> None:
    """Time a loop of products: for each layer X W, and behind it dY W' and X' dY; the first needs no dX."""
    task = json.loads(sys.argv[1])
    widths = (task["features"], *task["hidden"], 10)
    steps = task["rows"] // task["batch"]
    keys = iter(jax.random.split(jax.random.key(0), 100))
    kernels = [jax.random.normal(next(keys), shape) / 30 for shape in pairwise(widths)]
    batch = jax.random.normal(next(keys), (task["batch"], widths[0]))

    def step(_: Any, carry: Any) -> Any:
        inputs = [carry[0]]
        for kernel in carry[1]:
            inputs.append(inputs[-1] @ kernel)
        slope, moved = inputs[-1], []
        for kernel, rows in zip(reversed(carry[1]), reversed(inputs[:-1]), strict=True):
            moved.append(kernel + 1e-9 * (rows.T @ slope))
            slope = slope @ kernel.T if rows is not inputs[0] else slope
        return carry[0], moved[::-1]

    epoch = jax.jit(lambda x, w: jax.lax.fori_loop(0, steps, step, (x, w)))
    jax.block_until_ready(epoch(batch, kernels))
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        jax.block_until_ready(epoch(batch, kernels))
        seconds.append(time.perf_counter() - begun)
    print(jnp.median(jnp.array(seconds)))


if __name__ == "__main__":
    main()
