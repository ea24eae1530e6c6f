"""Conduct one experiment: its storage, its coordinator, and the signals that stop it."""

from __future__ import annotations

import json
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from hpsearch.exceptions import StorageLockedError
from hpsearch.store.disk import write_atomically
from hpsearch.store.identity import digest
from hpsearch.store.layout import PARTS, StudyFiles
from hpsearch.store.optuna.named import own_database
from hpsearch.store.removal import names_of
from hpsearch.store.resolved import Resolved
from hpsearch.study.open_study import OpenStudy
from hpsearch.study.progress import Display, Outcome

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

    from hpsearch.store.optuna.projection import Projection
    from hpsearch.study.coordinator import Coordinator

SWITCH_SECONDS = 0.0002

Made = TypeVar("Made")


def conduct(study: OpenStudy) -> Outcome:
    """Run an experiment, or go on with it, to the end of its budget; the workers have the study open."""
    from hpsearch.store.loggers.logs import TrialLogs
    from hpsearch.store.optuna.background import BackgroundWriter
    from hpsearch.store.writer import StudyWriter
    from hpsearch.study.coordinator import Coordinator

    files, resolved, lease = study.files, study.resolved, study.lease
    projection = _projection(study.storage, files, resolved)
    writer = StudyWriter(files, lease, BackgroundWriter(projection, lease.check), resolved.identity)
    logs = TrialLogs(study.loggers, files.full_name, resolved.spec.search.first_metric)
    coordinator = Coordinator(resolved, study.pool, writer, study.display, logs)
    with _stopped_by_signals(coordinator, study.display), _quick_switches():
        outcome = coordinator.run()
    lease.check()
    timing = {"seconds": round(coordinator.budget.elapsed, 3), "store_seconds": round(writer.seconds, 3)}
    stamp = resolved.identity.stamp()
    told = timing if stamp is None else {**timing, "identity": stamp, "sha256": digest([timing, stamp])}
    write_atomically(files.timing, json.dumps(told).encode())
    return outcome


def storage_of(files: StudyFiles, named: str | None) -> RDBStorage | None:
    """Open the Optuna storage of an experiment.

    Args:
        files: The experiment.
        named: The URL of its storage; None for its own file.

    Returns:
        None if its own file is locked by another process.

    Raises:
        StoreError: It is not an Optuna storage.
    """
    from hpsearch.store.optuna.storage import check_is_optunas, open_storage
    from hpsearch.store.optuna.urls import url_of

    if named is not None:
        check_is_optunas(named, fresh=True)
        return open_storage(named)
    own = own_database(files)
    return _unless_locked(own, lambda: open_storage(url_of(own), own=own))


def shared_storage(files: StudyFiles, named: str | None, *, confirmed: bool = False) -> RDBStorage | None:
    """Open the storage of an experiment, and check that its names are free there.

    Args:
        files: The experiment.
        named: The URL of its storage; None for its own file.
        confirmed: Whether the name of its confirmation must be free too.

    Raises:
        StoreError: The storage has studies of others under these names.
    """
    storage = storage_of(files, named)
    if named is not None and storage is not None:
        from hpsearch.store.optuna.owners import check_free

        parts = [files]
        if confirmed and files.part == PARTS["search"]:
            parts.append(StudyFiles(files.out, files.name, PARTS["confirmation"]))
        check_free(storage, names_of(parts))
    return storage


def _projection(storage: RDBStorage | None, files: StudyFiles, resolved: Resolved) -> Projection | None:
    from hpsearch.store.optuna.projection import Projection

    if storage is None:
        return None
    own = None if resolved.storage else files.database
    name, experiment = files.full_name, resolved.experiment
    owner, identity = resolved.owner, resolved.identity
    return _unless_locked(
        own, lambda: Projection(storage, name, experiment, own=own, owner=owner, identity=identity)
    )


def _unless_locked(own: Path | None, make: Callable[[], Made]) -> Made | None:
    """Do without the study's own storage, only a picture of it, where another process has it locked."""
    try:
        return make()
    except StorageLockedError as failure:
        if own is None:
            raise
        warnings.warn(f"{failure}; the study continues without it", RuntimeWarning, stacklevel=2)
        return None


@contextmanager
def _quick_switches() -> Iterator[None]:
    """Let the coordinator interrupt the background writer at once: an epoch may be shorter than 5 ms."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def _stopped_by_signals(coordinator: Coordinator, display: Display) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM stop the study after the current epoch, and the second at once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        if coordinator.stopping:
            raise KeyboardInterrupt
        coordinator.stopping = True
        display.note("stopping after the current epoch; interrupt again to stop at once")

    try:
        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not in the main thread: then signals are not ours to handle
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
