"""One hidden layer in numbers: from its activations and the gradient by its kernel to a record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.training.probes.formulas import RANGES, dead, deviation, ends_of, norm, saturated
from hpsearch.training.probes.record import EDGES, HIGH, LOW, LayerProbe

EQUAL = 1e-6
"""Units that differ by less than this share of the largest activation differ by rounding alone."""

Floats = NDArray[np.float64]


def measure_layer(activations: NDArray[Any], gradient: NDArray[Any], activation: str) -> LayerProbe:
    """Measure a layer.

    Args:
        activations: (rows, units), after the activation function.
        gradient: (inputs, units), of the loss with respect to the kernel.
        activation: The name of the activation function.
    """
    values = activations.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        mean, spread, between = _moments(values)
        histogram, below, above = _histogram(values)
        return LayerProbe(
            units=values.shape[1],
            mean=mean,
            deviation=spread,
            deviation_between_rows=between,
            dead=float(dead(np, values)),
            saturated=_saturated(values, activation),
            histogram=histogram,
            below=below,
            above=above,
            gradient_norm=_norm(gradient),
            symmetric=_symmetric(values),
        )


def _moments(values: Floats) -> tuple[float, float, float]:
    if not np.isfinite(values).all():
        return math.inf, math.inf, math.inf
    between = math.sqrt(float(values.var(axis=0).mean()))
    return float(values.mean()), float(deviation(np, values)), between


def _histogram(values: Floats) -> tuple[tuple[float, ...], float, float]:
    counts, _ = np.histogram(values, np.array(EDGES))
    shares = tuple(float(count) / values.size for count in counts)
    return shares, float((values < LOW).mean()), float((values > HIGH).mean())


def _saturated(values: Floats, activation: str) -> float | None:
    if activation not in RANGES:
        return None
    return float(saturated(np, values, ends_of(activation)))


def _norm(gradient: NDArray[Any]) -> float:
    found = float(norm(np, gradient.astype(np.float64)))
    return found if math.isfinite(found) else math.inf


def _symmetric(values: Floats) -> bool:
    spread = (values.max(axis=1) - values.min(axis=1)).max()
    return values.shape[1] > 1 and math.isfinite(spread) and bool(spread <= EQUAL * np.abs(values).max())


def mean_layer(layers: Sequence[LayerProbe]) -> LayerProbe:
    """Return the mean of one layer over several seeds; it is symmetric where it is with every seed."""
    return LayerProbe(
        units=layers[0].units,
        mean=_mean([layer.mean for layer in layers]),
        deviation=_mean([layer.deviation for layer in layers]),
        deviation_between_rows=_mean([layer.deviation_between_rows for layer in layers]),
        dead=_mean([layer.dead for layer in layers]),
        saturated=None if layers[0].saturated is None else _mean([layer.saturated or 0 for layer in layers]),
        histogram=tuple(map(_mean, zip(*(layer.histogram for layer in layers), strict=True))),
        below=_mean([layer.below for layer in layers]),
        above=_mean([layer.above for layer in layers]),
        gradient_norm=_mean([layer.gradient_norm for layer in layers]),
        symmetric=all(layer.symmetric for layer in layers),
    )


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)
