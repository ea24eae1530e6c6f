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

from hpsearch.display import Display, Outcome
from hpsearch.engines.crew import Crew
from hpsearch.exceptions import StorageLockedError
from hpsearch.store.disk import write_atomically
from hpsearch.store.files import StudyFiles
from hpsearch.store.lease import Lease
from hpsearch.store.resolved import Resolved

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

    from hpsearch.coordinator import Coordinator
    from hpsearch.store.projection import Projection

SWITCH_SECONDS = 0.0002

Made = TypeVar("Made")


def conduct(
    files: StudyFiles,
    resolved: Resolved,
    storage: RDBStorage | None,
    crew: Crew,
    lease: Lease,
    display: Display,
) -> Outcome:
    """Run an experiment, or go on with it, to the end of its budget; the workers have the study open."""
    from hpsearch.coordinator import Coordinator
    from hpsearch.ledger import Ledger
    from hpsearch.store.scribe import Scribe

    projection = _projection(storage, files, resolved)
    ledger = Ledger(files, lease, Scribe(projection, lease.check))
    coordinator = Coordinator(resolved, crew, ledger, display)
    with _stopped_by_signals(coordinator, display), _quick_switches():
        outcome = coordinator.run()
    lease.check()
    timing = {"seconds": round(coordinator.budget.elapsed, 3), "store_seconds": round(ledger.seconds, 3)}
    write_atomically(files.timing, json.dumps(timing).encode())
    return outcome


def storage_of(files: StudyFiles, named: str | None) -> RDBStorage | None:
    """Open the Optuna storage of an experiment: the one that is named, or its own file.

    None where its own file is locked by another process.
    """
    from hpsearch.store.projection import open_storage

    own = None if named else files.database
    return _unless_locked(own, lambda: open_storage(named or f"sqlite:///{files.database}", own=own))


def _projection(storage: RDBStorage | None, files: StudyFiles, resolved: Resolved) -> Projection | None:
    from hpsearch.store.projection import Projection

    if storage is None:
        return None
    own = None if resolved.storage else files.database
    name, experiment = files.full_name, resolved.experiment
    return _unless_locked(own, lambda: Projection(storage, name, experiment, own=own))


def _unless_locked(own: Path | None, make: Callable[[], Made]) -> Made | None:
    """Do without the study's own storage, only a picture of it, where another process has it locked."""
    try:
        return make()
    except StorageLockedError as failure:
        if own is None:
            raise
        warnings.warn(f"{failure}; the study goes on without it", RuntimeWarning, stacklevel=2)
        return None


@contextmanager
def _quick_switches() -> Iterator[None]:
    """Let the coordinator interrupt the scribe at once: a small network's epoch is shorter than 5 ms."""
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
        display.note("stopping after the current epoch; press Ctrl-C again to stop at once")

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
