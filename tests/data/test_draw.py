"""The rows that are drawn are those of scikit-learn's `train_test_split`, whose import is not waited for."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from hpsearch.data.draw import drawn_rows


@pytest.mark.parametrize("seed", range(60))
def test_the_rows_are_those_that_scikit_learn_draws(seed: int) -> None:
    draw = np.random.default_rng(seed)
    rows, classes = int(draw.integers(8, 400)), int(draw.integers(2, 5))
    # Few classes of like sizes, so that remainders are often the same and drawn among.
    labels = np.arange(rows) % classes if seed % 2 else draw.integers(0, classes, rows)
    labels[: 2 * classes] = np.repeat(np.arange(classes), 2)
    labels, count = draw.permutation(labels), int(draw.integers(classes, rows - classes + 1))
    for stratify in (None, labels):
        state = int(draw.integers(0, 2**32))
        others, drawn = train_test_split(
            np.arange(rows), test_size=count, stratify=stratify, random_state=state
        )
        found = drawn_rows(rows, count, stratify, state)
        assert np.flatnonzero(found).tolist() == sorted(drawn)
        assert np.flatnonzero(~found).tolist() == sorted(others)
