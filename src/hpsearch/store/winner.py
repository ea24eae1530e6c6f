"""The winner: its name, what applies it to new rows, its refit, its evaluations, its error analysis."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hpsearch.data import Preprocessing
from hpsearch.store.documents import load_document, read_document, write_document
from hpsearch.store.identity import UNKNOWN, DamagedError, Stamp, StudyIdentity, digest_of_file
from hpsearch.store.layout import StudyFiles
from hpsearch.training.column_effects import ColumnEffect
from hpsearch.training.column_importance import ColumnImportance
from hpsearch.training.evaluation import MAX_CLASSES, Evaluation
from hpsearch.training.slices import Slices
from hpsearch.training.threshold import Threshold


@dataclass(frozen=True)
class WinnerName:
    """Which model stands for a study: where its weights come from.

    Attributes:
        trial: The trial.
        replicate: The replicate of the confirmation; None if nothing was confirmed, and for a refit.
        seed: The seed that it was trained with.
        epoch: The epoch of the weights, from 1; for a refit the last one.
        refitted: Whether it was trained on training and validation rows together.
    """

    trial: int
    replicate: int | None
    seed: int
    epoch: int | None
    refitted: bool = False


@dataclass(frozen=True)
class Refit:
    """How a winner is trained on training and validation rows together.

    Attributes:
        winner: The model.
        best_epochs: Those of its replicates, in their order. Their median, rounded up, is the length of the
            refit.
        rows: The number of rows.
        drops: (epoch, factor): how the learning rate was reduced on a plateau in the median replicate.
        cause: Why the refit failed; None if it did not.
    """

    winner: WinnerName
    best_epochs: tuple[int, ...]
    rows: int
    drops: tuple[tuple[int, float], ...] = ()
    cause: str | None = None

    @property
    def planned(self) -> Refit:
        """Return the refit without what came of it."""
        return replace(self, cause=None)


@dataclass(frozen=True)
class InferenceInfo:
    """Whose model is the best, the SHA-256 of its weights, and what applies it to new rows.

    `threshold` tells two classes apart; None for one half.
    """

    study: str
    winner: WinnerName
    weights: str
    preprocessing: Preprocessing
    threshold: Threshold | None = None


@dataclass(frozen=True)
class HeldOutEvaluation:
    """One evaluation on the test set.

    Attributes:
        date: When, in UTC and ISO 8601.
        winner: The model.
        weights: The SHA-256 of its weights.
        evaluation: The numbers.

    Raises:
        ValueError: `date` is not a date.
    """

    date: str
    winner: WinnerName
    weights: str
    evaluation: Evaluation

    def __post_init__(self) -> None:
        datetime.fromisoformat(self.date)


@dataclass(frozen=True)
class HeldOutEvaluations:
    """All test-set evaluations of a study.

    Attributes:
        looks: The oldest first.
        lost: Whether the record of earlier ones is damaged.
    """

    looks: tuple[HeldOutEvaluation, ...] = ()
    lost: bool = False

    def of(self, winner: WinnerName) -> HeldOutEvaluation | None:
        """Return the evaluation of a winner; None if it has not been evaluated."""
        return next((look for look in self.looks if look.winner == winner), None)


@dataclass(frozen=True)
class ErrorAnalysis:
    """Where a winner is right and wrong: its evaluation, the labels of the classes, and on what it relies.

    `threshold` is what tells two classes apart in its predictions; None for one half.

    Raises:
        ValueError: The confusion matrix does not fit the labels.
    """

    winner: WinnerName
    labels: tuple[str, ...]
    evaluation: Evaluation
    columns: tuple[ColumnImportance, ...] = field(default=(), metadata={"where_given": True})
    effects: tuple[ColumnEffect, ...] = field(default=(), metadata={"where_given": True})
    threshold: Threshold | None = field(default=None, metadata={"where_given": True})
    slices: Slices | None = field(default=None, metadata={"where_given": True})

    def __post_init__(self) -> None:
        counts, classes = self.evaluation.confusion, len(self.labels)
        if counts is None:
            return
        square = 1 < classes <= MAX_CLASSES and [len(row) for row in counts] == [classes] * classes
        if not square or min(map(min, counts)) < 0:
            raise ValueError("the confusion matrix does not fit the labels")


def read_inference_info(path: Path, identity: StudyIdentity = UNKNOWN) -> InferenceInfo | None:
    """Read what applies the best model to new rows; None where there is no such file, or it is damaged."""
    return read_document(path, InferenceInfo, identity)


def load_applied(files: StudyFiles, identity: StudyIdentity) -> InferenceInfo:
    """Read what applies the best model to new rows, and check that it was written for that model.

    Raises:
        FileNotFoundError: One of the two files is missing.
        DamagedError: One is damaged or belongs elsewhere, or they do not belong together.
    """
    applied = load_document(files.best_preprocessing, InferenceInfo, identity)
    if not files.best_model.exists():
        raise FileNotFoundError(files.best_model)
    try:
        load_document(
            files.best_preprocessing, InferenceInfo, identity, **model_stamp(applied.winner, files.best_model)
        )
    except DamagedError:
        raise DamagedError(
            f"{files.best_model.name} is not the model that {files.best_preprocessing.name} was written for"
        ) from None
    return applied


def model_problem(files: StudyFiles, identity: StudyIdentity) -> str | None:
    """Return why the best model is not the study's; None where it is, or there is none yet."""
    if not (files.best_model.exists() and files.best_preprocessing.exists()):
        return None
    try:
        load_applied(files, identity)
    except (DamagedError, FileNotFoundError) as failure:
        return f"{failure}; hpsearch optimize rewrites it"
    return None


def model_stamp(winner: WinnerName, model: Path) -> dict[str, Any]:
    """Return what a file says of itself that belongs to a saved model."""
    return {"trial": winner.trial, "seed": winner.seed, "epoch": winner.epoch, "of": digest_of_file(model)}


def write_inference_info(path: Path, applied: InferenceInfo, stamp: Stamp | None = None) -> None:
    """Write what applies the best model to new rows.

    Raises:
        StoreError: The file cannot be written.
    """
    write_document(path, InferenceInfo, applied, stamp)


def read_held_out(path: Path, identity: StudyIdentity = UNKNOWN) -> HeldOutEvaluations:
    """Read the record of test-set evaluations; if it is damaged, `lost` says so."""
    found = read_document(path, HeldOutEvaluations, identity)
    if found is not None:
        return found
    return HeldOutEvaluations(lost=path.exists())


def write_held_out(path: Path, looks: HeldOutEvaluations, stamp: Stamp | None = None) -> None:
    """Write the record of test-set evaluations.

    Raises:
        StoreError: The file cannot be written.
    """
    write_document(path, HeldOutEvaluations, looks, stamp)


def read_refit(path: Path, identity: StudyIdentity = UNKNOWN) -> Refit | None:
    """Read how the winner was refitted; None where it was not, or the file is damaged."""
    return read_document(path, Refit, identity)


def write_refit(path: Path, refit: Refit, stamp: Stamp | None = None) -> None:
    """Write how the winner was refitted.

    Raises:
        StoreError: The file cannot be written.
    """
    write_document(path, Refit, refit, stamp)


def read_error_analysis(path: Path, identity: StudyIdentity = UNKNOWN) -> ErrorAnalysis | None:
    """Read the error analysis of the winner; None if there is no such file, or it is damaged."""
    return read_document(path, ErrorAnalysis, identity)


def write_error_analysis(path: Path, insides: ErrorAnalysis, stamp: Stamp | None = None) -> None:
    """Write the error analysis of the winner.

    Raises:
        StoreError: The file cannot be written.
    """
    write_document(path, ErrorAnalysis, insides, stamp)
