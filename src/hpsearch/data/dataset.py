"""A data set that is ready to train on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from hpsearch.data.chance import chance_accuracy, chance_loss
from hpsearch.data.encoding import Encoding, Imputation
from hpsearch.data.named_inputs import InputLayout
from hpsearch.data.named_targets import TargetLayout
from hpsearch.data.preprocessing import Preprocessing
from hpsearch.data.rows import Rows, Split
from hpsearch.data.stream import Stream
from hpsearch.data.summary import ColumnSummary, DataSummary
from hpsearch.data.types import Array, Task
from hpsearch.data.windows import gathered, rows_of, starts_of
from hpsearch.spec.sections.parts_of_rows import Window

MOST_NAMES = 1_000
"""Targets that a summary names."""

MOST_COLUMNS = 200
"""Columns that a summary describes."""


@dataclass(frozen=True, eq=False)
class UnscaledRows:
    """Unscaled rows, from which parts are taken by position.

    Attributes:
        x: (n, *features) as loaded, NaN where a cell of a csv file is missing.
        y: (n,) or (n, targets), int32 or float32.
        features: The shape of a row.
        whole: Whether rows are whole numbers that stay so, which trainers cast.
        imputations: One for each split; empty where nothing can be missing.
        indicators: (*features) bool, which features stand for categories; None where none does.
        origin: (*features) float64, subtracted from `x`, which is float64 then, before it is rounded to
            float32; None where rounding loses nothing.
        window: The windows that are taken instead of rows, by the positions of their first rows.
        itself: Whether the targets of a row are its own features, scaled.
        weights: (n,) float32, the weights of the rows; None where all count alike. A window has the weight of
            its target's row.
    """

    x: Array
    y: Array
    features: tuple[int, ...]
    whole: bool = False
    imputations: tuple[Imputation, ...] = ()
    indicators: Array | None = None
    origin: Array | None = None
    window: Window | None = None
    itself: bool = False
    weights: Array | None = None

    @property
    def positions(self) -> Array:
        """Return the positions of all rows, or of all windows."""
        if self.window is None:
            return np.arange(len(self.y))
        return starts_of("data", "the series", range(len(self.y)), self.window)

    def take(self, index: Array, split: int) -> Rows:
        """Return rows by position, with missing values imputed as the split's training part says."""
        if self.window is not None:
            x = gathered("data", self._prepared(slice(None), split), index, self.window)
            index = index + self.window.reach - 1
        else:
            x = self._prepared(index, split)
        weights = None if self.weights is None else self.weights[index]
        return Rows(x.reshape(len(x), *self.features), self.y[index], weights)

    def covered(self, index: Array, split: int, window: Window) -> Array:
        """Return the rows that windows cover, each once, which their scaling is fitted on."""
        return self._prepared(rows_of(index, window), split)

    def _prepared(self, index: Array | slice, split: int) -> Array:
        x = self.x[index]
        if self.imputations:
            x = self.imputations[split].apply(x)
        if self.origin is not None:
            x = x - self.origin
        return x if self.whole else x.astype(np.float32, copy=False)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows to train and validate on, with what is needed to prepare further rows in the same way.

    Attributes:
        source: The source as the study file names it.
        task: Whether classes, labels or quantities are predicted.
        features: The shape of a row.
        labels: The names of the classes in the order of their numbers; empty for other tasks.
        splits: One split, or one for each fold.
        encoding: How the columns of a csv file become features; None for arrays.
        fingerprint: The SHA-256 of the loaded arrays with their names, shapes and dtypes, before any split.
        unscaled: The unscaled training and validation rows.
        held_out: The unscaled test rows; None without a test part.
        notes: What a user should know about the features.
        doubtful: Whether more than two whole numbers were taken for classes, which may be quantities.
        targets: The names of several targets; empty for one.
        images: The height, width and channels of rows that were decoded from files of images; else None.
        inputs: The named inputs that flat rows hold; None where rows have no names.
        target_layout: The named targets that the columns of targets hold; None where they have no names.
        columns: The columns of a table, and what becomes of them.
        stream: What networks are trained on in place of the training rows of the split, which are then those
            that validate; None where there is none.
    """

    source: str
    task: Task
    features: tuple[int, ...]
    labels: tuple[str, ...]
    splits: tuple[Split, ...] = field(repr=False)
    encoding: Encoding | None = field(repr=False)
    fingerprint: str
    unscaled: UnscaledRows = field(repr=False)
    held_out: UnscaledRows | None = field(default=None, repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False)
    doubtful: bool = False
    targets: tuple[str, ...] = ()
    images: tuple[int, ...] | None = None
    inputs: InputLayout | None = None
    target_layout: TargetLayout | None = None
    columns: tuple[ColumnSummary, ...] = field(default=(), repr=False)
    stream: Stream | None = field(default=None, repr=False)

    @property
    def outputs(self) -> int:
        """Return the number of classes, or of targets."""
        if self.target_layout is not None:
            return len(self.target_layout.targets)
        return len(self.labels) if self.task == "classification" else max(len(self.targets), 1)

    @property
    def has_quantities(self) -> bool:
        """Return whether any target is a quantity."""
        layout = self.target_layout
        return self.task == "regression" or (layout is not None and bool(layout.quantities.any()))

    @property
    def train_rows(self) -> int:
        """Return the number of training rows; with folds, of the smallest training part.

        A stream has so many at most.
        """
        if self.stream is not None:
            return self.stream.steps * self.stream.batch_size
        return min(len(split.train) for split in self.splits)

    def raw(self, split: int, part: Literal["train", "validation"]) -> Rows:
        """Return the rows of a part, encoded but not scaled, as an exported model takes them."""
        chosen = self.splits[split]
        index = chosen.train_index if part == "train" else chosen.validation_index
        return chosen.scaling.aimed(self.unscaled.take(index, split), itself=self.unscaled.itself)

    def raw_test(self, split: int = 0) -> Rows | None:
        """Return the test rows, encoded as the split says but not scaled; None without a test part."""
        if self.held_out is None:
            return None
        rows = self.held_out.take(self.held_out.positions, split)
        return self.splits[split].scaling.aimed(rows, itself=self.held_out.itself)

    def test(self, split: int = 0) -> Rows | None:
        """Return the test rows, scaled as the split was fitted; None without a test part."""
        rows = self.raw_test(split)
        scaling = self.splits[split].scaling
        return rows if rows is None or scaling.identity else replace(rows, x=scaling.apply(rows.x))

    def preprocessing(self, split: int = 0) -> Preprocessing:
        """Return what brings new rows into the form that an exported model takes."""
        encoding = None if self.encoding is None else self.encoding.of_split(split)
        moved, window = self.unscaled.origin, self.unscaled.window
        origin = None if moved is None else tuple(moved.reshape(-1).tolist())
        return Preprocessing(
            self.source,
            self.task,
            self.labels,
            self.features,
            encoding,
            origin,
            window,
            self.targets,
            self.images,
            self.inputs,
            self.target_layout,
        )

    def summary(self) -> DataSummary:
        """Return the data set in numbers; the counts of rows are those of the first split."""
        first = self.splits[0]
        return DataSummary(
            source=self.source,
            task=self.task,
            features=self.features,
            outputs=self.outputs,
            targets=self._names_of_targets if len(self._names_of_targets) <= MOST_NAMES else (),
            train_rows=len(first.train) if self.stream is None else self.train_rows,
            validation_rows=len(first.validation),
            test_rows=0 if self.held_out is None else len(self.held_out.positions),
            folds=len(self.splits),
            labels=self.labels,
            fingerprint=self.fingerprint,
            chance_loss=self._chance(chance_loss),
            chance_accuracy=self._chance(chance_accuracy),
            columns=self.columns[:MOST_COLUMNS],
        )

    @property
    def _names_of_targets(self) -> tuple[str, ...]:
        if self.target_layout is None:
            return self.targets
        return tuple(one.name for one in self.target_layout.targets)

    def _chance(self, measure: Callable[[Rows, Rows, int], float | None]) -> float | None:
        """Return the mean of a measure over the splits."""
        if self.target_layout is not None:
            return None
        found = [measure(split.train, split.validation, len(self.labels)) for split in self.splits]
        known = [number for number in found if number is not None]
        return float(np.mean(known)) if known else None
