"""What the sources of networks for tables have in common: how rows enter, and what is fitted to them."""

from __future__ import annotations

from typing import Any, Self, TypeVar

import keras

from hpsearch.data import Dataset, Rows
from hpsearch.models.components.embeddings import Embedding, FeatureLayout, fit_bins
from hpsearch.models.components.objectives import Objective
from hpsearch.models.interface import ModelFiles, ModelSource
from hpsearch.models.weights import Weights, weights_of
from hpsearch.spec import ModelComponent, StudySpec

Kind = TypeVar("Kind", bound=ModelComponent)


class TableSource(ModelSource[Kind]):
    """Networks for the rows of a table, in Keras' stock layers.

    Args:
        layout: The features of rows; None where all are numbers.
    """

    not_compiled = "networks for tables are trained by the programs of any Keras model"

    def __init__(self, layout: FeatureLayout | None = None) -> None:
        self.layout = layout

    @classmethod
    def of_study(cls, spec: StudySpec, files: ModelFiles, dataset: Dataset) -> Self:
        """Make the source; there are no files to read."""
        del spec, files
        return cls(FeatureLayout.of(dataset))

    def first_weights(self, model: Kind, network: keras.Model, objective: Objective, seed: int) -> Weights:
        """Return the weights of the network, each layer's drawn from a seed of its own."""
        del model, objective, seed
        return weights_of(network)

    def fit_to(self, model: Kind, network: keras.Model, rows: Rows, objective: Objective, seed: int) -> None:
        """Put the edges of bins into a network."""
        del model, objective, seed
        if self.layout is not None:
            fit_bins(network, self.layout, rows.x)

    def embedded(self, model: Any, rows: Any, seed: int, *, training: bool) -> Any:
        """Embed the numbers and categories of flat rows as a model says."""
        layout = self.layout or FeatureLayout(tuple(range(rows.shape[1])))
        return Embedding(model.embedding, model.categories, layout, seed, training).of(rows)


def flat(inputs: Any) -> Any:
    """Return rows as (rows, features)."""
    return inputs if len(inputs.shape) == 2 else keras.layers.Flatten(name="flatten")(inputs)
