"""The Optuna storage as a picture of the study for people and dashboards.

It is written at a bounded rate and never asked: after a crash it may be behind the tick log, or ahead of it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpsearch.exceptions import StorageAwayError, StoreError
from hpsearch.spec import Search
from hpsearch.spec.experiments import Experiment
from hpsearch.spec.space.parameter import Value
from hpsearch.store.identity import UNKNOWN, StudyIdentity
from hpsearch.store.optuna.distributions import optuna_distribution
from hpsearch.store.optuna.owners import claim
from hpsearch.store.optuna.picture import SHOWN, shown_values
from hpsearch.store.optuna.storage import failed, open_storage, refusal, set_aside, told
from hpsearch.store.record import TrialRecord

FLUSH_SECONDS = 1.0
"""The dashboard is at most this much out of date, and commits are rarer than epochs of small networks."""

FLUSH_SHARE = 0.25
"""Writing takes at most this part of the time: with hundreds of workers it is rarer, and trials that ended
meanwhile are written once."""

LONGEST_SECONDS = 30.0
"""A storage that fails is tried again after pauses that double, up to this."""

MAX_POINTS = 10
"""Points of a curve that are written for a trial that ended before it was first written."""

STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "infeasible": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
"""Optuna has no state of its own for what is not ranked."""


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
    """Writes trials into an Optuna storage, in as few transactions as its interface allows.

    Args:
        storage: The Optuna storage.
        name: The name of the study in it.
        experiment: The experiment, which has the parameters.
        own: As for `open_storage`.
        owner: As for `claim`.
        identity: What tells the study from another one of its name.

    A storage that is away is looked at again at each flush, and what it has is read again after a failure:
    whether the last thing that was written arrived is not known then.

    Raises:
        StoreError: The storage cannot be read or written, or has another study of the name.
    """

    def __init__(
        self,
        storage: RDBStorage,
        name: str,
        experiment: Experiment,
        *,
        own: Path | None = None,
        owner: str | None = None,
        identity: StudyIdentity = UNKNOWN,
    ) -> None:
        self.storage, self.name, self.owner, self.identity = storage, name, owner, identity
        self.distributions = {p.name: optuna_distribution(p) for p in experiment.parameters}
        self.pictures: dict[int, _Picture] = {}
        self._search = experiment.spec.search
        self._known: dict[int, FrozenTrial] = {}
        self._count, self._is_read = 0, False
        self._pause = FLUSH_SECONDS
        self._due = time.monotonic() + self._pause
        with suppress(StorageAwayError):
            self._begin(own)

    def _begin(self, own: Path | None = None) -> None:
        try:
            self._read(self._search, is_own=own is not None)
        except Exception as failure:  # noqa: BLE001 - the same
            self._leave()
            if own is None or refusal(failure) is not None:
                raise failed("open", self.storage.url, failure) from None
            set_aside(own, told(failure))
            self.storage = open_storage(self.storage.url)
            self._begin()

    def _read(self, search: Search, *, is_own: bool) -> None:
        """Find the study in the storage, or create it there, and read what is known of its trials."""
        storage, name = self.storage, self.name
        study = optuna.create_study(
            storage=storage, study_name=name, directions=search.directions, load_if_exists=True
        )
        study.set_metric_names(list(search.objectives))
        self.study_id = storage.get_study_id_from_name(name)
        if self.owner is not None:
            claim(storage, self.study_id, self.owner)
        self._known = {trial.number: trial for trial in storage.get_all_trials(self.study_id, deepcopy=False)}
        self._check_identity(is_own=is_own)
        if len(self._known) < self._count:
            raise StoreError("it has lost trials that were written before")
        self._count, self._is_read = len(self._known), True
        for number, picture in self.pictures.items():
            self._recognize(number, picture)

    def _check_identity(self, *, is_own: bool) -> None:
        """Note which study the storage shows. Raises StoreError where it shows another one of the name."""
        if not self.identity.study:
            return
        told = self.storage.get_study_user_attrs(self.study_id).get(SHOWN)
        if told is None and not (is_own and self._known and self.identity.strict):
            self.storage.set_study_user_attr(self.study_id, SHOWN, self.identity.study)
        elif told != self.identity.study:
            raise StoreError(
                f"it shows another study of the name {self.name!r} than this one: give the study another "
                "name, or delete the other one"
            )

    def asked(self, number: int, values: dict[str, Value]) -> None:
        """Note a new trial."""
        picture = self.pictures[number] = _Picture(values)
        self._recognize(number, picture)

    def _recognize(self, number: int, picture: _Picture) -> None:
        """Note how much of a trial the storage has."""
        known = self._known.get(number)
        if known is not None:
            picture.trial_id, picture.done = known._trial_id, known.state.is_finished()  # noqa: SLF001
            picture.written = set(known.intermediate_values)
            picture.reports = {e: v for e, v in picture.reports.items() if e not in picture.written}

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
        """Write what is new.

        Args:
            now: Whether to write even if the last time ended less than `FLUSH_SECONDS` ago, or longer where
                that failed or took long.

        Raises:
            StoreError: The storage cannot be written.
        """
        if not now and time.monotonic() < self._due:
            return
        begun = time.monotonic()
        try:
            if not self._is_read:
                self._begin()
            self._write_pictures()
            self._pause = max(FLUSH_SECONDS, (time.monotonic() - begun) * (1 / FLUSH_SHARE - 1))
        except Exception as failure:  # noqa: BLE001 - whatever the storage raises is told as one error
            self._is_read, self._pause = False, min(2 * self._pause, LONGEST_SECONDS)
            raise failed("write", self.storage.url, failure) from None
        finally:
            # From its end: a storage that fails takes seconds, as Optuna tries again, and not for each event.
            self._due = time.monotonic() + self._pause

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
            self._count += 1
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
                trial_id, STATES[picture.record.state], shown_values(picture.record, self._search)
            )
            picture.done = True

    def _template(self, picture: _Picture) -> FrozenTrial:
        record = picture.record
        return create_trial(
            state=TrialState.RUNNING if record is None else STATES[record.state],
            values=None if record is None else shown_values(record, self._search),
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


def _attributes(record: TrialRecord) -> dict[str, Any]:
    attributes = {
        "best_epoch": record.best_epoch,
        "epochs": record.epochs,
        "seconds": record.seconds,
        "seed": record.seed,
        "cause": record.cause,
        "origin": record.origin,
    }
    return {name: value for name, value in attributes.items() if value is not None}
