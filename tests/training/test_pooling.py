"""Maximum pooling with a quick gradient gives what Keras' own gives, bit for bit."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np
import pytest

from hpsearch.training.compiled.forward.pooling import quick_pooling

RANDOM = np.random.default_rng(0)
LAYERS = [
    (keras.layers.MaxPooling1D(2), (5, 9, 3)),
    (keras.layers.MaxPooling2D(2), (4, 7, 6, 3)),
    (keras.layers.MaxPooling2D((3, 2)), (4, 8, 5, 2)),
    (keras.layers.MaxPooling3D(2), (3, 4, 5, 4, 2)),
]
OTHERS = [
    (keras.layers.MaxPooling2D(3, strides=2), (4, 7, 7, 3)),
    (keras.layers.MaxPooling2D(2, padding="same"), (4, 7, 6, 3)),
    (keras.layers.MaxPooling2D(6), (2, 12, 12, 1)),
    (keras.layers.AveragePooling2D(2), (4, 6, 6, 3)),
]


def both(layer: Any, x: Any) -> Any:
    """Return what a layer gives, and the gradient of a function of it, compiled."""

    def function(x: Any) -> Any:
        given = layer(x)
        return keras.ops.sum(given * keras.ops.sin(given + 0.3)), given

    return jax.jit(jax.value_and_grad(function, has_aux=True))(x)


@pytest.mark.parametrize(("layer", "shape"), [*LAYERS, *OTHERS])
@pytest.mark.parametrize("rows", ["distinct", "with ties"])
def test_values_and_gradients_are_those_of_keras(layer: Any, shape: Any, rows: str) -> None:
    x = RANDOM.normal(size=shape).astype(np.float32)
    if rows == "with ties":
        # As behind a relu, where most windows hold several zeros.
        x = np.maximum(np.round(x), 0)
    plain = type(layer).from_config(layer.get_config())
    quick = quick_pooling(type(layer).from_config(layer.get_config()))
    expected, found = jax.tree.map(np.asarray, both(plain, x)), jax.tree.map(np.asarray, both(quick, x))
    for one, other in zip(jax.tree.leaves(expected), jax.tree.leaves(found), strict=True):
        assert (one == other).all()


def test_only_windows_that_do_not_overlap_are_replaced() -> None:
    replaced = [vars(quick_pooling(layer)).get("call") is not None for layer, _ in [*LAYERS, *OTHERS]]
    assert replaced == [True] * len(LAYERS) + [False] * len(OTHERS)


def test_a_layer_of_someones_own_stays_as_it_is() -> None:
    class Own(keras.layers.MaxPooling2D):  # type: ignore[misc]  # Keras has no types
        def call(self, inputs: Any) -> Any:
            return super().call(inputs) + 1

    assert "call" not in vars(quick_pooling(Own(2)))
