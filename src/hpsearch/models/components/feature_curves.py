"""The curves that scaled features go through, as Keras' stock layers of an exported model."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.data.curves import EXTREME, NormalScores, SmoothClip
from hpsearch.data.rows import Scaling
from hpsearch.models.components.robust_scale import smoothly_clipped

CURVE = "curve"
"""The name of the layer of a curve: a model of Keras' own layers."""

NARROW = 1e-6
"""The width of a step between quantiles that are equal, where the narrowest of the others is about 1."""

WIDE = 1e18
"""The largest width whose square is a float32."""


def curved(scaling: Scaling, rows: Any) -> Any:
    """Let those features of scaled rows go through a curve that have one.

    Args:
        scaling: The scaling, which has a curve.
        rows: A symbolic tensor (n, *features).
    """
    inner = keras.Input(rows.shape[1:])
    flat = inner if len(rows.shape) == 2 else keras.layers.Flatten()(inner)
    outputs = _placed(flat, np.asarray(scaling.curved), _curve_of(scaling.curve))
    if len(rows.shape) > 2:
        outputs = keras.layers.Reshape(rows.shape[1:])(outputs)
    return keras.Model(inner, outputs, name=CURVE)(rows)


def _curve_of(curve: Any) -> Any:
    if isinstance(curve, SmoothClip):
        return smoothly_clipped
    return lambda rows: _normal_scores(curve, rows)


def _placed(flat: Any, places: NDArray[Any], curve: Any) -> Any:
    """Apply a curve to the features at some places, and leave the others as they are."""
    width = flat.shape[1]
    others = np.setdiff1d(np.arange(width), places)
    if not len(others):
        return curve(flat)
    parts = [curve(_taken(flat, places)), _taken(flat, others)]
    return _taken(keras.layers.Concatenate()(parts), np.argsort(np.concatenate([places, others])))


def _taken(flat: Any, places: NDArray[Any]) -> Any:
    return keras.ops.take(flat, places.tolist(), axis=1)


def _normal_scores(curve: NormalScores, rows: Any) -> Any:
    """Return the mean of the shares of all steps between quantiles that lie below, as a normal score.

    A distance is exact where it is small, so quantiles that are equal are met exactly.
    """
    knots = curve.knots.astype(np.float64)
    unit = _units(knots)
    begins, widths = knots[:-1] * unit, np.diff(knots * unit, axis=0)
    equal = widths == 0
    widths = np.clip(widths, NARROW, WIDE)
    # At its number a step is done by half, the first ones not at all and the last ones wholly.
    done = np.where(begins == begins[0], 0.0, np.where(begins == knots[-1] * unit, 1.0, 0.5))
    tensor = keras.layers.Rescaling(unit.tolist())(rows)
    tensor = keras.layers.RepeatVector(len(begins))(tensor)
    tensor = _normalized(tensor, begins, np.ones_like(begins))
    tensor = _normalized(tensor, np.where(equal, -done * widths, 0.0), widths)
    shares = keras.layers.GlobalAveragePooling1D()(keras.layers.ReLU(max_value=1.0)(tensor))
    return _scores(shares)


def _units(knots: NDArray[Any]) -> NDArray[Any]:
    """Return a power of two for each feature, by which the narrowest step becomes about 1."""
    widths = np.diff(knots, axis=0)
    narrowest = np.where(widths > 0, widths, np.inf).min(axis=0)
    return np.asarray(np.exp2(-np.rint(np.log2(narrowest))))


def _normalized(tensor: Any, mean: NDArray[Any], width: NDArray[Any]) -> Any:
    return keras.layers.Normalization((1, 2), mean=mean, variance=np.square(width))(tensor)


def _scores(shares: Any) -> Any:
    most = -float(_score(EXTREME))
    # A mean of float32 may be a little more than all of its numbers, where the score is no number.
    spread = keras.ops.clip(keras.layers.Rescaling(2.0, -1.0)(shares), -1.0, 1.0)
    scores = keras.ops.erfinv(spread)
    return keras.ops.clip(keras.layers.Rescaling(math.sqrt(2))(scores), -most, most)


def _score(share: float) -> float:
    # SciPy is imported only where quantiles are asked for.
    from scipy.special import ndtri

    return float(ndtri(share))
