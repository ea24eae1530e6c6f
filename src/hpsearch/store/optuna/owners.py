"""Whose study it is in an Optuna storage that several share: names can be those of others."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from optuna.storages import RDBStorage

from hpsearch.exceptions import StoreError
from hpsearch.store.optuna.storage import check_is_optunas, failed, open_storage
from hpsearch.store.optuna.urls import shown
from hpsearch.store.record import TrialRecord

OWNER = "hpsearch:owner"
"""The attribute of a study in a storage that names its owner, as the resolved study file does."""

Names = dict[str, tuple[str | None, Sequence[TrialRecord]]]
"""Studies in a storage, with their owner and their trials as their own files have them."""


def claim(storage: RDBStorage, study_id: int, owner: str) -> None:
    """Note to which files a study in a storage belongs.

    Args:
        storage: The Optuna storage.
        study_id: The study in it.
        owner: The random mark of the files.

    Raises:
        StoreError: It belongs to other files.
    """
    known = storage.get_study_system_attrs(study_id).get(OWNER)
    if known is None:
        storage.set_study_system_attr(study_id, OWNER, owner)
    elif known != owner:
        raise StoreError("a study of that name belongs to other files")


def check_free(storage: RDBStorage, wanted: Names) -> None:
    """Check that a storage has no studies of others under the names that are wanted.

    Raises:
        StoreError: It has one.
    """
    ids = _ids(storage)
    for name, (owner, trials) in wanted.items():
        if name in ids and not _is_ours(storage, ids[name], owner, trials):
            raise StoreError(
                f"the storage {shown(storage.url)} has a study {name!r} that does not belong to these files: "
                "give the study another name, or name another storage (optuna delete-study removes it there)"
            )


def delete_from(url: str, ours: Names) -> None:
    """Delete studies from an Optuna storage; those of others are left, with a warning.

    Raises:
        StoreError: It is not an Optuna storage, or cannot be written.
    """
    check_is_optunas(url, fresh=False)
    storage = open_storage(url)
    try:
        ids = _ids(storage)
        for name, (owner, trials) in ours.items():
            if name not in ids:
                continue
            if _is_ours(storage, ids[name], owner, trials):
                storage.delete_study(ids[name])
            else:
                told = f"the study {name!r} in {shown(url)} does not belong to these files and is not deleted"
                warnings.warn(told, RuntimeWarning, stacklevel=2)
    except Exception as failure:  # noqa: BLE001 - whatever the storage raises is told as one error
        raise failed("write", url, failure) from None
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _ids(storage: RDBStorage) -> dict[str, int]:
    # Optuna gives no other way to name them.
    return {study.study_name: study._study_id for study in storage.get_all_studies()}  # noqa: SLF001


def _is_ours(storage: RDBStorage, study_id: int, owner: str | None, trials: Sequence[TrialRecord]) -> bool:
    """Return whether a study is that of its owner; one of an earlier version is known by its trials."""
    known = storage.get_study_system_attrs(study_id).get(OWNER)
    if known is not None:
        return bool(known == owner)
    found = storage.get_all_trials(study_id, deepcopy=False)
    own = {trial.number: dict(trial.parameters) for trial in trials}
    shared = [trial for trial in found if trial.number in own]
    return not found or bool(shared and all(trial.params == own[trial.number] for trial in shared))
