"""What a layer of a study file makes of rows of a known shape, where its arguments are plain."""

from __future__ import annotations

from math import prod
from typing import Any

from hpsearch.spec.sections.layer_kinds import Layer

Sizes = tuple[int | None, ...]
"""The shape of a row as far as it is known."""

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


def shape_after(layer: Layer, shape: Sizes) -> Sizes | None:
    """Return the sizes of what a layer gives; None where nothing is known of them.

    Raises:
        MisfitError: Its outputs would be empty.
    """
    arguments: dict[str, Any] = dict(layer.items())
    if layer.name in ALIKE:
        return shape
    if layer.name == "dense":
        return (*shape[:-1], _plain(arguments["units"]))
    if layer.name.startswith("global_"):
        return (shape[-1],) if arguments["keepdims"] is False else None
    if layer.name.startswith(("conv", "separable_conv", "depthwise_conv")) and layer.name not in OTHERS:
        return _convolved(arguments, shape)
    if "pool_size" in arguments:
        strides = arguments["strides"] or arguments["pool_size"]
        return (*_sides(shape, arguments["pool_size"], strides, 1, arguments["padding"]), shape[-1])
    return None


def _plain(value: Any) -> int | None:
    """Return a number that is not searched."""
    return value if type(value) is int else None


def _convolved(arguments: dict[str, Any], shape: Sizes) -> Sizes:
    if "filters" in arguments:
        channels = _plain(arguments["filters"])
    else:  # each channel has filters of its own
        each, given = _plain(arguments["depth_multiplier"]), shape[-1]
        channels = None if each is None or given is None else each * given
    windows = (arguments[name] for name in ("kernel_size", "strides", "dilation_rate", "padding"))
    return (*_sides(shape, *windows), channels)


def _sides(shape: Sizes, window: Any, strides: Any, dilation: Any, padding: Any) -> Sizes:
    """Return how often a window fits each side."""
    sides = shape[:-1]
    windows, steps, gaps = (_of_sides(one, len(sides)) for one in (window, strides, dilation))
    needed = tuple(
        1 if padding != "valid" else None if size is None or gap is None else gap * (size - 1) + 1
        for size, gap in zip(windows, gaps, strict=True)
    )
    if not isinstance(padding, str):
        return (None,) * len(sides)
    pairs = list(zip(needed, sides, strict=True))
    if any(least is not None and side is not None and least > side for least, side in pairs):
        least_of_all = " x ".join("any" if least is None else str(least) for least in needed)
        raise MisfitError(f"needs rows of at least {least_of_all}, its window")
    return tuple(
        None if least is None or side is None or step is None else (side - least) // step + 1
        for (least, side), step in zip(pairs, steps, strict=True)
    )


def _of_sides(value: Any, count: int) -> Sizes:
    """Return the number for each side, of a list of them or of one for all."""
    each = value if isinstance(value, tuple) and len(value) == count else (value,) * count
    return tuple(map(_plain, each))


def reshaped(target: tuple[Any, ...], shape: Sizes | None) -> Sizes:
    """Return the sizes that rows are given by `reshape`, in which -1 stands for what is left.

    Raises:
        MisfitError: They have another number of numbers.
    """
    sides = tuple(side if type(side) is int and side > 0 else None for side in target)
    wanted = prod(side for side in sides if side is not None)
    if (
        shape is None
        or None in shape
        or any(side is None and one != -1 for side, one in zip(sides, target, strict=True))
    ):
        return sides
    numbers, left = prod(side or 0 for side in shape), sides.count(None)
    if left > 1 or (numbers % wanted if left else numbers != wanted):
        text = " x ".join(map(str, target))
        raise MisfitError(f"makes rows of {text}{'' if left else f' = {wanted} numbers'}")
    return tuple(numbers // wanted if side is None else side for side in sides)
