"""The best trials of a search are joined to one model where the study asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hpsearch.engines import Worker
from hpsearch.engines.messages import EnsembleOrder, ExportOrder
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.store.results import SavedEnsemble

Export = Callable[[TrialRecord], ExportOrder]


def save_ensemble(
    record: StudyRecord, worker: Worker, path: Path, export: Export, winner: ExportOrder | None
) -> SavedEnsemble | None:
    """Have a worker join trials to one model and save it; None where the study asks for no ensemble.

    Args:
        record: A search in which a trial has a value.
        worker: A worker of its pool.
        path: Where to save the model.
        export: Makes the order for the model of a trial.
        winner: What it is held against on the test part; None where that is not to be looked at.
    """
    section = record.spec.ensemble
    if section is None:
        return None
    trials = record.ranking[: section.candidates]
    order = EnsembleOrder(
        numbers=tuple(trial.number for trial in trials),
        candidates=tuple(map(export, trials)),
        members=section.members,
        path=str(path),
        winner=winner,
        threshold=record.spec.search.threshold,
    )
    return SavedEnsemble(path, worker.do(order))
