"""The ensemble of a search: its model, and what was found of it."""

from __future__ import annotations

from typing import Any

from hpsearch.store.documents import load_document, read_document, write_document
from hpsearch.store.identity import DamagedError, StudyIdentity, digest_of_file
from hpsearch.store.layout import StudyFiles
from hpsearch.training.ensemble import Ensemble


def read_ensemble(files: StudyFiles, identity: StudyIdentity) -> Ensemble | None:
    """Read what was found of the ensemble; None where there is none, or the file is damaged."""
    return read_document(files.ensemble, Ensemble, identity)


def load_ensemble(files: StudyFiles, identity: StudyIdentity) -> Ensemble:
    """Read what was found of the ensemble, and check that it was written for its model.

    Raises:
        FileNotFoundError: One of the two files is missing.
        DamagedError: One is damaged or belongs elsewhere, or they do not belong together.
    """
    found = load_document(files.ensemble, Ensemble, identity)
    stamp = _stamp(files)
    try:
        load_document(files.ensemble, Ensemble, identity, **stamp)
    except DamagedError:
        told = f"{files.ensemble_model.name} is not the model that {files.ensemble.name} was written for"
        raise DamagedError(told) from None
    return found


def write_ensemble(files: StudyFiles, ensemble: Ensemble, identity: StudyIdentity) -> None:
    """Write what was found of the ensemble, whose model is there already.

    Raises:
        StoreError: The file cannot be written.
    """
    write_document(files.ensemble, Ensemble, ensemble, identity.stamp(**_stamp(files)))


def _stamp(files: StudyFiles) -> dict[str, Any]:
    return {"of": digest_of_file(files.ensemble_model)}
