"""What is told of a data set without the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DataSummary:
    """The data set in a few numbers; `fingerprint` is the SHA-256 of its arrays."""

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
