"""A data set that is ready to train on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from hpsearch.data.chance import chance_accuracy, chance_loss
from hpsearch.data.encoding import Encoding, Imputation
from hpsearch.data.preprocessing import Preprocessing
from hpsearch.data.rows import Rows, Split
from hpsearch.data.summary import DataSummary
from hpsearch.data.types import Array, Task


@dataclass(frozen=True, eq=False)
class Pool:
    """Unscaled rows from which parts are taken by position.

    `x`: (n, *features) as loaded, NaN where a cell of a csv file is missing; `y`: (n,) int32 or float32.
    `origin`: (*features) float64 is subtracted before `x`, a float64 then, is rounded to float32; None where
    nothing would be lost.
    `features` is the shape in which a row is given. `imputations` holds one for each split, and is empty
    where nothing can be missing. `indicators`: (*features) bool marks the features that stand for categories,
    None where there are none.
    """

    x: Array
    y: Array
    features: tuple[int, ...]
    bags: bool = False
    imputations: tuple[Imputation, ...] = ()
    indicators: Array | None = None
    origin: Array | None = None

    def take(self, index: Array, split: int) -> Rows:
        """Take rows by position, with what is missing filled in as the split's training part says."""
        x = self.x[index]
        if self.imputations:
            x = self.imputations[split].apply(x)
        if self.origin is not None:
            x = x - self.origin
        if not self.bags:
            x = x.astype(np.float32, copy=False)
        return Rows(x.reshape(len(x), *self.features), self.y[index])


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows to train and validate on, and how they came to be.

    `features` is the shape of one row. `labels` names the classes in the order of their numbers and is empty
    for regression. `splits` holds one split, or one for each fold. `fingerprint` is the SHA-256 over the
    arrays as they were loaded, before anything was split, with their names, shapes and dtypes.
    """

    source: str
    task: Task
    features: tuple[int, ...]
    labels: tuple[str, ...]
    splits: tuple[Split, ...] = field(repr=False)
    encoding: Encoding | None = field(repr=False)
    fingerprint: str
    pool: Pool = field(repr=False)
    held_out: Pool | None = field(default=None, repr=False)
    """The test rows, all of them."""
    notes: tuple[str, ...] = field(default=(), repr=False)
    """What a person should know of the features."""
    doubtful: bool = False
    """Whether more than two whole numbers were taken for classes, which may be quantities."""

    @property
    def outputs(self) -> int:
        """Count the classes; 1 for regression."""
        return len(self.labels) if self.task == "classification" else 1

    @property
    def train_rows(self) -> int:
        """Count the training rows, of folds those of the smallest."""
        return min(len(split.train) for split in self.splits)

    def raw(self, split: int, part: Literal["train", "validation"]) -> Rows:
        """Give the rows of a part unscaled, but encoded, as a model takes them that holds the scaling."""
        chosen = self.splits[split]
        index = chosen.train_index if part == "train" else chosen.validation_index
        return self.pool.take(index, split)

    def raw_test(self, split: int = 0) -> Rows | None:
        """Give the test rows unscaled, encoded as the split says; None without a test part."""
        if self.held_out is None:
            return None
        return self.held_out.take(np.arange(len(self.held_out.y)), split)

    def test(self, split: int = 0) -> Rows | None:
        """Give the test rows, scaled by what the split fitted; None without a test part."""
        rows = self.raw_test(split)
        scaling = self.splits[split].scaling
        return rows if rows is None or scaling.identity else Rows(scaling.apply(rows.x), rows.y)

    def preprocessing(self, split: int = 0) -> Preprocessing:
        """Give what it takes to bring new rows into the form that an exported model of a split takes."""
        encoding = None if self.encoding is None else self.encoding.of_split(split)
        moved = self.pool.origin
        origin = None if moved is None else tuple(moved.reshape(-1).tolist())
        return Preprocessing(self.source, self.task, self.labels, self.features, encoding, origin)

    def summary(self) -> DataSummary:
        """Give the data set in numbers; the rows are those of the first split, `folds` counts the splits."""
        first = self.splits[0]
        return DataSummary(
            source=self.source,
            task=self.task,
            features=self.features,
            outputs=self.outputs,
            train_rows=len(first.train),
            validation_rows=len(first.validation),
            test_rows=0 if self.held_out is None else len(self.held_out.y),
            folds=len(self.splits),
            labels=self.labels,
            fingerprint=self.fingerprint,
            chance_loss=self._chance(chance_loss),
            chance_accuracy=self._chance(chance_accuracy),
        )

    def _chance(self, measure: Callable[[Rows, Rows, int], float | None]) -> float | None:
        """Give the mean over the splits."""
        found = [measure(split.train, split.validation, len(self.labels)) for split in self.splits]
        known = [number for number in found if number is not None]
        return float(np.mean(known)) if known else None
