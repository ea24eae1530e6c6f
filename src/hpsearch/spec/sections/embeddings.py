"""Embeddings of what tables have: numbers, and categories that come as one feature each."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hpsearch.spec.sections.activations import ACTIVATIONS, Activation
from hpsearch.spec.study_file.distributions import Searchable
from hpsearch.spec.study_file.parts import Component, Count, OneOf, Positive, bare, written_once

_ACTIVATION = written_once("embedding_activation")

Bins = Annotated[int, Field(ge=1, le=1_000)]


class PiecewiseLinear(Component):
    """Piecewise linear encoding with a linear layer and an activation (arXiv 2203.05556).

    The edges of the bins are quantiles of the training rows.
    """

    name = "piecewise_linear"
    bins: Searchable[Bins] = 48
    size: Searchable[Count] = 16
    activation: Annotated[Searchable[Activation], _ACTIVATION] = ACTIVATIONS["relu"]()


class Periodic(Component):
    """Cosines and sines of learned frequencies, a linear layer and an activation (PLR of the same paper).

    `sigma` is the standard deviation of the first frequencies.
    """

    name = "periodic"
    frequencies: Searchable[Count] = 48
    sigma: Searchable[Positive] = 0.1
    size: Searchable[Count] = 24
    activation: Annotated[Searchable[Activation], _ACTIVATION] = ACTIVATIONS["relu"]()


class Pbld(Component):
    """Cosines with learned phases, a linear layer, and the feature itself (arXiv 2407.04491)."""

    name = "pbld"
    frequencies: Searchable[Count] = 16
    sigma: Searchable[Positive] = 0.1
    size: Searchable[Annotated[int, Field(ge=2, le=10**6)]] = 4


class LearnedCategories(Component):
    """Learned vectors for the categories of columns that have more than `above`; others stay one-hot.

    Without `size` a column of n categories has vectors of 1.6 n^0.56 numbers, at most 50.
    """

    name = "embedding"
    above: Searchable[Annotated[int, Field(ge=0, le=10**6)]] = 9
    size: Searchable[Count] | None = None


NUMBER_EMBEDDINGS: dict[str, type[Component]] = {
    "none": bare("none"),
    **{kind.name: kind for kind in (PiecewiseLinear, Periodic, Pbld)},
}
CATEGORY_EMBEDDINGS: dict[str, type[Component]] = {
    "one_hot": bare("one_hot"),
    LearnedCategories.name: LearnedCategories,
}

_NUMBERS = Annotated[Component, OneOf("an embedding of numbers", NUMBER_EMBEDDINGS)]
_CATEGORIES = Annotated[Component, OneOf("an embedding of categories", CATEGORY_EMBEDDINGS)]
NumberEmbedding = Annotated[Searchable[_NUMBERS], written_once("embeddings_of_numbers")]
CategoryEmbedding = Annotated[Searchable[_CATEGORIES], written_once("embeddings_of_categories")]


class FeatureEmbedding(Component):
    """Embeddings of the rows of a table, as the first of listed layers."""

    name = "feature_embedding"
    numbers: NumberEmbedding = PiecewiseLinear()
    categories: CategoryEmbedding = CATEGORY_EMBEDDINGS["one_hot"]()


class LearnedScale(Component):
    """A learned factor for each unit, 1 at first."""

    name = "learned_scale"


class ParametricActivation(Component):
    """x + a (f(x) - x) with a learned a for each unit, 1 at first (arXiv 2407.04491)."""

    name = "parametric_activation"
    activation: Searchable[Activation] = ACTIVATIONS["mish"]()


TABLE_LAYERS: dict[str, type[Component]] = {
    kind.name: kind for kind in (FeatureEmbedding, LearnedScale, ParametricActivation)
}
"""Layers for tables that Keras has under no name of its own."""
