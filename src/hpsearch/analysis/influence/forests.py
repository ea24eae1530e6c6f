"""Random forests over the trials, and the questions that are put to them.

A forest predicts the place of a trial (see `outcomes`) from its parameters; a parameter that is not active
is a missing value, which scikit-learn's trees send to whichever side fits. The options of a choice are
numbered in the order of their mean place: for a squared error the best split of options is one in this order
(Breiman, Friedman, Olshen and Stone, Classification and Regression Trees, 1984, section 4.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpsearch.analysis.influence.columns import ParameterColumn
from hpsearch.spec import Choice

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeRegressor

RESAMPLES = 50
TREES = 6
"""Trees of each resample's forest; an estimate is the mean of all, as of one forest of 300 trees."""

LEAF = 2
"""Trials in a leaf, at the least."""

SPLIT = 0.7
"""The share of the parameters among which each split chooses."""

Numbers = NDArray[np.float64]
Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Design:
    """What a forest learns from: a row for each trial, a column for each parameter, and the places."""

    rows: Rows
    places: Numbers
    codes: tuple[Numbers | None, ...]
    """For each choice, the number of each of its options in the order of their mean place."""

    def code(self, column: int, numbers: Numbers) -> Numbers:
        """Return the numbers that stand in a column of the rows for numbers of a parameter's column."""
        codes = self.codes[column]
        return numbers if codes is None else codes[numbers.astype(int)]


def design_of(columns: Sequence[ParameterColumn], places: Numbers) -> Design:
    """Lay out the trials for forests."""
    codes = tuple(_codes(column, places) for column in columns)
    coded = [_coded(column, code) for column, code in zip(columns, codes, strict=True)]
    rows = np.column_stack(coded).astype(np.float32) if coded else np.empty((len(places), 0), np.float32)
    return Design(rows, places, codes)


def _codes(column: ParameterColumn, places: Numbers) -> Numbers | None:
    if not isinstance(column.parameter.distribution, Choice):
        return None
    options = range(len(column.parameter.options))
    means = [
        places[column.numbers == option].mean() if option in column.numbers else 2.0 for option in options
    ]
    return np.argsort(np.argsort(means, kind="stable"), kind="stable").astype(float)


def _coded(column: ParameterColumn, codes: Numbers | None) -> Numbers:
    if codes is None:
        return column.numbers
    return np.where(column.active, codes[np.nan_to_num(column.numbers).astype(int)], np.nan)


@dataclass(frozen=True)
class Question:
    """Partial dependence (Friedman, 2001): what is predicted on average over some rows, at some points.

    At each point (a row of `points`) the columns `columns` of all `background` rows are set to it.
    """

    background: Rows
    columns: tuple[int, ...]
    points: Numbers

    def rows(self) -> Rows:
        """Return all rows that have to be predicted, those of the first point first."""
        rows = np.repeat(self.background[None], len(self.points), axis=0)
        rows[:, :, list(self.columns)] = self.points[:, None, :]
        return rows.reshape(-1, self.background.shape[1])


def answers(
    trees: Sequence[DecisionTreeRegressor], questions: Sequence[Question], rows: Rows
) -> list[Numbers]:
    """Answer all questions with one prediction of their `rows`, one after the other."""
    predicted = np.mean([tree.predict(rows, check_input=False) for tree in trees], axis=0)
    ends = np.cumsum([len(question.points) * len(question.background) for question in questions])
    parts = np.split(predicted, ends[:-1])
    return [
        part.reshape(len(question.points), -1).mean(axis=1)
        for question, part in zip(questions, parts, strict=True)
    ]


def resampled_answers(design: Design, questions: Sequence[Question], seed: int) -> list[Numbers]:
    """Put the questions to a forest for each resample of the trials: arrays of (resamples, points)."""
    if not questions:
        return []
    rows = np.concatenate([question.rows() for question in questions])
    found = [answers(forest, questions, rows) for forest in _forests(design, seed)]
    return [np.array(of_one) for of_one in zip(*found, strict=True)]


def _forests(design: Design, seed: int) -> Iterator[list[DecisionTreeRegressor]]:
    """Grow a forest on each resample, whose trees differ by the parameters that each split may use.

    The trees are many and small: as forests of scikit-learn's they would cost more to set up than to grow.
    """
    # scikit-learn is slow to import, and most commands do without it.
    from sklearn import config_context
    from sklearn.tree import DecisionTreeRegressor

    # To check so few rows takes longer than to grow the trees; only the check finds missing values.
    missing = bool(np.isnan(design.rows).any())
    random = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        sample = random.integers(len(design.places), size=len(design.places))
        rows, places = design.rows[sample], design.places[sample]
        trees = [
            DecisionTreeRegressor(min_samples_leaf=LEAF, max_features=SPLIT, random_state=int(state))
            for state in random.integers(2**31, size=TREES)
        ]
        with config_context(skip_parameter_validation=True):
            grown = [tree.fit(rows, places, check_input=missing) for tree in trees]
        yield grown
