"""A network at given weights: one batch forward and one step of its loss backward, on JAX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import keras
import numpy as np

from hpsearch.data import Rows
from hpsearch.models.components.objectives import Objective
from hpsearch.models.model import initial_weights, training_model
from hpsearch.models.sources.layered import hidden_activations
from hpsearch.models.weights import Weights, put_weights
from hpsearch.spec import Configuration, Mlp
from hpsearch.spec.sections.initializers import INITIALIZERS
from hpsearch.training.probes.layers import mean_layer, measure_layer
from hpsearch.training.probes.record import LayerProbe

Program = Callable[..., Any]


class Prober:
    """Probes networks on one batch, in training mode: batch normalization by the batch, dropout at work.

    Networks that differ only in their weights share one compiled program.
    """

    def __init__(self, batch: Rows, objective: Objective) -> None:
        self.x, self.y, self.objective = batch.x.astype(np.float32, copy=False), batch.y, objective
        self.weights = batch.weights
        self._programs: dict[Mlp, Program] = {}

    def probe(
        self, configuration: Configuration, seeds: Sequence[int], weights: Sequence[Weights] | None = None
    ) -> tuple[LayerProbe, ...]:
        """Measure each hidden layer of a perceptron.

        Args:
            configuration: A configuration whose model is an `Mlp`.
            seeds: The seeds of the networks.
            weights: The weights of the network of each seed; by default its initial weights.

        Returns:
            One measurement for each hidden layer, the mean over the seeds.
        """
        given = [self._first_weights(configuration, seed) for seed in seeds] if weights is None else weights
        found = [self._layers(configuration, *each) for each in zip(seeds, given, strict=True)]
        return tuple(map(mean_layer, zip(*found, strict=True)))

    def _first_weights(self, configuration: Configuration, seed: int) -> Weights:
        return initial_weights(configuration, self.x.shape[1:], self.objective, seed)

    def _layers(self, configuration: Configuration, seed: int, weights: Weights) -> list[LayerProbe]:
        mlp = cast("Mlp", configuration.model)
        model = self._model(configuration, seed, weights)
        trained = [variable.value for variable in model.trainable_variables]
        others = [variable.value for variable in model.non_trainable_variables]
        gradients, activations = self._program(mlp, model)(trained, others, self.x, self.y, self.weights)
        kernels = [np.asarray(gradients[place]) for place in _places_of_kernels(model, len(mlp.sizes))]
        names = [mlp.of_layer("activation", index).name for index in range(len(mlp.sizes))]
        return list(map(measure_layer, map(np.asarray, activations), kernels, names))

    def _model(self, configuration: Configuration, seed: int, weights: Weights) -> keras.Model:
        """Build the model that is trained, with the activations as outputs in front of its logits."""
        model = training_model(configuration, self.x.shape[1:], self.objective, seed)
        put_weights(model, weights)
        seen = hidden_activations(model, cast("Mlp", configuration.model))
        return keras.Model(model.inputs, [*seen, model.output])

    def _program(self, mlp: Mlp, model: keras.Model) -> Program:
        same = {"initializer": INITIALIZERS["zeros"](), "output_initializer": INITIALIZERS["zeros"]()}
        structure = mlp.model_copy(update=same)
        if structure not in self._programs:
            self._programs[structure] = _compiled(model, self.objective)
        return self._programs[structure]


def _compiled(model: keras.Model, objective: Objective) -> Program:
    """Compile the gradient of the loss, without penalties, and the activations that led to it.

    Level 1 of optimization is enough for what runs a few times.
    """

    def loss(trained: Any, others: Any, x: Any, y: Any, weights: Any) -> Any:
        (*activations, logits), _ = model.stateless_call(trained, others, x, training=True)
        return keras.ops.mean(objective.minimized(y, logits, weights)), activations

    options = {"xla_backend_optimization_level": 1}
    return cast("Program", jax.jit(jax.grad(loss, has_aux=True), compiler_options=options))


def _places_of_kernels(model: keras.Model, layers: int) -> list[int]:
    """Return the places of the hidden layers' kernels among the trained variables."""
    places = {id(variable): place for place, variable in enumerate(model.trainable_variables)}
    return [places[id(model.get_layer(f"hidden_{index + 1}").kernel)] for index in range(layers)]
