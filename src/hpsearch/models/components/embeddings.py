"""Embeddings of numbers and categories in Keras' stock layers, and what of them is fitted to rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Dataset
from hpsearch.models.components.activations import apply_activation
from hpsearch.seeds import derive
from hpsearch.spec import Component
from hpsearch.spec.sections.embeddings import LearnedCategories, Pbld, Periodic, PiecewiseLinear

BINS = "bins"
"""The name of the layer whose weights are the edges of bins, which training leaves alone."""

MOST_ROWS = 100_000
"""Rows from which quantiles are taken, evenly spaced."""


@dataclass(frozen=True)
class FeatureLayout:
    """Which features of flat rows are numbers, and where the indicators of each categorical column begin.

    Attributes:
        numbers: The positions of the numbers.
        categories: The position of the first indicator of each column, and how many it has.
    """

    numbers: tuple[int, ...]
    categories: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """Read the layout of a data set's rows."""
        width, indicators = math.prod(dataset.features), dataset.unscaled.indicators
        if indicators is None:
            return cls(tuple(range(width)))
        known = np.broadcast_to(indicators, dataset.features).reshape(-1)
        numbers = tuple(np.flatnonzero(~known).tolist())
        if dataset.encoding is None or len(dataset.features) > 1:
            return cls(numbers, tuple((int(place), 1) for place in np.flatnonzero(known)))
        widths = [column.width for column in dataset.encoding.columns]
        begins = np.cumsum([0, *widths])
        pairs = zip(begins.tolist(), widths, strict=False)
        return cls(numbers, tuple((begin, size) for begin, size in pairs if known[begin]))


@dataclass(frozen=True)
class Embedding:
    """How rows of a table are embedded.

    Attributes:
        numbers: How numbers are embedded.
        categories: How categories are.
        layout: Which features are which.
        seed: The member's seed, for the first weights.
        training: Whether the model is trained; otherwise all layers are Keras' own.
    """

    numbers: Component
    categories: Component
    layout: FeatureLayout
    seed: int
    training: bool

    @property
    def learned(self) -> tuple[tuple[int, int], ...]:
        """Return the columns whose categories have learned vectors."""
        if not isinstance(self.categories, LearnedCategories):
            return ()
        above = self.categories.above
        return tuple(column for column in self.layout.categories if column[1] > above)

    @property
    def unchanged(self) -> list[int]:
        """Return the positions of the features that stay as they are."""
        columns = [column for column in self.layout.categories if column not in self.learned]
        kept = [position for begin, size in columns for position in range(begin, begin + size)]
        return sorted((*self.layout.numbers, *kept)) if self.numbers.name == "none" else kept

    def of(self, rows: Any) -> Any:
        """Embed flat rows.

        Args:
            rows: A symbolic tensor (rows, features).

        Returns:
            A symbolic tensor (rows, units): numbers, one-hot categories, learned categories.
        """
        unchanged = self.unchanged
        parts = [_taken(rows, unchanged)] if unchanged else []
        if self.numbers.name != "none" and self.layout.numbers:
            parts.insert(0, self._numbers(rows))
        parts += [self._vectors(number, rows) for number in range(len(self.learned))]
        return parts[0] if len(parts) == 1 else keras.layers.Concatenate(name="embedded")(parts)

    def _numbers(self, rows: Any) -> Any:
        given = _taken(rows, list(self.layout.numbers))
        tensor = EMBEDDINGS[self.numbers.name](self.numbers, given, self.seed)
        activation = getattr(self.numbers, "activation", None)
        if activation is not None:
            name = "embedding_activation"
            tensor = apply_activation(activation, name, self.seed, tensor, training=self.training)
        return keras.layers.Flatten(name="embedded_numbers")(tensor)

    def _vectors(self, number: int, rows: Any) -> Any:
        begin, size = self.learned[number]
        layer = keras.layers.Dense(
            getattr(self.categories, "size", None) or ruled_size(size),
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(seed=_seed(self.seed, "category", number)),
            name=f"category_{number + 1}",
        )
        return layer(rows[:, begin : begin + size])


def ruled_size(categories: int) -> int:
    """Return the size of the vectors of a column with so many categories."""
    return min(50, max(1, round(1.6 * math.pow(categories, 0.56))))


def _taken(rows: Any, positions: list[int]) -> Any:
    return rows if positions == list(range(rows.shape[1])) else keras.ops.take(rows, positions, axis=1)


def _piecewise_linear(component: PiecewiseLinear, numbers: Any, seed: int) -> Any:
    features, bins = numbers.shape[1], component.bins
    layer = keras.layers.EinsumDense(
        "bi,it->bit", (features, bins), bias_axes="it", kernel_initializer="zeros", trainable=False, name=BINS
    )
    places = layer(numbers)
    # A place in a bin is from 0 to 1, and goes on below the first bin and above the last.
    if bins > 1:
        inner = [keras.layers.ReLU(max_value=1.0, name="inner_bins")(places[:, :, 1:-1])] if bins > 2 else []
        ends = keras.ops.minimum(places[:, :, :1], 1.0), keras.ops.maximum(places[:, :, -1:], 0.0)
        places = keras.layers.Concatenate(name="places_in_bins")([ends[0], *inner, ends[1]])
    return _per_feature(places, component.size, seed)


def _periodic(component: Periodic, numbers: Any, seed: int) -> Any:
    turned = _turned(component, numbers, seed, bias=False)
    waves = [keras.ops.cos(turned), keras.ops.sin(turned)]
    return _per_feature(keras.layers.Concatenate(name="waves")(waves), component.size, seed)


def _pbld(component: Pbld, numbers: Any, seed: int) -> Any:
    turned = _turned(component, numbers, seed, bias=True)
    linear = _per_feature(keras.ops.cos(turned), component.size - 1, seed)
    itself = keras.layers.Reshape((-1, 1), name="themselves")(numbers)
    return keras.layers.Concatenate(name="beside_themselves")([linear, itself])


def _turned(component: Any, numbers: Any, seed: int, *, bias: bool) -> Any:
    """Return 2 pi times frequency times number, with a learned phase if asked for."""
    shape = (numbers.shape[1], component.frequencies)
    normal = keras.initializers.RandomNormal(stddev=component.sigma, seed=_seed(seed, "frequency"))
    whole = keras.layers.Rescaling(2 * math.pi, name="whole_turns")(numbers)
    phases = keras.initializers.RandomUniform(-math.pi, math.pi, seed=_seed(seed, "phase"))
    return keras.layers.EinsumDense(
        "bi,ik->bik",
        shape,
        bias_axes="ik" if bias else None,
        kernel_initializer=normal,
        bias_initializer=phases,
        name="frequencies",
    )(whole)


def _per_feature(tensor: Any, size: int, seed: int) -> Any:
    """Apply a linear layer of its own to what each feature has become; its weights begin as in the paper."""
    features, inputs = tensor.shape[1:]
    root = 1 / math.sqrt(inputs)
    kernel, bias = (
        keras.initializers.RandomUniform(-root, root, seed=_seed(seed, "embedding", name))
        for name in ("kernel", "bias")
    )
    return keras.layers.EinsumDense(
        "bit,itd->bid",
        (features, size),
        bias_axes="id",
        kernel_initializer=kernel,
        bias_initializer=bias,
        name="embedding",
    )(tensor)


EMBEDDINGS: dict[str, Any] = {
    PiecewiseLinear.name: _piecewise_linear,
    Periodic.name: _periodic,
    Pbld.name: _pbld,
}


def _seed(seed: int, *names: Any) -> int:
    return int(derive(seed, *names) % 2**31)


def bin_weights(numbers: NDArray[Any], bins: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the weights with which a linear layer gives the places of numbers in their bins.

    The edges are the quantiles of each feature, equal ones once. The last bin of a feature is in the last
    place and what it lacks is before that; a feature with a single bin has what is above it in the last
    place, and one that is constant is 0 everywhere.

    Args:
        numbers: (n, features) training rows.
        bins: The number of bins.

    Returns:
        Factors and offsets, each (features, bins).
    """
    numbers = numbers[:: -(-len(numbers) // MOST_ROWS)]
    quantiles = np.quantile(numbers.astype(np.float64), np.linspace(0, 1, bins + 1), axis=0).T
    factors, offsets = np.zeros((2, numbers.shape[1], bins))
    for feature, given in enumerate(quantiles):
        edges = np.unique(given)
        widths = np.diff(edges)
        if not len(widths):
            continue
        places = [*range(len(widths) - 1), bins - 1]
        begins = edges[:-1]
        if len(widths) == 1 < bins:
            places, begins, widths = [0, bins - 1], edges, widths.repeat(2)
        factors[feature, places] = 1 / widths
        offsets[feature, places] = -begins / widths
    return factors.astype(np.float32), offsets.astype(np.float32)


def fit_bins(network: keras.Model, layout: FeatureLayout, rows: NDArray[Any]) -> None:
    """Put the edges of bins into a network, from the scaled training rows; others are left alone."""
    for layer in network._flatten_layers():  # noqa: SLF001 - the nested layers have no other door
        if layer.name == BINS:
            numbers = rows.reshape(len(rows), -1)[:, layout.numbers]
            layer.set_weights(bin_weights(numbers, layer.kernel.shape[1]))
