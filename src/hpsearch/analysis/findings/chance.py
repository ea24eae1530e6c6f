"""Which trials never left the level of chance."""

from __future__ import annotations

from hpsearch.scheduling.conclusion.learning import never_learned
from hpsearch.store.record import StudyRecord, TrialRecord


def chanceless(record: StudyRecord) -> list[TrialRecord]:
    """List the trials that never left the level of chance."""
    return [trial for trial in record.trials if never_learned(trial, record.data)]
