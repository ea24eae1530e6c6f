"""The forward pass of a structure: Keras' stock layers, called without state, with a switch where needed."""

from __future__ import annotations

from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import keras

from hpsearch.components.objectives import Objective
from hpsearch.training.compiled.menu import PositionKind
from hpsearch.training.compiled.operations import activation_branch, dropout, switch
from hpsearch.training.compiled.structure import Arguments, Structure

Array = Any
Tensors = dict[str, Array]


class Forward:
    """Stock layers of one structure and how data pass through them.

    `trainable` and `moving` list the names of the variables, in the order of Keras' own model; every hidden
    layer has the variables of batch normalization, whether or not a member uses them.
    """

    def __init__(self, structure: Structure, features: tuple[int, ...], objective: Objective) -> None:
        self.structure = structure
        self.layers: dict[str, keras.layers.Layer] = {}
        width = prod(features)
        for index, units in enumerate(structure.sizes):
            number = index + 1
            self._add(keras.layers.Dense(units, name=f"hidden_{number}", kernel_initializer="zeros"), width)
            self._add(keras.layers.BatchNormalization(name=f"batch_norm_{number}"), units)
            if structure.prelu[index]:
                self._add(keras.layers.PReLU(name=f"activation_{number}"), units)
            width = units
        output = keras.layers.Dense(objective.units, name="output", kernel_initializer="zeros")
        self._add(output, width)
        self.kernels = [f"hidden_{layer + 1}/kernel" for layer in structure.layers]
        self.branches = [activation_branch(kind) for kind in structure.menu.activations]

    def _add(self, layer: keras.layers.Layer, width: int) -> None:
        layer.build((None, width))
        self.layers[layer.name] = layer

    @property
    def variables(self) -> dict[str, keras.Variable]:
        """Map the names of the trainable variables to Keras' own."""
        return {f"{n}/{v.name}": v for n, layer in self.layers.items() for v in layer.trainable_variables}

    @property
    def moving(self) -> list[str]:
        """List the names of the variables that training moves without a gradient."""
        return [f"{n}/{v.name}" for n, layer in self.layers.items() for v in layer.non_trainable_variables]

    def __call__(
        self, weights: Tensors, moving: Tensors, x: Array, arguments: Arguments, key: Array | None
    ) -> tuple[Array, Tensors]:
        """Give the logits of a batch and the moved variables; `key` is that of dropout, None to validate."""
        tensor = x.reshape(x.shape[0], -1)
        for index in self.structure.layers:
            tensor, moving = self._hidden(index, weights, moving, tensor, arguments, key)
        return self._call("output", weights, {}, tensor)[0], moving

    def _hidden(
        self, index: int, weights: Tensors, moving: Tensors, tensor: Array, arguments: Arguments, key: Any
    ) -> tuple[Array, Tensors]:
        tensor, _ = self._call(f"hidden_{index + 1}", weights, {}, tensor)
        tensor, moving = self._normalize("before_activation", index, weights, moving, tensor, arguments, key)
        tensor = self._activate(index, weights, tensor, arguments)
        tensor, moving = self._normalize("after_activation", index, weights, moving, tensor, arguments, key)
        if key is not None and self.structure.menu.dropout:
            tensor = self._drop(index, tensor, arguments["dropout"][index], key)
        return tensor, moving

    def _drop(self, index: int, tensor: Array, rate: Array, key: Array) -> Array:
        # The key is already that of the step; adding the layer to its other word keeps all keys apart.
        layer_key = key + jnp.array([0, index], jnp.uint32)
        return jax.lax.cond(rate > 0, lambda t: dropout(t, rate, layer_key), lambda t: t, tensor)

    def _activate(self, index: int, weights: Tensors, tensor: Array, arguments: Arguments) -> Array:
        if self.structure.prelu[index]:
            return self._call(f"activation_{index + 1}", weights, {}, tensor)[0]
        numbers = arguments["activation_arguments"][index]
        return switch(arguments["activation"][index], self.branches, tensor, numbers)

    def _normalize(
        self,
        place: str,
        index: int,
        weights: Tensors,
        moving: Tensors,
        tensor: Array,
        arguments: Arguments,
        key: Any,
    ) -> tuple[Array, Tensors]:
        kinds = self.structure.menu.positions
        if all(kind.name != place for kind in kinds):
            return tensor, moving
        name = f"batch_norm_{index + 1}"
        own = {n: value for n, value in moving.items() if n.startswith(f"{name}/")}

        def branch(kind: PositionKind) -> Any:
            if kind.name != place:
                return lambda t, m: (t, m)

            def normalize(t: Array, m: Tensors) -> tuple[Array, Tensors]:
                layer = self.layers[name]
                momentum, epsilon = arguments["momentum"][index], arguments["epsilon"][index]
                layer.momentum = momentum if kind.momentum is None else kind.momentum
                layer.epsilon = epsilon if kind.epsilon is None else kind.epsilon
                return self._call(name, weights, m, t, training=key is not None)

            return normalize

        tensor, own = switch(arguments["position"][index], [branch(kind) for kind in kinds], tensor, own)
        return tensor, {**moving, **own}

    def _call(
        self, name: str, weights: Tensors, moving: Tensors, tensor: Array, **arguments: Any
    ) -> tuple[Array, Tensors]:
        layer = self.layers[name]
        trainable = [weights[f"{name}/{variable.name}"] for variable in layer.trainable_variables]
        names = [f"{name}/{variable.name}" for variable in layer.non_trainable_variables]
        outputs, moved = layer.stateless_call(trainable, [moving[n] for n in names], tensor, **arguments)
        return outputs, dict(zip(names, moved, strict=True))

    def penalties(self, weights: Tensors, arguments: Arguments) -> Array:
        """Sum the L1 and L2 penalties of the kernels."""
        if not self.structure.menu.penalties:
            return jnp.float32(0)
        l1, l2 = arguments["l1"], arguments["l2"]
        return sum(
            l1[index] * jnp.sum(jnp.abs(weights[kernel])) + l2[index] * jnp.sum(jnp.square(weights[kernel]))
            for index, kernel in enumerate(self.kernels)
        )
