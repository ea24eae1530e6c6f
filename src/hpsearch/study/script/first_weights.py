"""The first weights that the layers of a network do not draw by themselves, as plain code."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from hpsearch.exceptions import UnsupportedError
from hpsearch.models.components.embeddings import BINS, MOST_ROWS, FeatureLayout
from hpsearch.models.weights import weights_of
from hpsearch.spec.sections.tabm import Tabm

UNIFORM = '''
def uniform(shape, inputs, name):
    """Draw weights of units with so many inputs, from a seed for their name."""
    root = 1 / np.sqrt(inputs)
    return np.random.default_rng(derived(SEED, name)).uniform(-root, root, shape)

'''

EDGES = '''
def bin_weights(numbers, count):
    """Return the factors and offsets that give the places of numbers in bins between their quantiles."""
    quantiles = np.quantile(numbers.astype(np.float64), np.linspace(0, 1, count + 1), axis=0).T
    factors, offsets = np.zeros((2, numbers.shape[1], count))
    for feature, given in enumerate(quantiles):
        edges = np.unique(given)
        widths = np.diff(edges)
        if not len(widths):
            continue
        places, begins = [*range(len(widths) - 1), count - 1], edges[:-1]
        if len(widths) == 1 < count:
            places, begins, widths = [0, count - 1], edges, widths.repeat(2)
        factors[feature, places] = 1 / widths
        offsets[feature, places] = -begins / widths
    return [factors, offsets]

'''


@dataclass(frozen=True)
class FirstWeights:
    """What puts first weights into a network.

    Attributes:
        names: The weights that it puts there.
        lines: The code, which finds the network as `model`.
    """

    names: frozenset[str]
    lines: tuple[str, ...]


def first_weights(model: keras.Model, part: Any, layout: FeatureLayout | None, rows: int) -> FirstWeights:
    """Write what the layers of a network do not draw.

    Args:
        model: The network with its first weights.
        part: The model section of its configuration.
        layout: Which features are numbers, where a table says so.
        rows: The number of training rows.

    Raises:
        UnsupportedError: There are weights that no script can have.
    """
    found = [
        *_bins(model, layout, rows),
        *(_of_tabm(part, weights_of(model)) if isinstance(part, Tabm) else ()),
    ]
    names = frozenset[str]().union(*(one.names for one in found))
    again, known = weights_of(type(model).from_config(model.get_config())), weights_of(model)
    if any(name not in names and not np.array_equal(again[name], value) for name, value in known.items()):
        raise UnsupportedError(
            "the first weights of this model are not drawn by its layers alone, so no plain script has them"
        )
    return FirstWeights(names, tuple(line for one in found for line in one.lines))


def _bins(model: keras.Model, layout: FeatureLayout | None, rows: int) -> Iterator[FirstWeights]:
    for layer in model.layers:
        if layer.name == BINS:
            features, count = layer.kernel.shape
            numbers = range(features) if layout is None else layout.numbers
            every = f"[::{-(-rows // MOST_ROWS)}]" if rows > MOST_ROWS else ""
            given = f"x_train{every}.reshape(-1, {math.prod(model.inputs[0].shape[1:])})[:, {list(numbers)}]"
            names = frozenset(f"{BINS}/{name}" for name in ("kernel", "bias"))
            yield FirstWeights(
                names, (EDGES, f"model.get_layer({BINS!r}).set_weights(bin_weights({given}, {count}))")
            )


def _of_tabm(part: Tabm, known: Mapping[str, Any]) -> Iterator[FirstWeights]:
    """Write what the members of TabM begin with, as `models/sources/tabm.py` draws it."""
    expressions = dict(_drawn(part, {name: value.shape for name, value in known.items()}))
    lines = [UNIFORM]
    for name, expression in expressions.items():
        layer, variable = name.split("/")
        lines.append(f"model.get_layer({layer!r}).{variable}.assign({expression})")
    yield FirstWeights(frozenset(expressions), tuple(lines))


def _drawn(part: Tabm, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[str, str]]:
    name = "adapter_1/kernel"
    generator = f"np.random.default_rng(derived(SEED, {name!r}))"
    signs = part.embedding.name == "none"
    yield name, f"{generator}.{'choice((-1.0, 1.0), ' if signs else 'standard_normal('}{shapes[name]})"
    for number in range(1, part.n_blocks + 1):
        kernel, bias = f"hidden_{number}/kernel", f"{'hidden' if part.mini else 'scale'}_{number}/bias"
        inputs, units = shapes[kernel]
        yield kernel, f"uniform({(inputs, units)}, {inputs}, {kernel!r})"
        drawn = f"uniform({(units,)}, {inputs}, {bias!r})"
        yield bias, drawn if part.mini else f"np.broadcast_to({drawn}, {shapes[bias]})"
    for name in ("heads/kernel", "heads/bias"):
        yield name, f"uniform({shapes[name]}, {part.d_block}, {name!r})"
