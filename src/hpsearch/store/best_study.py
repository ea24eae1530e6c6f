"""The configuration of a trial as a study of its own."""

from __future__ import annotations

from pathlib import Path

from hpsearch.spec import Data, StudySpec
from hpsearch.spec.sections.study import name_with
from hpsearch.store.record import StudyRecord, TrialRecord

FILES = ("csv", "npz", "arrays", "images")
"""Sources of data that are paths."""


def best_spec(record: StudyRecord, best: TrialRecord) -> StudySpec:
    """Return the configuration of a trial as a study with nothing left to search."""
    data, scaling = record.spec.data, best.configuration.scaling
    if scaling is not None:
        data = data.model_copy(update={"scaling": scaling})
    search = record.spec.search.model_copy(update={"enqueue": (), "trials": 1})
    update = {
        "name": name_with(record.name, "-best"),
        "data": _found_from_anywhere(data, record.directory),
        "model": best.configuration.model.from_anywhere(Path(record.directory)),
        "training": best.configuration.training,
        "search": search,
    }
    return record.spec.model_copy(update=update)


def _found_from_anywhere(data: Data, directory: str) -> Data:
    """Write the path of a data file in full, because the study file may be moved."""
    paths = {name: getattr(data, name) for name in FILES if getattr(data, name) is not None}
    return data.model_copy(
        update={name: str(Path(directory, Path(path).expanduser())) for name, path in paths.items()}
    )
