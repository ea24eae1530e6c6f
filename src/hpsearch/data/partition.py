"""Which rows form the test part, the subset, the validation part, the folds; all draws use the split seed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from hpsearch.data.columns.splitting import SplitColumns
from hpsearch.data.draw import drawn_rows
from hpsearch.data.target import Target
from hpsearch.data.types import Array
from hpsearch.data.windows import starts_of
from hpsearch.exceptions import DataError
from hpsearch.spec import Component, Data
from hpsearch.spec.sections.parts_of_rows import (
    CountOfRows,
    Folds,
    LastRows,
    ShareOfRows,
    TestFile,
    TestRows,
    Window,
)

PURPOSES = {"test": 0, "subset": 1, "validation": 2}
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Partition:
    """Ascending positions: the test part, and the training and validation part of each split.

    They are those of rows; of windows, those of their first rows.
    """

    test: Array | None
    splits: tuple[tuple[Array, Array], ...]


@dataclass(frozen=True, eq=False)
class Partitioner:
    """Draws rows, stratified by class or by a column, groups as a whole, or takes the latest rows.

    Attributes:
        where: The source, with which each error message begins.
        target: What is predicted.
        y: (n,) targets as `Target.read` returns them.
        seed: The split seed.
        drawn: How many of the first rows are drawn from. Any others are the source's own test part, and are
            present only if it is to serve as the validation part.
        by_column: What of each row splits depend on.
    """

    where: str
    target: Target
    y: Array
    seed: int
    drawn: int
    by_column: SplitColumns = field(default_factory=SplitColumns)

    def divide(self, data: Data) -> Partition:
        """Draw the test part, then the subset, then the validation part or the folds.

        Raises:
            DataError: There are too few rows, or a class is missing in a training part.
        """
        if data.window is not None:
            return self._by_time(data, data.window)
        y = self.y[: self.drawn]
        rows = np.flatnonzero(y >= 0) if self._classes else np.arange(len(y))
        test = None
        if isinstance(data.test, TestFile):
            test = self._own_test
        elif data.test is not None:
            rows, test = self._draw(rows, self._count(data.test, rows, "test"), "test")
        if data.subset is not None:
            rows = self._subset(rows, data.subset)
        if isinstance(data.validation, TestRows):
            splits: tuple[tuple[Array, Array], ...] = ((rows, self._own_test if test is None else test),)
            test = None
        else:
            splits = tuple(self._splits(rows, data.validation))
        for number, (train, _) in enumerate(splits):
            self._has_every_class(train, f"fold {number + 1}" if len(splits) > 1 else "the split")
        return Partition(test, splits)

    def _by_time(self, data: Data, window: Window) -> Partition:
        """Take the last rows as the test part and those before as the validation part; each has windows."""
        rows, tested = range(self.drawn), range(self.drawn, len(self.y))
        if data.test is not None and not isinstance(data.test, TestFile):
            rows, tested = self._without_last(data.test, rows, "test")
        if isinstance(data.validation, TestRows):
            validated, tested = tested, range(0)
            if not validated:
                raise DataError(self._no_test_set)
        else:
            rows, validated = self._without_last(data.validation, rows, "validation")
        train = starts_of(self.where, "the training set", rows, window)
        self._has_every_class(train + window.reach - 1, "the split")
        validation = starts_of(self.where, "the validation set", validated, window)
        test = starts_of(self.where, "the test set", tested, window) if tested else None
        return Partition(test, ((train, validation),))

    def _without_last(self, size: Component, rows: range, purpose: str) -> tuple[range, range]:
        """Return the first rows, and as many of the last ones as a part takes."""
        middle = len(rows) - self._count(size, rows, purpose)
        return rows[:middle], rows[middle:]

    def redraw(self, rows: Array, count: int) -> tuple[Array, Array]:
        """Draw another validation part.

        Args:
            rows: Positions of the rows to divide.
            count: How many of them to draw.

        Returns:
            The positions of the training and the validation rows.

        Raises:
            DataError: There are too few rows, or a class is missing in the training part.
        """
        train, validation = self._draw(rows, count, "validation")
        self._has_every_class(train, "a fresh split")
        return train, validation

    @property
    def _own_test(self) -> Array:
        rows = np.arange(self.drawn, len(self.y))
        if self._classes:
            rows = rows[self.y[rows] >= 0]
        if not rows.size:
            raise DataError(self._no_test_set)
        return rows

    @property
    def _no_test_set(self) -> str:
        return (
            f"{self.where}: 'validation: test' needs a test set, and these data have none: draw one "
            "with 'test: 0.2', or choose another validation set."
        )

    @property
    def _classes(self) -> bool:
        return self.target.task == "classification"

    def _random_state(self, purpose: str) -> int:
        return random_state(self.seed, purpose)

    def _count(self, size: Component, rows: Array | range, purpose: str) -> int:
        count = rows_in(size, len(rows))
        if count >= len(rows):
            raise DataError(
                f"{self.where}: a {purpose} set of {count} rows leaves none of the {len(rows)} rows for "
                "training."
            )
        return count

    def _subset(self, rows: Array, size: Component) -> Array:
        count = rows_in(size, len(rows))
        if count > len(rows):
            raise DataError(f"{self.where}: a subset of {count} rows cannot be drawn from {len(rows)} rows.")
        return rows if count == len(rows) else self._draw(rows, count, "subset")[1]

    def _splits(self, rows: Array, size: Component) -> list[tuple[Array, Array]]:
        if isinstance(size, Folds):
            return self._folds(rows, size.folds)
        count = self._count(size, rows, "validation")
        if isinstance(size, LastRows) and self.by_column.times is None:
            return [(rows[:-count], rows[-count:])]
        return [self._draw(rows, count, "validation")]

    def _draw(self, rows: Array, count: int, purpose: str) -> tuple[Array, Array]:
        """Draw `count` rows at random, or as a column says; return the others and the drawn ones."""
        times, groups, strata = self.by_column.times, self.by_column.groups, self._strata
        if purpose != "subset" and times is not None:
            order = rows[np.argsort(times[rows], kind="stable")]
            return np.sort(order[:-count]), np.sort(order[-count:])
        if purpose != "subset" and groups is not None:
            drawn = self._whole_groups(groups[rows], count, purpose)
            return rows[~drawn], rows[drawn]
        if strata is not None:
            self._can_stratify(rows, count, purpose)
        drawn = drawn_rows(
            len(rows), count, None if strata is None else strata[rows], self._random_state(purpose)
        )
        return np.sort(rows[~drawn]), np.sort(rows[drawn])

    def _whole_groups(self, groups: Array, count: int, purpose: str) -> Array:
        """Return which rows are drawn: groups in a random order, as far as they are not too many rows."""
        _, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        if len(sizes) == 1:
            raise DataError(f"data.group: {self.where}: all rows are of one group, which cannot be divided.")
        chosen, left = np.zeros(len(sizes), bool), count
        for place in np.random.default_rng(self._random_state(purpose)).permutation(len(sizes)).tolist():
            if sizes[place] <= left or not chosen.any():
                chosen[place] = True
                left -= int(sizes[place])
        return chosen[numbers]

    @property
    def _strata(self) -> Array | None:
        """Return the values that all parts have in equal shares: those of a column, or the classes."""
        if self.by_column.strata is not None:
            return self.by_column.strata
        return self.y if self._classes else None

    def _can_stratify(self, rows: Array, count: int, purpose: str) -> None:
        self._rows_of_each(rows, 2, f"to be split for the {purpose} set")
        assert self._strata is not None  # noqa: S101 - it was asked for
        values = len(np.unique(self._strata[rows]))
        smaller = min(count, len(rows) - count)
        if smaller < values:
            what = "class" if self.by_column.strata is None else "value of its column"
            raise DataError(
                f"{self.where}: the {purpose} set takes {count} of {len(rows)} rows, but each part needs"
                f" at least {values} rows, one for each {what}.{self.target.doubt}"
            )

    def _rows_of_each(self, rows: Array, least: int, reason: str) -> None:
        assert self._strata is not None  # noqa: S101 - as above
        numbers, counts = np.unique(self._strata[rows], return_counts=True)
        few = int(counts.argmin())
        if counts[few] < least:
            by_class = self.by_column.strata is None
            name = (self.target.labels if by_class else self.by_column.names)[int(numbers[few])]
            raise DataError(
                f"{self.where}: {'class' if by_class else 'stratum'} {name!r} has {counts[few]} row(s), too "
                f"few {reason}; it needs {least}.{self.target.doubt}"
            )

    def _folds(self, rows: Array, folds: int) -> list[tuple[Array, Array]]:
        from sklearn import model_selection

        if len(rows) < folds:
            raise DataError(f"{self.where}: {len(rows)} rows are too few for {folds} folds.")
        groups, strata = self.by_column.groups, self._strata
        found = folds if groups is None else len(np.unique(groups[rows]))
        if found < folds:
            raise DataError(f"data.group: {self.where}: {found} groups are too few for {folds} folds.")
        if strata is not None:
            self._rows_of_each(rows, folds, f"for {folds} folds")
        name = f"{'' if strata is None else 'Stratified'}{'' if groups is None else 'Group'}KFold"
        folder = getattr(model_selection, name)(
            folds, shuffle=True, random_state=self._random_state("validation")
        )
        pairs = folder.split(
            rows, None if strata is None else strata[rows], None if groups is None else groups[rows]
        )
        return [(rows[train], rows[validation]) for train, validation in pairs]

    def _has_every_class(self, train: Array, which: str) -> None:
        if not self._classes:
            return
        missing = np.setdiff1d(np.arange(len(self.target.labels)), self.y[train])
        if missing.size:
            label = self.target.labels[int(missing[0])]
            raise DataError(
                f"{self.where}: class {label!r} has no row in the training set of {which}.{self.target.doubt}"
            )


def random_state(seed: int, purpose: str) -> int:
    """Return the `random_state` of scikit-learn by which a part is drawn."""
    return int(np.random.SeedSequence([seed, PURPOSES[purpose]]).generate_state(1)[0])


def rows_in(size: Component, rows: int) -> int:
    """Return the number of rows of a part; a share is rounded up, as in scikit-learn."""
    if isinstance(size, ShareOfRows):
        return math.ceil(size.share * rows - ROUNDING)
    if isinstance(size, CountOfRows):
        return size.count
    if isinstance(size, LastRows):
        return size.last
    raise TypeError(size)
