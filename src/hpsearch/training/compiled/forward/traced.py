"""Traced values in the place of what Keras reads as plain attributes."""

from __future__ import annotations

from typing import Any, TypeVar

Keras = TypeVar("Keras")
"""A layer or an optimizer."""


def with_values(original: Keras, **values: Any) -> Keras:
    """Return a layer or an optimizer for one trace: other values of some attributes, all else the original's.

    The variables are shared, and the original stays as it is, for another trace may be reading it. Neither
    `copy`, in which Keras saves and loads, nor `setattr`, by which it tracks, does this.
    """
    traced = object.__new__(type(original))
    vars(traced).update(vars(original), **values)
    return traced
