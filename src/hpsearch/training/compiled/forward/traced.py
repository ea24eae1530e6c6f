"""Traced values in the place of what Keras reads as plain attributes."""

from __future__ import annotations

from typing import Any, TypeVar

Keras = TypeVar("Keras")
"""A layer or an optimizer."""


def with_values(original: Keras, **values: Any) -> Keras:
    """Return a copy of a layer or an optimizer with other values of some attributes, for one trace.

    The variables are shared with the original, which stays unchanged: another trace may be reading it.
    Neither `copy`, in which Keras saves and loads, nor `setattr`, which Keras tracks, would do this.
    """
    traced = object.__new__(type(original))
    vars(traced).update(vars(original), **values)
    return traced
