"""Networks of any of Keras' layers, as the study file lists them."""

from __future__ import annotations

from collections import Counter
from typing import Any, Self

import keras

from hpsearch.data import Dataset, Rows
from hpsearch.exceptions import ModelError, spoken
from hpsearch.models.components.embeddings import Embedding, FeatureLayout, fit_bins
from hpsearch.models.components.layers import apply_layer, keras_argument
from hpsearch.models.components.objectives import Objective
from hpsearch.models.interface import ModelFiles, ModelSource
from hpsearch.models.weights import Weights, weights_of
from hpsearch.seeds import derive
from hpsearch.spec import Component, Sequential, StudySpec
from hpsearch.spec.sections.embeddings import FeatureEmbedding
from hpsearch.spec.sections.sequential import Residual

INNER = "layers"
"""The name of the model that holds the listed layers and the output layer."""


class SequentialSource(ModelSource[Sequential]):
    """The layers of a configuration, nested in one model.

    Args:
        layout: The features of rows; None where no configuration embeds them.
    """

    not_compiled = "any of Keras' layers may be among them, and their programs are those of any Keras model"

    def __init__(self, layout: FeatureLayout | None = None) -> None:
        self.layout = layout

    @classmethod
    def of_study(cls, spec: StudySpec, files: ModelFiles, dataset: Dataset) -> Self:
        """Make the source; there are no files to read."""
        del spec, files
        return cls(FeatureLayout.of(dataset))

    def connect(
        self, model: Sequential, inputs: Any, objective: Objective, seed: int, *, training: bool
    ) -> Any:
        """Connect the listed layers to rows, as one nested model."""
        rows = keras.Input(inputs.shape[1:])
        stack = _Stack(seed, rows, self.layout, training=training)
        return keras.Model(rows, _logits(model, stack, objective), name=INNER)(inputs)

    def first_weights(
        self, model: Sequential, network: keras.Model, objective: Objective, seed: int
    ) -> Weights:
        """Return the weights of the network, each layer's drawn from a seed of its own."""
        del model, objective, seed
        return weights_of(network)

    def fit_to(
        self, model: Sequential, network: keras.Model, rows: Rows, objective: Objective, seed: int
    ) -> None:
        """Put the edges of bins into a network."""
        del model, objective, seed
        if self.layout is not None:
            fit_bins(network, self.layout, rows.x)


def _logits(model: Sequential, stack: _Stack, objective: Objective) -> Any:
    tensor = stack.through(model.layers, stack.rows)
    if len(tensor.shape) != 2:
        raise ModelError(
            f"model.sequential: the output layer needs (features), and has {_shape(tensor)} here: end the "
            "layers in flatten, or in a global pooling"
        )
    arguments = {
        name: keras_argument(name, value, derive(stack.seed, "output", name), training=stack.training)
        for name, value in model.output.items()
        if value is not None
    }
    given = {name: value for name, value in arguments.items() if value is not None}
    return keras.layers.Dense(objective.units, name="output", **given)(tensor)


class _Stack:
    """Applies layers one after another, and names each by its kind and a number.

    Args:
        seed: The member's seed.
        rows: The symbolic tensor that the first layer is given.
        layout: The features of rows; None where all are numbers.
        training: Whether the model is trained.
    """

    def __init__(self, seed: int, rows: Any, layout: FeatureLayout | None, *, training: bool) -> None:
        self.seed, self.rows, self.layout, self.training = seed, rows, layout, training
        self.numbers: Counter[str] = Counter()

    def through(self, layers: tuple[Component, ...], tensor: Any) -> Any:
        """Apply layers to a symbolic tensor.

        Raises:
            ModelError: One cannot be applied to what the layers before it give.
        """
        for component in layers:
            tensor = self._applied(component, tensor)
        return tensor

    def _applied(self, component: Component, tensor: Any) -> Any:
        self.numbers[component.name] += 1
        name = f"{component.name}_{self.numbers[component.name]}"
        if isinstance(component, Residual):
            return _added(self.through(component.layers, tensor), tensor, name)
        if isinstance(component, FeatureEmbedding):
            return self._embedded(component, tensor)
        try:
            outputs = apply_layer(component, name, self.seed, tensor, training=self.training)
        except ModelError:
            raise
        except Exception as failure:  # noqa: BLE001 - Keras raises whatever a layer raises
            raise ModelError(
                f"model.sequential: {name} cannot be applied to {_shape(tensor)}: {spoken(failure)}"
            ) from None
        if any(side is not None and side < 1 for side in outputs.shape):
            raise ModelError(f"model.sequential: {name} leaves nothing of {_shape(tensor)}")
        return outputs

    def _embedded(self, component: FeatureEmbedding, tensor: Any) -> Any:
        if tensor is not self.rows or len(tensor.shape) != 2:
            raise ModelError(
                "model.sequential: feature_embedding needs the (features) of a table: put it first, once"
            )
        layout = self.layout or FeatureLayout(tuple(range(tensor.shape[1])))
        parts = component.numbers, component.categories
        return Embedding(*parts, layout, self.seed, self.training).of(tensor)


def _added(outputs: Any, inputs: Any, name: str) -> Any:
    if outputs.shape != inputs.shape:
        raise ModelError(
            f"model.sequential: {name} adds {_shape(outputs)} to {_shape(inputs)}: its layers have to give "
            "the shape that they are given"
        )
    return keras.layers.Add(name=name)([inputs, outputs])


def _shape(tensor: Any) -> str:
    return str(tuple(tensor.shape[1:]))
