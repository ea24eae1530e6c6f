"""Initializers by Keras' names and aliases, with Keras' arguments and defaults."""

from __future__ import annotations

from typing import Annotated, Literal

from hpsearch.spec.study_file.distributions import Searchable
from hpsearch.spec.study_file.parts import Component, NonNegative, Number, OneOf, Positive, bare


class RandomNormal(Component):
    name = "random_normal"
    mean: Searchable[Number] = 0.0
    stddev: Searchable[NonNegative] = 0.05


class TruncatedNormal(RandomNormal):
    name = "truncated_normal"


class RandomUniform(Component):
    name = "random_uniform"
    minval: Searchable[Number] = -0.05
    maxval: Searchable[Number] = 0.05


class ConstantWeights(Component):
    name = "constant"
    value: Searchable[Number] = 0.0


class Orthogonal(Component):
    name = "orthogonal"
    gain: Searchable[Number] = 1.0


class Identity(Component):
    name = "identity"
    gain: Searchable[Number] = 1.0


class VarianceScaling(Component):
    name = "variance_scaling"
    scale: Searchable[Positive] = 1.0
    mode: Searchable[Literal["fan_in", "fan_out", "fan_avg"]] = "fan_in"
    distribution: Searchable[Literal["truncated_normal", "untruncated_normal", "uniform"]] = (
        "truncated_normal"
    )


INITIALIZERS: dict[str, type[Component]] = {
    **{
        name: bare(name)
        for name in (
            "zeros",
            "ones",
            "glorot_normal",
            "glorot_uniform",
            "he_normal",
            "he_uniform",
            "lecun_normal",
            "lecun_uniform",
        )
    },
    "random_normal": RandomNormal,
    "random_uniform": RandomUniform,
    "truncated_normal": TruncatedNormal,
    "constant": ConstantWeights,
    "orthogonal": Orthogonal,
    "identity": Identity,
    "variance_scaling": VarianceScaling,
}
INITIALIZERS |= {
    "zero": INITIALIZERS["zeros"],
    "one": INITIALIZERS["ones"],
    "normal": RandomNormal,
    "uniform": RandomUniform,
}

Initializer = Annotated[
    Component, OneOf("an initializer", INITIALIZERS, {"stft": "is made for short-time Fourier layers"})
]
