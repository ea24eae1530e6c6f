"""Which trials can be judged, and which of them never left the level of chance."""

from __future__ import annotations

from hpsearch.analysis.findings.curves import exploded, learned_nothing
from hpsearch.analysis.findings.limits import FEWEST_EPOCHS
from hpsearch.store.record import StudyRecord, TrialRecord


def judged(record: StudyRecord) -> list[TrialRecord]:
    """List the trials that were trained for long enough to be judged."""
    return [
        trial
        for trial in record.trials
        if trial.state == "complete" or (trial.state == "pruned" and trial.epochs >= FEWEST_EPOCHS)
    ]


def chanceless(record: StudyRecord) -> list[TrialRecord]:
    """List the trials that never left the level of chance."""
    data = record.data
    if data is None:
        return []
    return [t for t in judged(record) if learned_nothing(t, data) and not exploded(t, data)]
