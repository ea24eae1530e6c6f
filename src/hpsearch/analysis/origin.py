"""Where the numbers of a study come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hpsearch.spec import StudySpec
from hpsearch.store.record import StudyRecord


@dataclass(frozen=True)
class Origin:
    """The study file with every default, versions, the machine, and what was decided automatically."""

    spec: StudySpec
    versions: Mapping[str, str]
    machine: Mapping[str, str]
    settings: Mapping[str, str]


def origin_of(record: StudyRecord) -> Origin:
    """Tell where the numbers of a study come from."""
    return Origin(record.spec, dict(record.versions), dict(record.machine), record.decisions.words())
