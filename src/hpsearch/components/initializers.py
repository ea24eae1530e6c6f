"""From the name of an initializer to Keras' object, and to what it draws."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
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

MAX_DRAWINGS = 64
"""Compiled drawings that are kept."""


def keras_initializer(component: Component, seed: int) -> keras.initializers.Initializer:
    """Make Keras' initializer; `seed` is used by those that draw."""
    arguments = dict(component.items())
    if component.name not in WITHOUT_SEED:
        arguments["seed"] = seed % 2**31
    return INITIALIZERS[component.name](**arguments)


def draw(component: Component, shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """Draw an array (shape) of float32 from Keras' initializer."""
    initializer = keras_initializer(component, seed)
    if component.name in WITHOUT_SEED or keras.backend.backend() != "jax":
        return np.asarray(keras.ops.convert_to_numpy(initializer(shape, dtype="float32")))
    traced = TRACED.get(component.name, ())
    fixed = tuple((name, value) for name, value in component.items() if name not in traced)
    numbers = {name: np.float32(getattr(component, name)) for name in traced}
    key = np.array([seed % 2**31, 0], np.uint32)
    return np.asarray(_drawing(component.name, fixed, shape)(key, numbers))


@lru_cache(MAX_DRAWINGS)
def _drawing(name: str, fixed: tuple[tuple[str, Any], ...], shape: tuple[int, ...]) -> Callable[..., Any]:
    """Compile a drawing whole, which takes a third of the time of compiling its operations one by one.

    Level 1 of optimization is enough for what runs once, and gives the numbers of Keras called plainly.
    """
    import jax

    def drawn(key: Any, numbers: dict[str, Any]) -> Any:
        initializer = INITIALIZERS[name](**dict(fixed), seed=0)
        for attribute, value in {"seed": key, **numbers}.items():
            setattr(initializer, attribute, value)
        return initializer(shape, dtype="float32")

    return jax.jit(drawn, compiler_options={"xla_backend_optimization_level": 1})
