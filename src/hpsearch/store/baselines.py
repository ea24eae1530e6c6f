"""The baselines of a search, as its files have them."""

from __future__ import annotations

from hpsearch.store.documents import read_document, write_document
from hpsearch.store.identity import StudyIdentity
from hpsearch.store.layout import StudyFiles
from hpsearch.training.baselines import Baselines


def read_baselines(files: StudyFiles, identity: StudyIdentity) -> Baselines | None:
    """Read the baselines; None where there are none, or the file is damaged."""
    return read_document(files.baselines, Baselines, identity)


def write_baselines(files: StudyFiles, baselines: Baselines, identity: StudyIdentity) -> None:
    """Write the baselines.

    Raises:
        StoreError: The file cannot be written.
    """
    write_document(files.baselines, Baselines, baselines, identity.stamp())
