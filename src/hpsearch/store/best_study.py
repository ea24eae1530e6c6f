"""The configuration of a trial as a study of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpsearch.spec import Data, StudySpec
from hpsearch.spec.sections.parts_of_rows import TestFile
from hpsearch.spec.sections.study import name_with
from hpsearch.store.record import StudyRecord, TrialRecord

FILES = ("csv", "table", "npz", "arrays", "images")
"""Sources of data that are paths."""


def best_spec(record: StudyRecord, best: TrialRecord) -> StudySpec:
    """Return the configuration of a trial as a study with nothing left to search."""
    data = record.spec.data.model_copy(update=best.configuration.preparation.said)
    search = record.spec.search.without_beginning().model_copy(update={"trials": 1})
    update = {
        "name": name_with(record.name, "-best"),
        "data": _found_from_anywhere(data, record.directory),
        "model": best.configuration.model.from_anywhere(Path(record.directory)),
        "training": best.configuration.training,
        "search": search,
    }
    return record.spec.model_copy(update=update)


def _found_from_anywhere(data: Data, directory: str) -> Data:
    """Write the paths of data files in full, because the study file may be moved."""

    def full(path: str) -> str:
        return str(Path(directory, Path(path).expanduser()))

    given = {name: path for name in FILES if (path := getattr(data, name)) is not None}
    update: dict[str, Any] = {
        name: full(path) if isinstance(path, str) else tuple(map(full, path)) for name, path in given.items()
    }
    if isinstance(data.test, TestFile):
        update["test"] = TestFile(file=full(data.test.file))
    return data.model_copy(update=update)
