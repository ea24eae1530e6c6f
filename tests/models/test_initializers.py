"""Initializers of layers draw what Keras' own do."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.models.components.initializers import INITIALIZERS, WITHOUT_SEED, keras_initializer
from hpsearch.spec import Component
from hpsearch.spec.sections.initializers import INITIALIZERS as COMPONENTS
from support.compiling import optimized

QUICK = [
    ("glorot_uniform", {}, (6, 7)),
    ("random_uniform", {"minval": -0.3, "maxval": 0.77}, (5,)),
    ("random_normal", {"mean": 0.3, "stddev": 0.7}, (3, 3, 2, 5)),
    ("truncated_normal", {"mean": -0.3, "stddev": 0.7}, (8, 3)),
]


def check(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    component: Component = COMPONENTS[name](**arguments)
    with optimized():
        found = keras_initializer(component, 2**31 + 5)(shape, dtype="float32")
        expected = INITIALIZERS[name](**dict(component.items()), seed=5)(shape, dtype="float32")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("name", "arguments", "shape"), QUICK)
def test_bits_are_those_of_keras(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    check(name, arguments, shape)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(INITIALIZERS) - WITHOUT_SEED))
@pytest.mark.parametrize("shape", [(500, 32), (48, 4), (3, 3, 16, 8), (200, 100)])
def test_bits_of_all_are_those_of_keras(name: str, shape: tuple[int, ...]) -> None:
    check(name, {}, shape)


def test_to_keras_it_is_its_own() -> None:
    known = keras.initializers.GlorotUniform(seed=3)
    found = keras_initializer(COMPONENTS["glorot_uniform"](), 3)
    assert keras.saving.serialize_keras_object(found) == keras.saving.serialize_keras_object(known)
    layer = keras.layers.Dense(2, kernel_initializer=found)
    again = type(layer).from_config(layer.get_config())
    assert type(again.kernel_initializer) is keras.initializers.GlorotUniform


def test_other_types_of_numbers_are_drawn_by_keras() -> None:
    found = keras_initializer(COMPONENTS["he_normal"](), 3)((4, 2), dtype="float16")
    expected = keras.initializers.HeNormal(seed=3)((4, 2), dtype="float16")
    assert found.dtype == "float16"
    np.testing.assert_array_equal(found, expected)
