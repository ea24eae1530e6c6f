"""From the name of an initializer to Keras' object."""

from __future__ import annotations

import keras

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


def keras_initializer(component: Component, seed: int) -> keras.initializers.Initializer:
    """Make Keras' initializer; `seed` is used by those that draw."""
    arguments = dict(component.items())
    if component.name not in WITHOUT_SEED:
        arguments["seed"] = seed % 2**31
    return INITIALIZERS[component.name](**arguments)
