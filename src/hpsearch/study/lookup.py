"""Find what is meant by a study: a study file, or the name of a study that was begun."""

from __future__ import annotations

import os
from pathlib import Path

from hpsearch.exceptions import Problem, StudyFileError
from hpsearch.spec import load_study_file
from hpsearch.spec.sections.study import names_one_directory
from hpsearch.store.layout import OF_SEARCH, StudyFiles
from hpsearch.store.reading import read_record
from hpsearch.store.record import StudyRecord


def files_of(study: str, out: Path) -> StudyFiles:
    """Find the files of a study.

    Args:
        study: The path of its study file, or its name.
        out: The parent of `runs/`.

    Raises:
        StudyFileError: It is neither, or the study file is invalid.
    """
    path = Path(study)
    if path.suffix in (".yaml", ".yml") or os.path.isfile(path):  # noqa: PTH113 - Path raises for a long name
        return StudyFiles(out, load_study_file(path).spec.name)
    if not names_one_directory(study):
        shown = study or repr(study)
        raise StudyFileError((Problem(shown, None, "", "a study file or the name of a study", "neither"),))
    return StudyFiles(out, study)


def records_of(study: str, out: Path) -> list[tuple[StudyFiles, StudyRecord]]:
    """Find the files of a study and read what was started of it: its search, its comparison, or both.

    Raises:
        StudyNotFoundError: Nothing was.
    """
    files = files_of(study, out)
    begun = [part for part in files.parts if part.part not in OF_SEARCH]
    return [(part, read_record(part)) for part in begun or [files]]


def record_of(study: str, out: Path) -> tuple[StudyFiles, StudyRecord]:
    """Return the search of a study, or where it was not begun its comparison."""
    return records_of(study, out)[0]
