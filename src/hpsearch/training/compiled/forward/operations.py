"""Operations with traced hyperparameters: activations and dropout. Each equals its Keras twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras

from hpsearch.training.compiled.forward.options import ActivationKind

Array = Any


def _general_relu(x: Array, numbers: Array) -> Array:
    negative_slope, max_value, threshold = numbers[0], numbers[1], numbers[2]
    above = jnp.minimum(x, max_value)
    below = negative_slope * (x - threshold)
    # At the threshold itself, where all rows lie if weights begin with zero, Keras has the slope of relu, 0,
    # or that of leaky_relu, 1, by which it computes this case.
    leaky = (negative_slope != 0) & (threshold == 0) & jnp.isinf(max_value)
    there = jnp.where(leaky, 1.0, 0.0) * (x - threshold)
    return jnp.where(x > threshold, above, jnp.where(x < threshold, below, there))


ACTIVATIONS: dict[str, Callable[[Array, Array], Array]] = {
    "leaky_relu": lambda x, numbers: keras.ops.leaky_relu(x, numbers[0]),
    "rrelu": lambda x, numbers: keras.ops.leaky_relu(x, (numbers[0] + numbers[1]) / 2),
    "elu": lambda x, numbers: keras.ops.elu(x, numbers[0]),
    "celu": lambda x, numbers: keras.ops.celu(x, numbers[0]),
    "hard_shrink": lambda x, numbers: jnp.where(jnp.abs(x) > numbers[0], x, 0.0),
    "soft_shrink": lambda x, numbers: jnp.where(
        x > numbers[0], x - numbers[0], jnp.where(x < -numbers[0], x + numbers[0], 0.0)
    ),
    "squareplus": lambda x, numbers: (x + jnp.sqrt(jnp.square(x) + numbers[0])) / 2,
    "threshold": lambda x, numbers: jnp.where(x > numbers[0], x, numbers[1]),
}
"""Activations whose numbers are traced; rrelu as it is where nothing is drawn."""


def activation_branch(kind: ActivationKind) -> Callable[[Array, Array], Array]:
    """Return an activation as a function of its input and its numbers (3,)."""
    if kind.variant == "general":
        return _general_relu
    if kind.name in ACTIVATIONS:
        return ACTIVATIONS[kind.name]
    if kind.variant == "approximate":
        return lambda x, numbers: keras.ops.gelu(x, approximate=True)
    if kind.name == "gelu":
        return lambda x, numbers: keras.ops.gelu(x, approximate=False)
    function = keras.activations.get(kind.name)
    return lambda x, numbers: function(x)


def switch(index: Array, branches: list[Callable[..., Any]], *operands: Any) -> Any:
    """Take one branch; a lone one is taken without a switch."""
    return branches[0](*operands) if len(branches) == 1 else jax.lax.switch(index, branches, *operands)


def total(tensor: Array) -> Array:
    """Sum all numbers of a tensor.

    The last axis is summed separately, after the others: XLA on a CPU reduces a tensor to a single number one
    element after another, which takes four times as long.
    """
    if tensor.ndim < 2:
        return jnp.sum(tensor)
    sums = jnp.sum(tensor, axis=tuple(range(tensor.ndim - 1)))
    return jnp.sum(jax.lax.optimization_barrier(sums))


def random_bits(key: Array, shape: tuple[int, ...]) -> Array:
    """Draw random bits (shape) of uint32 from a `key` (2,) of uint32 that is used only once.

    XLA's own Threefry compiles in a third of the time of `jax.random.bits` and draws in two thirds. Members
    that are vmapped are drawn for one by one, so that the bits of one do not depend on the others.
    """

    def draw(own_key: Array) -> Array:
        state = jnp.concatenate([own_key, jnp.zeros(2, jnp.uint32)])
        threefry = jax.lax.RandomAlgorithm.RNG_THREE_FRY
        return jax.lax.rng_bit_generator(state, shape, dtype=jnp.uint32, algorithm=threefry)[1]

    return jax.custom_batching.sequential_vmap(draw)(key)


NOISES = ("dropout", "alpha_dropout", "input_dropout", "rrelu")

MAX_LAYERS = 1_024
"""More layers than a model can have, so that two kinds of noise never share a key."""


def noise_key(key: Array, noise: str, layer: int) -> Array:
    """Derive the key of one kind of noise in one layer from the key of a step.

    The number of the step has been added to the first word of the key. This adds to the second word, so that
    no two keys are equal.

    Args:
        key: (2,) uint32, the key of the step.
        noise: One of `NOISES`.
        layer: The index of the hidden layer.
    """
    return key + jnp.array([0, layer + MAX_LAYERS * NOISES.index(noise)], jnp.uint32)


def rrelu(x: Array, numbers: Array, key: Array) -> Array:
    """Multiply each negative input by a slope that is drawn for it.

    Args:
        x: Inputs of any shape.
        numbers: The bounds of the uniform distribution of the slopes first.
        key: (2,) uint32.
    """
    shares = (random_bits(key, x.shape) >> 8).astype(jnp.float32) * 2.0**-24
    slopes = numbers[0] + (numbers[1] - numbers[0]) * shares
    return jnp.where(x >= 0, x, slopes * x)


def _kept(shape: tuple[int, ...], rate: Array, key: Array) -> Array:
    threshold = (rate * 2.0**32).astype(jnp.uint32)
    return random_bits(key, shape) >= threshold


def dropout(x: Array, rate: Array, key: Array) -> Array:
    """Drop units with probability `rate` and scale the others by 1/(1 - rate)."""
    return jnp.where(_kept(x.shape, rate, key), x / (1 - rate), 0.0)


SELU_FLOOR = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717
"""What selu tends to as its input falls: minus scale times alpha (Klambauer et al. 2017)."""


def alpha_dropout(x: Array, rate: Array, key: Array) -> Array:
    """Set units to selu's lower limit with probability `rate`, then restore mean 0 and variance 1.

    The affine correction is that of Klambauer et al. 2017, as in Keras' AlphaDropout.
    """
    a = ((1 - rate) * (1 + rate * SELU_FLOOR**2)) ** -0.5
    b = -a * SELU_FLOOR * rate
    return a * jnp.where(_kept(x.shape, rate, key), x, SELU_FLOOR) + b


DROPOUTS = {"dropout": dropout, "input_dropout": dropout, "alpha_dropout": alpha_dropout}
