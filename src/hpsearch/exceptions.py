"""The errors that hpsearch raises on purpose; each carries the exit code of the command line."""

from __future__ import annotations

import re
import sysconfig
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST = 600
"""Characters of an exception's text that are shown; the middle of a longer one is left out."""

MOST_PROBLEMS = 100
"""Of a study file that are told: whoever made more has made the same one many times."""


def spoken(failure: BaseException) -> str:
    """Return an exception's type and text on one line.

    Keras raises some exceptions again as one of another type, which quotes them: then the quoted one is told.
    What an exception was explicitly raised from stands behind it.
    """
    told = _quoted(failure)
    origin = told.__cause__
    behind = f", from {_named(origin)}" if origin is not None and _text(origin) not in _text(told) else ""
    return _named(told) + behind


def _named(failure: BaseException) -> str:
    return f"{type(failure).__name__}: {shortened(_text(failure))}".rstrip(": ")


def _text(failure: BaseException) -> str:
    """Return what an exception says, without a terminal's colours and Keras' list of arguments."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(failure))
    return " ".join(re.split("Arguments received by|Example:", text)[0].split())


def shortened(text: str, longest: int = LONGEST) -> str:
    """Leave out the middle of a text that is too long: its end may name what matters."""
    if len(text) <= longest:
        return text
    end = longest // 3
    return f"{text[: longest - end - 5]} ... {text[-end:]}"


def _quoted(failure: BaseException) -> BaseException:
    """Find the exception that another one quotes, as Keras first raised it with the layer's name."""
    chain = [failure]
    for inner in _behind(failure):
        if "xception encountered" not in str(chain[-1]) or _text(inner) not in _text(chain[-1]):
            break
        chain.append(inner)
    return next(one for one in chain if type(one) is type(chain[-1]))


def _behind(failure: BaseException) -> Iterator[BaseException]:
    """Iterate over what was being handled when an exception was raised, and so on."""
    inner = failure.__cause__ or failure.__context__
    while inner is not None:
        yield inner
        inner = inner.__cause__ or inner.__context__


class HpsearchError(Exception):
    """Base of every error that hpsearch raises for its users."""

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
    remedy: str | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        where = f" {self.path}:" if self.path else ""
        hint = f" (did you mean {self.nearest!r}?)" if self.nearest else ""
        if self.remedy:
            hint += f" ({self.remedy})"
        return f"{place}:{where} expected {self.expected}; found {self.found}{hint}"


class StudyFileError(HpsearchError):
    """A study file that does not say what a study file can say: all problems, of which the first are told."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """Return a line for each problem that is told."""
        told = [str(problem) for problem in self.problems[:MOST_PROBLEMS]]
        more = len(self.problems) - len(told)
        return [*told, f"and {more:,} more like these"] if more else told


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


class StorageNotNamedError(HpsearchError):
    """A storage that the files of a study name and the command does not."""

    exit_code = 2


class StorageLockedError(StoreError):
    """A storage that another process does not let go."""


class StorageAwayError(StoreError):
    """A storage whose server does not answer: it may come back."""


class WorkerError(HpsearchError):
    """An order that a worker could not carry out."""


class WorkerDiedError(WorkerError):
    """A worker process that is no more."""


class ModelError(HpsearchError):
    """A model that cannot be built or trained, with the cause."""


class WrongNumbersError(HpsearchError):
    """A process whose compiled programs compute wrong numbers, so that no result of it can be trusted."""


FOR_DEVELOPERS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ResourceWarning)
"""Warnings that are about the code of who gives them, not about what it does."""

LIBRARIES = (
    *(Path(sysconfig.get_path(kind)) for kind in ("stdlib", "purelib", "platlib")),
    Path(__file__).parent,
)
"""Where code is that is not a user's own."""


def is_users(filename: str) -> bool:
    """Return whether a file is of a user's own code."""
    return not any(Path(filename).is_relative_to(folder) for folder in LIBRARIES)


@contextmanager
def warnings_as_notes(note: Callable[[str], None]) -> Iterator[None]:
    """Show our own warnings and those of a user's code as remarks, each once; hide those of libraries."""
    told = set()

    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any
    ) -> None:
        text, ours = f"warning: {message}", category is RuntimeWarning
        if not ours and is_users(filename) and not issubclass(category, FOR_DEVELOPERS):
            text, ours = f"{text} (in {Path(filename).name}:{lineno})", True
        if ours and text not in told:
            told.add(text)
            note(text)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
