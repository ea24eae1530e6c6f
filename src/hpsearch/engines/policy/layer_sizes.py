"""What a layer of a study file makes of rows of a known shape, where its arguments are plain."""

from __future__ import annotations

from math import prod
from typing import Any

from hpsearch.spec.sections.architecture import Shape
from hpsearch.spec.sections.layer_kinds import Layer

ALIKE = frozenset(
    (
        *("activation", "activity_regularization", "alpha_dropout", "batch_normalization", "dropout", "elu"),
        *("gaussian_dropout", "gaussian_noise", "group_normalization", "identity", "layer_normalization"),
        *("leaky_relu", "prelu", "relu", "rescaling", "rms_normalization", "softmax", "spatial_dropout1d"),
        *("spatial_dropout2d", "spatial_dropout3d", "unit_normalization"),
    )
)
"""Layers whose outputs have the shape of their inputs."""


OTHERS = frozenset(
    f"conv{kind}"
    for kind in ("_lstm1d", "_lstm2d", "_lstm3d", "1d_transpose", "2d_transpose", "3d_transpose")
)
"""Convolutions whose sizes follow other rules."""


class MisfitError(ValueError):
    """Rows of a shape cannot pass a layer: the message says what it needs."""


def shape_after(layer: Layer, shape: Shape) -> Shape | None:
    """Return the shape of what a layer gives; None where it is not known.

    Raises:
        MisfitError: Its outputs would be empty, or have another number of numbers than they must.
    """
    arguments: dict[str, Any] = dict(layer.items())
    if layer.name in ALIKE:
        return shape
    if layer.name == "dense":
        return _known((*shape[:-1], arguments["units"]))
    if layer.name.startswith("global_"):
        return (shape[-1],) if arguments["keepdims"] is False else None
    if layer.name.startswith(("conv", "separable_conv", "depthwise_conv")) and layer.name not in OTHERS:
        return _convolved(arguments, shape)
    if "pool_size" in arguments:
        strides = arguments["strides"] or arguments["pool_size"]
        sides = _sides(shape, arguments["pool_size"], strides, 1, arguments["padding"])
        return None if sides is None else (*sides, shape[-1])
    return None


def _known(shape: tuple[Any, ...] | None) -> Shape | None:
    """Return a shape without anything that is searched."""
    plain = shape is not None and all(type(side) is int for side in shape)
    return shape if plain else None


def _convolved(arguments: dict[str, Any], shape: Shape) -> Shape | None:
    filters = arguments.get("filters")
    if filters is None:  # each channel has filters of its own
        multiplier = arguments["depth_multiplier"]
        filters = multiplier * shape[-1] if type(multiplier) is int else None
    sides = _sides(
        shape, *(arguments[name] for name in ("kernel_size", "strides", "dilation_rate", "padding"))
    )
    return None if sides is None else _known((*sides, filters))


def _sides(shape: Shape, window: Any, strides: Any, dilation: Any, padding: Any) -> Shape | None:
    """Return how often a window fits each side."""
    sides = shape[:-1]
    found = [
        _known(one if isinstance(one, tuple) else (one,) * len(sides)) for one in (window, strides, dilation)
    ]
    if not isinstance(padding, str) or any(one is None or len(one) != len(sides) for one in found):
        return None
    windows, steps, gaps = (one or () for one in found)
    reach = [
        gap * (size - 1) + 1 if padding == "valid" else 1 for size, gap in zip(windows, gaps, strict=True)
    ]
    if any(needed > side for needed, side in zip(reach, sides, strict=True)):
        needed = " x ".join(map(str, reach))
        raise MisfitError(f"needs rows of at least {needed}, its window")
    return tuple((side - needed) // step + 1 for side, needed, step in zip(sides, reach, steps, strict=True))


def reshaped(target: tuple[Any, ...], shape: Shape) -> Shape | None:
    """Return the shape that rows are given by `reshape`, in which -1 stands for what is left.

    Raises:
        MisfitError: They have another number of numbers.
    """
    if not all(type(side) is int and (side > 0 or side == -1) for side in target):
        return None
    numbers, known = prod(shape), prod(side for side in target if side != -1)
    open_sides = target.count(-1)
    fits = numbers == known if not open_sides else open_sides == 1 and numbers % known == 0
    if not fits:
        wanted = " x ".join(map(str, target))
        raise MisfitError(f"makes rows of {wanted}{'' if open_sides else f' = {known} numbers'}")
    return tuple(numbers // known if side == -1 else side for side in target)
