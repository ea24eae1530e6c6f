"""The Optuna storage as a picture of the study for people and dashboards.

It is written at a bounded rate and never asked: after a crash it may be behind the tick log, or ahead of it.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
import warnings
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import event

from hpsearch.exceptions import StorageLockedError, StoreError
from hpsearch.experiment import Experiment
from hpsearch.search_space import Value
from hpsearch.spec import Search
from hpsearch.store.disk import cannot_write
from hpsearch.store.optuna_distributions import optuna_distribution
from hpsearch.store.record import TrialRecord

FLUSH_SECONDS = 1.0
"""The dashboard is at most this much behind, and a commit is rarer than a small network's epoch."""

MAX_POINTS = 10
"""Points of a curve that are written for a trial that ended before it was first written."""

STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


LOCK_SECONDS = 10.0
"""How long a SQLite file that is locked is waited for."""

LOCKED = "another process has it locked"

REFUSALS = {
    sqlite3.SQLITE_FULL: os.strerror(errno.ENOSPC),
    sqlite3.SQLITE_READONLY: os.strerror(errno.EROFS),
    sqlite3.SQLITE_IOERR: os.strerror(errno.EIO),
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_PERM: os.strerror(errno.EACCES),
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_NOMEM: os.strerror(errno.ENOMEM),
}
"""Why SQLite cannot work on a file, whatever is in it."""


def open_storage(url: str, *, own: Path | None = None) -> RDBStorage:
    """Open an Optuna storage; SQLite in WAL mode, so that the dashboard reads while we write.

    `own` is the file of the URL where it is the study's own: should it be damaged, it is set aside, and the
    storage is written anew from the tick log. Raises StoreError where it cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    damage = None if own is None else _damage(own)
    if own is not None and damage is not None:
        _set_aside(own, damage)
    try:
        return _open(url)
    except Exception as failure:  # noqa: BLE001 - a file with other content than was written fails anyhow
        if own is None or isinstance(failure, ImportError) or _refusal(failure) is not None:
            raise _failed("open", url, failure) from None
        _set_aside(own, _told(failure))
    return open_storage(url)


def delete_from(url: str, name: str) -> None:
    """Delete a study from an Optuna storage, if it is there."""
    storage = open_storage(url)
    for study in storage.get_all_studies():
        if study.study_name == name:
            storage.delete_study(study._study_id)  # noqa: SLF001 - Optuna gives no other way to name it


def _open(url: str) -> RDBStorage:
    arguments = {"connect_args": {"timeout": LOCK_SECONDS}} if url.startswith("sqlite") else {}
    storage = RDBStorage(url, engine_kwargs=arguments)
    if url.startswith("sqlite"):
        event.listen(storage.engine, "connect", _quick_sqlite)
        storage.engine.dispose()
    return storage


def _damage(path: Path) -> str | None:
    """Say how a SQLite file does not hold together; None where it does, or cannot be looked at."""
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(path)) as connection:
            (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as failure:
        return None if _refusal(failure) is not None else str(failure)
    return None if told == "ok" else told.splitlines()[-1]


def _set_aside(path: Path, reason: str) -> None:
    """Keep a damaged SQLite file and its journal under another name, for who wants to look at it."""
    try:
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                path.with_name(f"{path.name}{suffix}").replace(path.with_name(f"{path.name}.damaged{suffix}"))
    except OSError as failure:
        raise cannot_write(path, failure) from None
    text = f"{path} is damaged ({reason}): it is kept as {path.name}.damaged and written anew"
    warnings.warn(text, RuntimeWarning, stacklevel=2)


def _refusal(failure: BaseException | None) -> str | None:
    """Say why SQLite could not work on a file; None where the failure is of another kind."""
    while failure is not None:
        # An extended code has the plain one in its lowest byte.
        code = getattr(failure, "sqlite_errorcode", 0) & 0xFF
        if code in REFUSALS:
            return REFUSALS[code]
        failure = getattr(failure, "orig", None) or failure.__cause__
    return None


def _told(failure: BaseException) -> str:
    """Tell a failure in a line; Optuna's own words for one of the database are a guess."""
    cause = failure.__cause__ if isinstance(failure, StorageInternalError) and failure.__cause__ else failure
    return (str(cause).splitlines() or [type(cause).__name__])[0]


def _failed(what: str, url: str, failure: Exception) -> StoreError:
    refusal = _refusal(failure)
    kind = StorageLockedError if refusal == LOCKED else StoreError
    return kind(f"cannot {what} the storage {url}: {refusal or _told(failure)}")


def _quick_sqlite(connection: Any, _record: Any) -> None:
    # The tick log is what must survive a power cut; here a consistent database is enough.
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


@dataclass
class _Picture:
    """What is known of one trial, and how much of it the storage has."""

    values: dict[str, Value]
    reports: dict[int, float] = field(default_factory=dict)
    written: set[int] = field(default_factory=set)
    record: TrialRecord | None = None
    trial_id: int | None = None
    done: bool = False


class Projection:
    """Writes trials into an Optuna storage, in transactions as few as its interface allows.

    `name` is that of the study in the storage; `own` is as for `open_storage`. Raises StoreError where the
    storage cannot be read or written.
    """

    def __init__(
        self, storage: RDBStorage, name: str, experiment: Experiment, *, own: Path | None = None
    ) -> None:
        self.storage, self.name = storage, name
        self.distributions = {p.name: optuna_distribution(p) for p in experiment.parameters}
        self.pictures: dict[int, _Picture] = {}
        self._flushed = time.monotonic()
        self._begin(experiment.spec.search, own)

    def _begin(self, search: Search, own: Path | None) -> None:
        try:
            self._read(search)
        except Exception as failure:  # noqa: BLE001 - the same
            self._leave()
            if own is None or _refusal(failure) is not None:
                raise _failed("open", self.storage.url, failure) from None
            _set_aside(own, _told(failure))
            self.storage = open_storage(self.storage.url)
            self._begin(search, None)

    def _read(self, search: Search) -> None:
        """Find the study in the storage, or create it there, and read what is known of its trials."""
        storage, name = self.storage, self.name
        study = optuna.create_study(
            storage=storage, study_name=name, direction=search.direction, load_if_exists=True
        )
        study.set_metric_names([search.metric])
        self.study_id = storage.get_study_id_from_name(name)
        self._known = {trial.number: trial for trial in storage.get_all_trials(self.study_id, deepcopy=False)}

    def asked(self, number: int, values: dict[str, Value]) -> None:
        """Note a new trial."""
        known = self._known.get(number)
        picture = _Picture(values, trial_id=known._trial_id if known else None)  # noqa: SLF001
        picture.done = known is not None and known.state.is_finished()
        if known is not None:
            picture.written = set(known.intermediate_values)
        self.pictures[number] = picture

    def reported(self, number: int, epoch: int, value: float) -> None:
        """Note the metric of an epoch."""
        picture = self.pictures.get(number)
        if picture is not None and not picture.done and epoch not in picture.written:
            picture.reports[epoch] = value

    def ended(self, record: TrialRecord) -> None:
        """Note how a trial ended."""
        picture = self.pictures.get(record.number)
        if picture is not None:
            picture.record = record

    def flush(self, *, now: bool = False) -> None:
        """Write what is new; unless `now`, only when the last time is long enough ago.

        Raises StoreError where the storage cannot be written.
        """
        if not now and time.monotonic() - self._flushed < FLUSH_SECONDS:
            return
        self._flushed = time.monotonic()
        try:
            self._write_pictures()
        except Exception as failure:  # noqa: BLE001 - whatever the storage raises is told as one error
            raise _failed("write", self.storage.url, failure) from None

    def _write_pictures(self) -> None:
        for number in sorted(self.pictures):
            self._write(self.pictures[number])
            if self.pictures[number].done:
                del self.pictures[number]

    def _write(self, picture: _Picture) -> None:
        if picture.done:
            return
        if picture.trial_id is None:
            picture.trial_id = self.storage.create_new_trial(self.study_id, self._template(picture))
            picture.done = picture.record is not None
        else:
            self._update(picture, picture.trial_id)
        picture.written |= set(picture.reports)
        picture.reports = {}

    def _update(self, picture: _Picture, trial_id: int) -> None:
        for epoch, value in picture.reports.items():
            self.storage.set_trial_intermediate_value(trial_id, epoch, value)
        if picture.record is not None:
            for name, value in _attributes(picture.record).items():
                self.storage.set_trial_user_attr(trial_id, name, value)
            self.storage.set_trial_state_values(
                trial_id, STATES[picture.record.state], _values(picture.record)
            )
            picture.done = True

    def _template(self, picture: _Picture) -> FrozenTrial:
        record = picture.record
        return create_trial(
            state=TrialState.RUNNING if record is None else STATES[record.state],
            values=None if record is None else _values(record),
            params=dict(picture.values),
            distributions={name: self.distributions[name] for name in picture.values},
            intermediate_values=picture.reports if record is None else _thinned(picture.reports),
            user_attrs={} if record is None else _attributes(record),
        )

    def close(self) -> None:
        """Write the rest and close the storage."""
        self.flush(now=True)
        self._leave()

    def _leave(self) -> None:
        self.storage.remove_session()
        self.storage.engine.dispose()


def _thinned(reports: dict[int, float]) -> dict[int, float]:
    """Keep a few points of a finished curve: each is a query, and the tick log has them all."""
    epochs = sorted(reports)
    count = min(MAX_POINTS, len(epochs))
    kept = {epochs[round(index * (len(epochs) - 1) / max(count - 1, 1))] for index in range(count)}
    return {epoch: reports[epoch] for epoch in sorted(kept)}


def _values(record: TrialRecord) -> list[float] | None:
    return None if record.value is None or record.state == "failed" else [record.value]


def _attributes(record: TrialRecord) -> dict[str, Any]:
    attributes = {
        "best_epoch": record.best_epoch,
        "epochs": record.epochs,
        "seconds": record.seconds,
        "seed": record.seed,
        "cause": record.cause,
    }
    return {name: value for name, value in attributes.items() if value is not None}
