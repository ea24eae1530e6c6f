"""The errors that hpsearch raises on purpose; each carries the exit code of the command line."""

from __future__ import annotations

from dataclasses import dataclass


class HpsearchError(Exception):
    """Base of every error that is meant to be read by a person."""

    exit_code = 1


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a study file, and where."""

    file: str
    line: int | None
    path: str
    expected: str
    found: str
    nearest: str | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        where = f" {self.path}:" if self.path else ""
        hint = f" (did you mean {self.nearest!r}?)" if self.nearest else ""
        return f"{place}:{where} expected {self.expected}; found {self.found}{hint}"


class StudyFileError(HpsearchError):
    """A study file that does not say what a study file can say; lists every problem at once."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class DataError(HpsearchError):
    """Data that cannot be loaded, split or trained on."""

    exit_code = 2


class UnsupportedError(HpsearchError):
    """A combination of settings that is valid by itself but cannot work together."""

    exit_code = 2


class ModelCodeError(HpsearchError):
    """A Python file of a study that cannot be read or run, or lacks the function that builds the model."""

    exit_code = 2


class DonorError(HpsearchError):
    """A saved model that cannot be read, or whose layers a study cannot reuse."""

    exit_code = 2


class StudyNotFoundError(HpsearchError):
    """A study that has no files where they were looked for."""

    exit_code = 2


class StudyMismatchError(HpsearchError):
    """A study file that would mix two experiments in one study."""

    exit_code = 2


class StudyLockedError(HpsearchError):
    """A study that another process is running."""

    exit_code = 3


class StoreError(HpsearchError):
    """Files of a study that cannot be written or read."""


class StorageLockedError(StoreError):
    """A storage that another process does not let go."""


class WorkerError(HpsearchError):
    """An order that a worker could not carry out."""


class WorkerDiedError(WorkerError):
    """A worker process that is no more."""


class ModelError(HpsearchError):
    """A model that cannot be built or trained, with the cause."""
