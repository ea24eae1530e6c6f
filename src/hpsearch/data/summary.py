"""What is told of a data set without the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DataSummary:
    """The data set in a few numbers; `fingerprint` is the SHA-256 of its arrays.

    `chance_loss` and `chance_accuracy` are what a constant prediction gives on the validation part that knows
    the training targets alone, the mean over folds: the shares of the classes, or the mean. The accuracy is
    None for a regression, and both are in studies of older versions. `chance` is the same by the study's own
    metric, and `constant` says which prediction gives it; None where it is not known, or not finite.
    """

    source: str
    task: Literal["classification", "regression"]
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

    def level(self, metric: str) -> tuple[float, str] | None:
        """Give what a constant prediction gives by the study's metric, and which one; None where not known.

        In studies of older versions it is known of the loss and of the accuracy.
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
