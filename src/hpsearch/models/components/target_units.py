"""From what a network gives for transformed targets back to their own units, and losses in these."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from hpsearch.data.target_scaling import NO_POWER, TargetScaling


def own_units(scaling: TargetScaling, given: Any) -> Any:
    """Return numbers in the units of the targets for what a network gives: (n, targets)."""
    powers = _limited(scaling, given) * scaling.deviation + scaling.centre
    if scaling.exponent is None:
        return powers
    above = _grown(ops.relu(powers), scaling.exponent)
    return above - _grown(ops.relu(-powers), 2.0 - scaling.exponent)


def in_deviations(scaling: TargetScaling, y: Any, given: Any) -> tuple[Any, Any]:
    """Return targets and what a network gives for them, both measured in deviations of the targets.

    Args:
        scaling: The transform.
        y: (n,) or (n, targets) transformed targets.
        given: (n, targets).

    Returns:
        Two tensors (n, targets), which differ by what was predicted wrong.
    """
    y = ops.reshape(y, (-1, ops.shape(given)[-1]))
    if scaling.exponent is None:
        return y, _limited(scaling, given)
    return own_units(scaling, y) / scaling.unit, own_units(scaling, given) / scaling.unit


def told_losses(scaling: TargetScaling, inner: Any, power: int, y: Any, given: Any) -> Any:
    """Return the losses of rows in the units of the targets, of what is measured in their deviations.

    A squared and an absolute error are those of the targets themselves; what bends, as Huber's loss does,
    bends at so many deviations.

    Args:
        scaling: The transform.
        inner: Keras' loss.
        power: That of the unit in which the loss is.
        y: (n, targets) in deviations.
        given: (n, targets) in deviations.
    """
    losses = inner.call(y[..., None], given[..., None])
    return ops.mean(losses * scaling.unit**power, axis=-1)


def _limited(scaling: TargetScaling, given: Any) -> Any:
    return given if scaling.low is None else ops.minimum(ops.maximum(given, scaling.low), scaling.high)


def _grown(size: Any, exponent: Any) -> Any:
    """Return 1 + y for a power of y, 0 or more, of Yeo and Johnson."""
    flat = ops.absolute(exponent) < NO_POWER
    some = ops.where(flat, 1.0, exponent)
    return ops.where(flat, ops.exp(size), ops.exp(ops.log(1.0 + some * size) / some))


def output_layer(scaling: TargetScaling, logits: Any, name: str) -> Any:
    """Connect what maps the outputs of a network to the units of its targets, as one layer.

    Args:
        scaling: The transform.
        logits: A symbolic tensor (n, targets).
        name: The name of the layer: Rescaling, or a model of Keras' own layers.
    """
    if scaling.low is None and scaling.exponent is None:
        return _rescaling(scaling.deviation, scaling.centre, name=name)(logits)
    inner = keras.Input(logits.shape[1:])
    return keras.Model(inner, _mapped(scaling, inner), name=name)(logits)


def _mapped(scaling: TargetScaling, given: Any) -> Any:
    low, high = scaling.low, scaling.high
    if low is None or high is None:
        powers = _rescaling(scaling.deviation, scaling.centre)(given)
    else:
        # Stock layers limit to a number, so outputs are brought between 0 and 1 before.
        range_ = high - low
        share = keras.layers.ReLU(max_value=1.0)(_rescaling(1 / range_, -low / range_)(given))
        powers = _rescaling(range_ * scaling.deviation, low * scaling.deviation + scaling.centre)(share)
    if scaling.exponent is None:
        return powers
    columns = [powers] if len(scaling.exponent) == 1 else ops.split(powers, len(scaling.exponent), axis=-1)
    found = [_taken_back(one, float(e)) for one, e in zip(columns, scaling.exponent, strict=True)]
    return found[0] if len(found) == 1 else keras.layers.Concatenate()(found)


def _taken_back(powers: Any, exponent: float) -> Any:
    above = _layers_grown(keras.layers.ReLU()(powers), exponent)
    below = _layers_grown(keras.layers.ReLU()(keras.layers.Rescaling(-1.0)(powers)), 2.0 - exponent)
    return keras.layers.Subtract()([above, below])


def _layers_grown(size: Any, exponent: float) -> Any:
    """Return what `_grown` does, by layers."""
    if abs(exponent) >= NO_POWER:
        size = keras.layers.Rescaling(1 / exponent)(ops.log(keras.layers.Rescaling(exponent, 1.0)(size)))
    return keras.layers.Activation("exponential")(size)


def _rescaling(scale: Any, offset: Any, name: str | None = None) -> Any:
    """Make a layer of one number, or of one for each target."""
    numbers = [part.astype("float32").tolist() for part in (scale, offset)]
    scale, offset = (one[0] if len(one) == 1 else one for one in numbers)
    return keras.layers.Rescaling(scale, offset, name=name)
