"""The forward pass of a structure: Keras' stock layers, called without state, with a switch where needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial, reduce
from itertools import count
from operator import add
from typing import Any

import jax
import jax.numpy as jnp
import keras

from hpsearch.models.components.activations import prelu_layer
from hpsearch.models.components.objectives import Objective
from hpsearch.models.sources.layers import Layer, entrance, head, kernel_layer, pooling_layer
from hpsearch.spec import Configuration, Layered
from hpsearch.spec.sections.architecture import Hidden, Shape
from hpsearch.training.compiled.forward.convolution import quick_in_loops
from hpsearch.training.compiled.forward.interface import Arguments, Array, Forward, Passed, Tensors
from hpsearch.training.compiled.forward.operations import (
    DROPOUTS,
    activation_branch,
    noise_key,
    rrelu,
    switch,
    total,
)
from hpsearch.training.compiled.forward.options import PositionKind, site_branches
from hpsearch.training.compiled.forward.pooling import quick_pooling
from hpsearch.training.compiled.forward.structure import Structure
from hpsearch.training.compiled.forward.traced import with_values


@dataclass(frozen=True)
class Site:
    """A place for batch normalization.

    Attributes:
        layer: The name of the layer that it is the place of.
        index: The index of the hidden layer.
        name: The position that it is for, such as `before_activation`.
        kinds: All kinds of the program, those of other positions among them.
    """

    layer: str
    index: int
    name: str
    kinds: tuple[PositionKind, ...]


@dataclass(frozen=True)
class _Context:
    """What holds for all layers of one pass; without a `key` there is no noise."""

    weights: Tensors
    arguments: Arguments
    key: Array | None
    training: bool


class LayeredForward(Forward):
    """Stock layers of one structure and how data pass through them.

    Every hidden layer has the variables of batch normalization, whether or not a member uses them, and so
    have the inputs where a member can.
    """

    def __init__(self, structure: Structure, features: Shape, objective: Objective) -> None:
        self.structure = structure
        self.layers: dict[str, keras.layers.Layer] = {}
        architecture = structure.architecture
        shapes = architecture.shapes(features)
        self.entrance = self._add(entrance(architecture, features), features)
        if structure.options.input_norms:
            self._add(keras.layers.BatchNormalization(name="input_batch_norm"), shapes[0])
        self.behind = [self._add_hidden(*each) for each in zip(count(), architecture.hidden, shapes)]
        output = keras.layers.Dense(objective.units, name="output", kernel_initializer="zeros")
        self._add(output, shapes[-1])
        self.branches = [activation_branch(kind) for kind in structure.options.activations]

    def _add_hidden(self, index: int, layer: Hidden, inputs: Shape) -> tuple[str, str]:
        """Add a hidden layer; give the names of what stands behind its activation, and behind its noise."""
        number, activated = index + 1, layer.activated(inputs)
        self._add(quick_in_loops(kernel_layer(layer, number)), inputs)
        self._add(keras.layers.BatchNormalization(name=f"batch_norm_{number}"), activated)
        if self.structure.prelu[index]:
            self._add(prelu_layer(f"activation_{number}", len(activated)), activated)
        pooling = self._add(quick_pooling(pooling_layer(layer, number)), activated)
        return pooling, self._add(head(self.structure.architecture, number), layer.outputs(inputs))

    def _add(self, layer: keras.layers.Layer | None, inputs: Shape) -> str:
        """Build a layer for inputs of a shape and give its name; none has none."""
        if layer is None:
            return ""
        layer.build((None, *inputs))
        self.layers[layer.name] = layer
        return str(layer.name)

    @property
    def variables(self) -> dict[str, keras.Variable]:
        return {f"{n}/{v.name}": v for n, layer in self.layers.items() for v in layer.trainable_variables}

    @property
    def moving(self) -> list[str]:
        return [f"{n}/{v.name}" for n, layer in self.layers.items() for v in layer.non_trainable_variables]

    @property
    def kernels(self) -> list[str]:
        return [*self._hidden_kernels, "output/kernel"]

    @property
    def _hidden_kernels(self) -> list[str]:
        return [f"hidden_{layer + 1}/kernel" for layer in self.structure.layers]

    @property
    def penalized(self) -> int:
        """Count the penalties: those of all hidden layers, or none where no activation can be penalized."""
        return len(self.structure.layers) if self.structure.options.activity else 0

    def activations(self, configuration: Configuration) -> list[str]:
        model = configuration.model
        assert isinstance(model, Layered)  # noqa: S101 - narrows the type; a structure is made of no other
        return [model.of_layer("activation", layer).name for layer in self.structure.layers]

    def __call__(
        self,
        weights: Tensors,
        moving: Tensors,
        x: Array,
        arguments: Arguments,
        key: Array | None,
        *,
        training: bool,
    ) -> Passed:
        context = _Context(weights, arguments, key if training else None, training)
        tensor, moving = self._prepare(context, moving, self._pass(self.entrance, x))
        penalties: list[Array] = []
        watched: list[Array] = []
        for index in self.structure.layers:
            tensor, moving, activated, added = self._hidden(index, context, moving, tensor)
            watched.append(activated)
            penalties += added
        return Passed(self._call(self.layers["output"], weights, {}, tensor)[0], moving, penalties, watched)

    def _prepare(self, context: _Context, moving: Tensors, tensor: Array) -> tuple[Array, Tensors]:
        """Normalize and drop inputs."""
        kinds = self.structure.options.input_norms
        if kinds:
            site = Site("input_batch_norm", 0, "batch_norm", kinds)
            own = context.arguments["input_batch_norm"]
            tensor, moving = self._normalize(site, context, moving, tensor, own)
        return self._drop("input_dropout", 0, context, tensor), moving

    def _hidden(
        self, index: int, context: _Context, moving: Tensors, tensor: Array
    ) -> tuple[Array, Tensors, Array, list[Array]]:
        """Pass a batch through a hidden layer; give also its activated outputs, and their penalties."""
        before, after = (
            Site(f"batch_norm_{index + 1}", index, name, self.structure.options.positions)
            for name in ("before_activation", "after_activation")
        )
        tensor, _ = self._call(self.layers[f"hidden_{index + 1}"], context.weights, {}, tensor)
        tensor, moving = self._normalize(before, context, moving, tensor, context.arguments)
        activated = self._activate(index, context, tensor)
        penalties = self._activity(index, activated, context.arguments)
        tensor, moving = self._normalize(after, context, moving, activated, context.arguments)
        behind_activation, behind_noise = self.behind[index]
        tensor = self._pass(behind_activation, tensor)
        for noise in ("dropout", "alpha_dropout"):
            tensor = self._drop(noise, index, context, tensor)
        return self._pass(behind_noise, tensor), moving, activated, penalties

    def _drop(self, noise: str, layer: int, context: _Context, tensor: Array) -> Array:
        """Drop units where there is noise, if a member of the program can."""
        if context.key is None or noise not in self.structure.options.dropouts:
            return tensor
        rate = context.arguments[noise][layer]
        layer_key, drop = noise_key(context.key, noise, layer), DROPOUTS[noise]
        return jax.lax.cond(rate > 0, lambda t: drop(t, rate, layer_key), lambda t: t, tensor)

    def _activate(self, index: int, context: _Context, tensor: Array) -> Array:
        if self.structure.prelu[index]:
            return self._call(self.layers[f"activation_{index + 1}"], context.weights, {}, tensor)[0]
        numbers = context.arguments["activation_arguments"][index]
        chosen = context.arguments["activation"][index]
        return switch(chosen, self._branches(index, context.key), tensor, numbers)

    def _branches(self, index: int, key: Array | None) -> list[Any]:
        """List the activations of the program; where there is noise, rrelu draws its slopes."""
        kinds = self.structure.options.activations
        if key is None or all(kind.name != "rrelu" for kind in kinds):
            return self.branches
        drawn = partial(rrelu, key=noise_key(key, "rrelu", index))
        named = zip(kinds, self.branches, strict=True)
        return [drawn if kind.name == "rrelu" else branch for kind, branch in named]

    def _activity(self, index: int, tensor: Array, arguments: Arguments) -> list[Array]:
        """Penalize an activation, as Keras divided by the rows of the batch."""
        if not self.structure.options.activity:
            return []
        sums = {"activity_l1": total(jnp.abs(tensor)), "activity_l2": total(jnp.square(tensor))}
        strengths = {name: arguments[name][index] for name in sums}
        # Without a penalty there is none, even where the sum is more than a float can hold.
        terms = [jnp.where(strengths[n] > 0, strengths[n] * added, 0.0) for n, added in sums.items()]
        return [(terms[0] + terms[1]) / tensor.shape[0]]

    def _normalize(
        self, site: Site, context: _Context, moving: Tensors, tensor: Array, arguments: Arguments
    ) -> tuple[Array, Tensors]:
        """Normalize a batch at a site; `arguments` are those of all hidden layers, or of the inputs."""
        kinds = site_branches(site.kinds, site.name)
        if kinds == (None,):
            return tensor, moving
        name, index = site.layer, site.index
        own = {n: value for n, value in moving.items() if n.startswith(f"{name}/")}

        def branch(kind: PositionKind | None) -> Any:
            if kind is None:
                return lambda t, m: (t, m)

            def normalize(t: Array, m: Tensors) -> tuple[Array, Tensors]:
                momentum, epsilon = arguments["momentum"][index], arguments["epsilon"][index]
                layer = with_values(
                    self.layers[name],
                    momentum=momentum if kind.momentum is None else kind.momentum,
                    epsilon=epsilon if kind.epsilon is None else kind.epsilon,
                )
                return self._call(layer, context.weights, m, t, training=context.training)

            return normalize

        tensor, own = switch(arguments[site.name][index], [branch(k) for k in kinds], tensor, own)
        return tensor, {**moving, **own}

    def _pass(self, name: str, tensor: Array) -> Array:
        """Pass a tensor through a layer without weights, if there is one."""
        return self._call(self.layers[name], {}, {}, tensor)[0] if name else tensor

    def _call(
        self, layer: Layer, weights: Tensors, moving: Tensors, tensor: Array, **arguments: Any
    ) -> tuple[Array, Tensors]:
        name = layer.name
        trainable = [weights[f"{name}/{variable.name}"] for variable in layer.trainable_variables]
        names = [f"{name}/{variable.name}" for variable in layer.non_trainable_variables]
        outputs, moved = layer.stateless_call(trainable, [moving[n] for n in names], tensor, **arguments)
        return outputs, dict(zip(names, moved, strict=True))

    def penalties(self, weights: Tensors, arguments: Arguments, activity: list[Array]) -> Array:
        """Sum the L1 and L2 penalties of the kernels, and those of the activations."""
        return reduce(add, activity, self._kernel_penalties(weights, arguments))

    def _kernel_penalties(self, weights: Tensors, arguments: Arguments) -> Array:
        if not self.structure.options.penalties:
            return jnp.float32(0)
        l1, l2 = arguments["l1"], arguments["l2"]
        return sum(
            l1[index] * total(jnp.abs(weights[kernel])) + l2[index] * total(jnp.square(weights[kernel]))
            for index, kernel in enumerate(self._hidden_kernels)
        )
