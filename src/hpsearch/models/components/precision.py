"""In which numbers the layers of a network compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras


@contextmanager
def computing_in(precision: str | None) -> Iterator[None]:
    """Have layers that are made within it compute by a dtype policy of Keras; None leaves Keras as it is."""
    before = keras.config.dtype_policy()
    if precision is not None:
        keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def as_float32(tensor: Any) -> Any:
    """Return a symbolic tensor of logits as float32, in which losses and predictions are computed."""
    if keras.backend.standardize_dtype(tensor.dtype) == "float32":
        return tensor
    return keras.layers.Activation("linear", dtype="float32", name="float32")(tensor)
