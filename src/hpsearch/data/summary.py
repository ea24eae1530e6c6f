"""The data set in numbers, without the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ColumnSummary:
    """A column of a table, and what becomes of it; counts are those of rows that are trained and judged on.

    Attributes:
        name: The name.
        kind: What it is.
        missing: Rows without a value.
        distinct: Different values.
        range: The smallest and the largest number or date, or the most frequent words.
        becomes: What becomes of it.
        warning: What may be wrong with it; empty for nothing.
    """

    name: str
    kind: str
    missing: int
    distinct: int
    range: str
    becomes: str
    warning: str = ""


@dataclass(frozen=True)
class DataSummary:
    """The data set in numbers.

    Attributes:
        source: The source as the study file names it.
        task: Whether classes, labels or quantities are predicted.
        features: The shape of a row.
        outputs: The number of classes, or of targets.
        train_rows: Training rows of the first split.
        validation_rows: Validation rows of the first split.
        test_rows: Test rows, 0 without a test part.
        folds: The number of splits.
        labels: The names of the classes; empty for other tasks.
        fingerprint: The SHA-256 of the arrays.
        chance_loss: The validation loss of the best constant prediction, averaged over folds; None in studies
            of older versions.
        chance_accuracy: The validation accuracy of the best constant prediction, averaged over folds; None
            for a regression and in studies of older versions.
        chance: The same by the study's metric; None where it is unknown or not finite.
        constant: The constant prediction that gives `chance`.
        targets: The names of several targets, if they are not too many; empty for one.
        columns: The columns of a table, the first ones of many.
    """

    source: str
    task: Literal["classification", "regression", "multilabel", "multitask"]
    features: tuple[int, ...]
    outputs: int
    train_rows: int
    validation_rows: int
    test_rows: int
    folds: int
    labels: tuple[str, ...]
    fingerprint: str
    chance_loss: float | None = None
    chance_accuracy: float | None = None
    chance: float | None = None
    constant: str = ""
    targets: tuple[str, ...] = ()
    columns: tuple[ColumnSummary, ...] = ()

    def level(self, metric: str) -> tuple[float, str] | None:
        """Return the chance level by a metric, and which constant prediction gives it; None if unknown.

        Studies of older versions know it only for the loss and the accuracy.
        """
        if self.chance is not None:
            return self.chance, self.constant
        classes = self.task == "classification"
        known = {
            "val_loss": (self.chance_loss, "the shares of the classes" if classes else "the mean"),
            "val_accuracy": (self.chance_accuracy, "the most frequent class"),
        }
        value, constant = known.get(metric, (None, ""))
        return None if value is None else (value, constant)
