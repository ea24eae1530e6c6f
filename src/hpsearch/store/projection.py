"""The Optuna storage as a picture of the study for people and dashboards.

It is written at a bounded rate and never asked: after a crash it may be behind the tick log, or ahead of it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from hpsearch.exceptions import StoreError
from hpsearch.search_space import SearchSpace, Value
from hpsearch.spec import StudySpec
from hpsearch.store.optuna_distributions import optuna_distribution
from hpsearch.store.record import TrialRecord

FLUSH_SECONDS = 1.0
"""The dashboard is at most this much behind, and a commit is rarer than a small network's epoch."""

MAX_POINTS = 10
"""Points of a curve that are written for a trial that ended before it was first written."""

STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


def open_storage(url: str) -> RDBStorage:
    """Open an Optuna storage; SQLite in WAL mode, so that the dashboard reads while we write.

    Raises StoreError where it cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    arguments = {"connect_args": {"timeout": 30}} if url.startswith("sqlite") else {}
    try:
        storage = RDBStorage(url, engine_kwargs=arguments)
    except (SQLAlchemyError, ImportError, ValueError, OSError) as failure:
        raise StoreError(f"cannot open the storage {url}: {str(failure).splitlines()[0]}") from None
    if url.startswith("sqlite"):
        event.listen(storage.engine, "connect", _quick_sqlite)
        storage.engine.dispose()
    return storage


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
    """Writes trials into an Optuna storage, in transactions as few as its interface allows."""

    def __init__(self, storage: RDBStorage, spec: StudySpec) -> None:
        self.storage = storage
        self.distributions = {p.name: optuna_distribution(p) for p in SearchSpace(spec).parameters}
        self.pictures: dict[int, _Picture] = {}
        self._flushed = time.monotonic()
        direction = spec.search.direction
        study = optuna.create_study(
            storage=storage, study_name=spec.name, direction=direction, load_if_exists=True
        )
        study.set_metric_names([spec.search.metric])
        self.study_id = storage.get_study_id_from_name(spec.name)
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
        """Write what is new; unless `now`, only when the last time is long enough ago."""
        if not now and time.monotonic() - self._flushed < FLUSH_SECONDS:
            return
        self._flushed = time.monotonic()
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
        self.storage.remove_session()
        self.storage.engine.dispose()


def _thinned(reports: dict[int, float]) -> dict[int, float]:
    """Keep a few points of a finished curve: each is a query, and the history file has them all."""
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
