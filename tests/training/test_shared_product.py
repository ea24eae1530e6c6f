"""Members' first factors and the kernel that they share, as one product: what Keras' own layers give."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np
import pytest

from hpsearch.models.components.objectives import Objective
from hpsearch.models.sources.tabm import TabmSource
from hpsearch.models.weights import put_weights, weights_of
from hpsearch.spec.sections.tabm import Tabm
from hpsearch.training.compiled.forward.shared_product import SharedProduct, quick_members

ROWS = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)


def network(**given: Any) -> keras.Model:
    model = Tabm.model_validate({"k": 3, "n_blocks": 2, "d_block": 5, "embedding": "none", **given})
    made = TabmSource().network(model, (4,), Objective("regression", 1), 3)
    generator = np.random.default_rng(1)
    put_weights(made, {name: generator.normal(size=one.shape) for name, one in weights_of(made).items()})
    return made


def slopes(model: keras.Model) -> list[Any]:
    """Return what a model gives, and the gradients of all of its weights, compiled."""

    def function(weights: list[Any]) -> Any:
        given, _ = model.stateless_call(weights, [], ROWS, training=True)
        return keras.ops.sum(keras.ops.sin(given)), given

    weights = [variable.value for variable in model.trainable_variables]
    return [np.asarray(one) for one in jax.tree.leaves(jax.jit(jax.grad(function, has_aux=True))(weights))]


@pytest.mark.parametrize("mini", [False, True])
def test_values_and_gradients_are_those_of_keras(mini: bool) -> None:
    model = network(mini=mini)
    expected = slopes(model)
    quick_members(model)
    assert isinstance(model.get_layer("hidden_1").call, SharedProduct)
    for one, other in zip(expected, slopes(model), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4)


def test_other_layers_stay_as_they_are() -> None:
    model = network(mini=False)
    quick_members(model)
    replaced = {layer.name for layer in model.layers if "call" in vars(layer)}
    assert replaced == {"adapter_1", "hidden_1"}
