"""Studies written into the storage that is served: parts that have another one, and what it has lost."""

from __future__ import annotations

from contextlib import suppress

from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from hpsearch.exceptions import StudyLockedError
from hpsearch.spec import Search
from hpsearch.store.layout import StudyFiles
from hpsearch.store.lease import leased
from hpsearch.store.optuna.owners import check_free
from hpsearch.store.optuna.picture import shown_values
from hpsearch.store.optuna.projection import Projection
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.store.removal import names_of
from hpsearch.store.resolved import Resolved


def mirror(storage: RDBStorage, name: str, resolved: Resolved, record: StudyRecord) -> None:
    """Bring a study in a storage up to date with its record; one of other trials is replaced."""
    _remove_another(storage, name, record)
    projection = Projection(
        storage, name, resolved.experiment, owner=resolved.owner, identity=resolved.identity
    )
    for trial in record.trials:
        projection.asked(trial.number, dict(trial.parameters))
        for epoch, value in enumerate(trial.history.get(record.metric, ()), start=1):
            if value is not None:
                projection.reported(trial.number, epoch, value)
        if trial.state != "running":
            projection.ended(trial)
    projection.flush(now=True)


def complete(storage: RDBStorage, part: StudyFiles, resolved: Resolved, record: StudyRecord) -> None:
    """Write what a storage lacks of a study that no process runs now: that one would write it itself.

    Raises:
        StoreError: The storage has a study of others under the name.
    """
    if _is_behind(storage, part.full_name, record):
        with suppress(StudyLockedError), leased(StudyFiles(part.out, part.name).leases):
            check_free(storage, names_of([part]))
            mirror(storage, part.full_name, resolved, record)


def _is_behind(storage: RDBStorage, name: str, record: StudyRecord) -> bool:
    """Return whether a storage has not every trial, or not the end of every one."""
    ended = {trial.number for trial in record.trials if trial.state != "running"}
    try:
        study_id = storage.get_study_id_from_name(name)
    except KeyError:
        return True
    found = storage.get_all_trials(study_id, deepcopy=False)
    return not ended.issubset(trial.number for trial in found if trial.state.is_finished())


def _remove_another(storage: RDBStorage, name: str, record: StudyRecord) -> None:
    """Remove a study of that name with trials that the record does not have."""
    studies = {study.study_name: study._study_id for study in storage.get_all_studies()}  # noqa: SLF001
    if name not in studies:
        return
    own = {trial.number: trial for trial in record.trials}
    found = storage.get_all_trials(studies[name], deepcopy=False)
    search = record.spec.search
    if not all(trial.number in own and _is_of(trial, own[trial.number], search) for trial in found):
        storage.delete_study(studies[name])


def _is_of(found: FrozenTrial, trial: TrialRecord, search: Search) -> bool:
    if found.params != dict(trial.parameters):
        return False
    shown = shown_values(trial, search)
    return not found.state.is_finished() or shown is None or found.values == shown
