"""Curves that scaled features go through: a smooth clip, and quantiles that become a normal distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpsearch.data.types import Array
from hpsearch.exceptions import DataError

LIMIT = 3.0
"""What a smooth clip keeps features below, in absolute value."""

MOST_QUANTILES, LEAST_QUANTILES, ROWS_OF_A_QUANTILE = 1000, 10, 30
"""How many quantiles are taken: one for so many rows, within these bounds, as in arXiv 2106.11959."""

MOST_KNOTS = 150_000
"""Quantiles of all features together, which a saved model describes in some megabytes."""

EXTREME = 1e-7 - np.spacing(1)
"""The least share of rows, by which scores are kept finite, as scikit-learn does."""


@dataclass(frozen=True)
class SmoothClip:
    """`x / sqrt(1 + (x / 3)^2)`, which is x near 0 and stays between -3 and 3 (arXiv 2407.04491)."""

    def repeated(self, times: int) -> SmoothClip:
        """Return the curve of so many rows that are one."""
        del times
        return self

    def apply(self, x: Array) -> Array:
        """Clip features (n, features), in float32."""
        clipped: Array = x / np.sqrt(1 + np.square(x / np.float32(LIMIT)))
        return clipped


@dataclass(frozen=True, eq=False)
class NormalScores:
    """The share of training rows below a number, as the quantile of a normal distribution with that share.

    This is what scikit-learn's QuantileTransformer with `output_distribution="normal"` computes: the share is
    interpolated between quantiles, in the middle of those that are equal, and 0 and 1 at the first and last.

    Attributes:
        knots: (quantiles, features) float32, ascending, at shares from 0 to 1 in equal steps.
    """

    knots: Array

    def repeated(self, times: int) -> NormalScores:
        """Return the curve of so many rows that are one."""
        return NormalScores(np.tile(self.knots, times))

    def apply(self, x: Array) -> Array:
        """Return the scores (n, features) as float32, computed in float64."""
        # SciPy is imported only where quantiles are asked for.
        from scipy.special import ndtri

        columns = [_shares(*pair) for pair in zip(x.T, self.knots.T, strict=True)]
        shares = np.clip(np.stack(columns, axis=1), EXTREME, 1 - EXTREME)
        return np.asarray(ndtri(shares), np.float32)


Curve = SmoothClip | NormalScores


def fit_normal_scores(x: Array) -> NormalScores:
    """Take the quantiles of features (n, features), none of which is constant; fewer of each of very many.

    Raises:
        DataError: There are too many features.
    """
    fair = MOST_KNOTS // x.shape[1]
    if fair < LEAST_QUANTILES:
        most = MOST_KNOTS // LEAST_QUANTILES
        raise DataError(
            f"data.scaling: expected at most {most:,} features for 'quantile'; found {x.shape[1]:,}: use "
            "'robust' or 'standard'."
        )
    most = max(min(len(x) // ROWS_OF_A_QUANTILE, MOST_QUANTILES, fair), LEAST_QUANTILES)
    shares = np.linspace(0, 1, max(min(most, len(x)), 2))
    columns = [np.quantile(column.astype(np.float64), shares) for column in x.T]
    # Rounding of an interpolation must not let quantiles descend.
    return NormalScores(np.maximum.accumulate(np.stack(columns, axis=1).astype(np.float32)))


def _shares(x: Array, knots: Array) -> Array:
    given, known = x.astype(np.float64), knots.astype(np.float64)
    shares = np.linspace(0, 1, len(known))
    upper = np.interp(given, known, shares)
    lower = -np.interp(-given, -known[::-1], -shares[::-1])
    return np.where(given <= known[0], 0.0, np.where(given >= known[-1], 1.0, (upper + lower) / 2))
