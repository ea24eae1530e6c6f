"""The parts of a study that have a storage of their own, copied into the one that is served."""

from __future__ import annotations

from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from hpsearch.store.optuna.projection import Projection
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.store.resolved import Resolved


def mirror(storage: RDBStorage, name: str, resolved: Resolved, record: StudyRecord) -> None:
    """Bring a study in a storage up to date with its record; one of other trials is replaced."""
    _remove_another(storage, name, record)
    projection = Projection(storage, name, resolved.experiment)
    for trial in record.trials:
        projection.asked(trial.number, dict(trial.parameters))
        for epoch, value in enumerate(trial.history.get(record.metric, ()), start=1):
            if value is not None:
                projection.reported(trial.number, epoch, value)
        if trial.state != "running":
            projection.ended(trial)
    projection.flush(now=True)


def _remove_another(storage: RDBStorage, name: str, record: StudyRecord) -> None:
    """Remove a study of that name with trials that the record does not have."""
    studies = {study.study_name: study._study_id for study in storage.get_all_studies()}  # noqa: SLF001
    if name not in studies:
        return
    own = {trial.number: trial for trial in record.trials}
    found = storage.get_all_trials(studies[name], deepcopy=False)
    if not all(trial.number in own and _is_of(trial, own[trial.number]) for trial in found):
        storage.delete_study(studies[name])


def _is_of(found: FrozenTrial, trial: TrialRecord) -> bool:
    if found.params != dict(trial.parameters):
        return False
    return not found.state.is_finished() or trial.state == "failed" or found.values == [trial.value]
