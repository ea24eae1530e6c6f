"""Random data: features from a standard normal distribution, and classes independent of them."""

from __future__ import annotations

import numpy as np

from hpsearch.data.checks import fits_in_memory
from hpsearch.data.loaded import Loaded, from_arrays
from hpsearch.seeds import derive
from hpsearch.spec.sections.data import RandomRows


def draw_normal(where: str, made: RandomRows, seed: int) -> Loaded:
    """Draw x (rows, features) float32 from N(0, 1) and y (rows,), with classes as equal in size as possible.

    Args:
        where: The source, with which the message begins.
        made: The numbers of rows, features and classes.
        seed: The seed of both.

    Raises:
        DataError: The rows do not fit in memory.
    """
    fits_in_memory(where, made.rows, made.features, np.dtype(np.float32).itemsize, "lower rows or features")
    x = _generator(seed, "features").standard_normal((made.rows, made.features), dtype=np.float32)
    y = _generator(seed, "classes").permutation(np.arange(made.rows) % made.classes)
    return from_arrays(where, {"x_train": x, "y_train": y}, "classification")


def _generator(seed: int, purpose: str) -> np.random.Generator:
    return np.random.default_rng(derive(seed, "random_normal", purpose))
