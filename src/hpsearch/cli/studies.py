"""Find what a command is about: a study file, or a study that was begun."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpsearch.spec import StudyFile
    from hpsearch.store.layout import StudyFiles
    from hpsearch.store.record import StudyRecord


def load(path: Path, settings: list[str] | None) -> StudyFile:
    """Load a study file with what `--set` says, and check what only a search space can."""
    from hpsearch.study.input import read_study

    return read_study(path, settings or ())


def files_of(study: str, out: Path) -> StudyFiles:
    """Find the files of a study by its study file or its name."""
    from hpsearch.study import lookup

    return lookup.files_of(study, out)


def records_of(study: str, out: Path) -> list[tuple[StudyFiles, StudyRecord]]:
    """Find the files of a study and read what was started of it: its search, its comparison, or both.

    Raises:
        StudyNotFoundError: Nothing was.
    """
    from hpsearch.study import lookup

    return lookup.records_of(study, out)


def record_of(study: str, out: Path) -> tuple[StudyFiles, StudyRecord]:
    """Return the search of a study, or where it was not begun its comparison."""
    return records_of(study, out)[0]
