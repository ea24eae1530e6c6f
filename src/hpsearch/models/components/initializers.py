"""From the name of an initializer to Keras' object, and to what it draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.spec import Component

INITIALIZERS: dict[str, type[keras.initializers.Initializer]] = {
    "zeros": keras.initializers.Zeros,
    "ones": keras.initializers.Ones,
    "constant": keras.initializers.Constant,
    "identity": keras.initializers.Identity,
    "random_normal": keras.initializers.RandomNormal,
    "random_uniform": keras.initializers.RandomUniform,
    "truncated_normal": keras.initializers.TruncatedNormal,
    "variance_scaling": keras.initializers.VarianceScaling,
    "orthogonal": keras.initializers.Orthogonal,
    "glorot_normal": keras.initializers.GlorotNormal,
    "glorot_uniform": keras.initializers.GlorotUniform,
    "he_normal": keras.initializers.HeNormal,
    "he_uniform": keras.initializers.HeUniform,
    "lecun_normal": keras.initializers.LecunNormal,
    "lecun_uniform": keras.initializers.LecunUniform,
}

WITHOUT_SEED = frozenset({"zeros", "ones", "constant", "identity"})

TRACED = {
    "random_normal": ("mean", "stddev"),
    "truncated_normal": ("mean", "stddev"),
    "random_uniform": ("minval", "maxval"),
    "orthogonal": ("gain",),
}
"""Arguments that Keras only multiplies and adds: a compiled drawing takes them as they come."""

UNSCALED = {"mean": 0.0, "stddev": 1.0}
"""Arguments with which a normal distribution is drawn as it is."""

SHAPED = frozenset({"orthogonal"})
"""Drawings whose numbers depend on the shape."""

TRUNCATED_DEVIATION = 0.87962566103423978
"""The standard deviation of a standard normal distribution that is cut off at two."""

LEAST_ROOM, SHARED_ROOM = 2**13, 2**17
"""Numbers that are drawn at once: at least, and at most for the sake of larger arrays. So many take half a
millisecond to draw, and a drawing 150 to compile."""

MAX_DRAWINGS = 64
"""Compiled drawings that are kept."""


def keras_initializer(component: Component, seed: int) -> keras.initializers.Initializer:
    """Make Keras' initializer; those in `WITHOUT_SEED` ignore the seed."""
    arguments = dict(component.items())
    if component.name in WITHOUT_SEED:
        return INITIALIZERS[component.name](**arguments)
    return _shared(component.name)(**arguments, seed=seed % 2**31)


@cache
def _shared(name: str) -> type[keras.initializers.Initializer]:
    """Make a class that draws what Keras' class draws, by a program that arrays of other shapes share.

    To Keras, which copies and saves initializers by their class, it is Keras' own.
    """
    kind = INITIALIZERS[name]

    class Shared(kind):  # type: ignore[misc, valid-type]
        __class__ = property(lambda _: kind)

        def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
            if keras.backend.backend() != "jax" or keras.backend.standardize_dtype(dtype) != "float32":
                return super().__call__(shape, dtype)
            family, numbers = _family(name, self, shape)
            _largest[family] = max(_largest.get(family, 0), math.prod(shape))
            # Outside of a program Keras rounds what it draws before it scales it.
            drawn = {argument: UNSCALED.get(argument, number) for argument, number in numbers.items()}
            array = _drawn(family, drawn, tuple(shape), self.seed, _largest[family])
            if "stddev" in numbers:
                array = array * np.float32(numbers["stddev"]) + np.float32(numbers["mean"])
            return keras.ops.convert_to_tensor(array)

    return Shared


_largest: dict[str, int] = {}
"""The size of the largest array that was drawn for a layer so far, by basic initializer."""


def draw(component: Component, shape: tuple[int, ...], seed: int, largest: int = 0) -> NDArray[np.float32]:
    """Draw an array of float32 with Keras' initializer.

    Args:
        component: The initializer of the study file.
        shape: The shape of the array.
        seed: The seed.
        largest: The size of the largest array that is drawn for the same network, whose compiled drawing
            smaller arrays share. It does not change the numbers.
    """
    initializer = keras_initializer(component, seed)
    if component.name in WITHOUT_SEED or keras.backend.backend() != "jax":
        return np.asarray(keras.ops.convert_to_numpy(initializer(shape, dtype="float32")))
    return _drawn(*_family(component.name, initializer, shape), shape, seed % 2**31, largest)


def _drawn(
    name: str, numbers: dict[str, float], shape: tuple[int, ...], seed: int, largest: int
) -> NDArray[np.float32]:
    """Draw by the basic initializer of a name and its arguments."""
    size = math.prod(shape)
    drawn = _drawing(name, shape if name in SHAPED else _room(size, largest))
    key = np.array([seed, 0], np.uint32)
    array = np.asarray(drawn(key, {name: np.float32(number) for name, number in numbers.items()}))
    return array if name in SHAPED else array[:size].reshape(shape)


def _family(
    name: str, initializer: keras.initializers.Initializer, shape: tuple[int, ...]
) -> tuple[str, dict[str, float]]:
    """Return the basic initializer that draws the same, and its arguments.

    Initializers that scale the variance become one of three distributions.
    """
    if not isinstance(initializer, keras.initializers.VarianceScaling):
        return name, {argument: getattr(initializer, argument) for argument in TRACED[name]}
    # He and others, arXiv:1502.01852, as Keras has it.
    inputs, outputs = _fans(shape)
    fan = {"fan_in": inputs, "fan_out": outputs, "fan_avg": (inputs + outputs) / 2}[initializer.mode]
    variance = initializer.scale / max(1.0, fan)
    if initializer.distribution == "uniform":
        limit = math.sqrt(3 * variance)
        return "random_uniform", {"minval": -limit, "maxval": limit}
    if initializer.distribution == "untruncated_normal":
        return "random_normal", {"mean": 0.0, "stddev": math.sqrt(variance)}
    return "truncated_normal", {"mean": 0.0, "stddev": math.sqrt(variance) / TRUNCATED_DEVIATION}


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the number of inputs and outputs of a unit: He et al., arXiv:1502.01852, as in Keras.

    For a kernel of shape (..., inputs, outputs) both are multiplied by the number of its positions.
    """
    if len(shape) < 2:
        return (shape or (1,))[0], (shape or (1,))[0]
    places = math.prod(shape[:-2])
    return places * shape[-2], places * shape[-1]


def _room(size: int, largest: int) -> tuple[int]:
    """Return the length of a drawing whose first numbers are those of an array of this size.

    The generator is counter-based, so the first numbers do not depend on how many are drawn, unless JAX is
    configured otherwise.
    """
    import jax

    if not getattr(jax.config, "jax_threefry_partitionable", True):
        return (size,)
    wanted = max(size, min(largest, SHARED_ROOM), LEAST_ROOM)
    return (1 << (wanted - 1).bit_length(),)


@lru_cache(MAX_DRAWINGS)
def _drawing(name: str, shape: tuple[int, ...]) -> Callable[..., Any]:
    """Compile a drawing as one program, in a third of the time of compiling its operations one by one.

    Optimization level 1 suffices for what runs once, and gives the numbers of an uncompiled call.
    """
    import jax

    def drawn(key: Any, numbers: dict[str, Any]) -> Any:
        initializer = INITIALIZERS[name](seed=0)
        for attribute, value in {"seed": key, **numbers}.items():
            setattr(initializer, attribute, value)
        return initializer(shape, dtype="float32")

    return jax.jit(drawn, compiler_options={"xla_backend_optimization_level": 1})
