"""Rows drawn at random: those of `train_test_split` of scikit-learn, whose import takes a second."""

from __future__ import annotations

import numpy as np

from hpsearch.data.types import Array


def drawn_rows(rows: int, count: int, classes: Array | None, seed: int) -> Array:
    """Draw rows for the smaller part of a split.

    Args:
        rows: How many there are.
        count: How many to draw.
        classes: (rows,) the class of each, to be represented alike in both parts; None draws regardless.
        seed: The `random_state` of scikit-learn.

    Returns:
        (rows,) whether each is drawn.
    """
    random = np.random.RandomState(seed)
    drawn = np.zeros(rows, bool)
    if classes is None:
        drawn[random.permutation(rows)[:count]] = True
        return drawn
    _, numbers, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    others = _shares(sizes, rows - count, random)
    counts = _shares(sizes - others, count, random)
    members = np.split(np.argsort(numbers, kind="stable"), np.cumsum(sizes)[:-1])
    for own, before, wanted in zip(members, others, counts, strict=True):
        drawn[own[random.permutation(len(own))[before : before + wanted]]] = True
    return drawn


def _shares(sizes: Array, count: int, random: np.random.RandomState) -> Array:
    """Part a number of rows among classes: rounded down, and the rest by the largest remainders.

    Classes of the same remainder are drawn at random.
    """
    exact = sizes / sizes.sum() * count
    shares = np.floor(exact)
    missing = int(count - shares.sum())
    remainders = exact - shares
    for remainder in np.unique(remainders)[::-1]:
        if missing <= 0:
            break
        (tied,) = np.where(remainders == remainder)
        chosen = random.choice(tied, size=min(len(tied), missing), replace=False)
        shares[chosen] += 1
        missing -= len(chosen)
    counts: Array = shares.astype(int)
    return counts
