"""The winner: its name, what applies it to new rows, how it was refitted, its looks, its insides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hpsearch.data import Preprocessing
from hpsearch.store.documents import load_document, read_document, write_document
from hpsearch.store.identity import UNKNOWN, DamagedError, Stamp, StudyIdentity, digest_of_file
from hpsearch.store.layout import StudyFiles
from hpsearch.training.evaluation import MAX_CLASSES, Evaluation


@dataclass(frozen=True)
class WinnerName:
    """Which model stands for a study: its trial, and the replicate, seed and epoch that gave its weights.

    `replicate` is None where nothing was confirmed, and the trial's own model stands for it. One that was
    `refitted`, on training and validation rows together, has no replicate either, and was trained for
    `epoch` epochs.
    """

    trial: int
    replicate: int | None
    seed: int
    epoch: int | None
    refitted: bool = False


@dataclass(frozen=True)
class Refit:
    """How a winner is trained once more, on so many `rows` of the training and the validation set together.

    `best_epochs` are those of its replicates, in their order, and the epochs of the refit are their median,
    rounded up. `drops` are the steps, as (epoch, factor), that a plateau took in the replicate in the middle.
    `cause` says why the refit failed, and is None where it did not.
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
    """Whose model is the best, the SHA-256 of its weights, and what applies it to new rows."""

    study: str
    winner: WinnerName
    weights: str
    preprocessing: Preprocessing


@dataclass(frozen=True)
class HeldOutEvaluation:
    """One evaluation on the test set: when (UTC), by which model, and the SHA-256 of its weights.

    Raises ValueError where `date` is none.
    """

    date: str
    winner: WinnerName
    weights: str
    evaluation: Evaluation

    def __post_init__(self) -> None:
        datetime.fromisoformat(self.date)


@dataclass(frozen=True)
class HeldOutEvaluations:
    """Every look at the test set, the oldest first; `lost` tells that the record of others was damaged."""

    looks: tuple[HeldOutEvaluation, ...] = ()
    lost: bool = False

    def of(self, winner: WinnerName) -> HeldOutEvaluation | None:
        """Return the look of a winner, or None before it had one."""
        return next((look for look in self.looks if look.winner == winner), None)


@dataclass(frozen=True)
class ErrorAnalysis:
    """Where a winner is right and wrong: its evaluation, and the labels of the classes.

    Raises ValueError where the parts do not belong together.
    """

    winner: WinnerName
    labels: tuple[str, ...]
    evaluation: Evaluation

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
    """Read what applies the best model to new rows, and compare it with the model.

    Raises FileNotFoundError where one of the two is missing, DamagedError where it is damaged, or the model
    is another than it was written for.
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
    """Write what applies the best model to new rows."""
    write_document(path, InferenceInfo, applied, stamp)


def read_held_out(path: Path, identity: StudyIdentity = UNKNOWN) -> HeldOutEvaluations:
    """Read the log of looks; of one that is damaged it is only known that it was there."""
    found = read_document(path, HeldOutEvaluations, identity)
    if found is not None:
        return found
    return HeldOutEvaluations(lost=path.exists())


def write_held_out(path: Path, looks: HeldOutEvaluations, stamp: Stamp | None = None) -> None:
    """Write the log of looks."""
    write_document(path, HeldOutEvaluations, looks, stamp)


def read_refit(path: Path, identity: StudyIdentity = UNKNOWN) -> Refit | None:
    """Read how the winner was refitted; None where it was not, or the file is damaged."""
    return read_document(path, Refit, identity)


def write_refit(path: Path, refit: Refit, stamp: Stamp | None = None) -> None:
    """Write how the winner was refitted."""
    write_document(path, Refit, refit, stamp)


def read_error_analysis(path: Path, identity: StudyIdentity = UNKNOWN) -> ErrorAnalysis | None:
    """Read what was seen inside the winner; None where there is no such file, or it is damaged."""
    return read_document(path, ErrorAnalysis, identity)


def write_error_analysis(path: Path, insides: ErrorAnalysis, stamp: Stamp | None = None) -> None:
    """Write what was seen inside the winner."""
    write_document(path, ErrorAnalysis, insides, stamp)
