"""The composition root: run and resume a search or a comparison, and leave its results behind."""

from __future__ import annotations

import glob
import json
import os
import platform
import shutil
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING, Literal, TypeVar

from hpsearch.arms import arms_of
from hpsearch.display import Display, Outcome
from hpsearch.engines.crew import Crew
from hpsearch.engines.job import Job, Opened
from hpsearch.engines.worker import InProcessWorker, LocalWorker, Worker
from hpsearch.exceptions import (
    StorageLockedError,
    StoreError,
    StudyFileError,
    StudyMismatchError,
    WorkerDiedError,
)
from hpsearch.experiment import Experiment, Kind, SearchExperiment, experiment_of, prepare
from hpsearch.model_code import announced_code, check_same_code, fingerprint, read_code
from hpsearch.results import leave_results
from hpsearch.search_space import check_enqueued
from hpsearch.spec import StudyFile
from hpsearch.store.disk import write_atomically
from hpsearch.store.files import StudyFiles
from hpsearch.store.lease import Lease, leased
from hpsearch.store.reading import read_record
from hpsearch.store.record import StudyRecord
from hpsearch.store.resolved import Resolved, check_same_experiment, read_resolved, write_resolved

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

    from hpsearch.coordinator import Coordinator
    from hpsearch.store.projection import Projection

SWITCH_SECONDS = 0.0002

Made = TypeVar("Made")

Engine = Literal["local", "in_process"]

ENGINES: dict[str, Callable[[], Worker]] = {"local": LocalWorker, "in_process": InProcessWorker}


@dataclass(frozen=True)
class Options:
    """Where and how a study is run; nothing here changes what it finds.

    `out` is the parent of `runs/` and `reports/`; `storage` the URL of an Optuna storage, by default a SQLite
    file beside the study; `new` starts over; `takeover` takes the study from a process that is silent;
    `workers` is the number of training processes; `no_code` refuses a study that runs Python code of its own.
    """

    out: Path = Path()
    storage: str | None = None
    data_dir: Path | None = None
    new: bool = False
    takeover: bool = False
    workers: int = 1
    no_code: bool = False
    engine: Engine = "local"


def optimize(study: StudyFile, options: Options, display: Display) -> tuple[Outcome, StudyRecord]:
    """Run a search, or go on with it, to the end of its budget.

    Raises HpsearchError where something keeps it from running.
    """
    check_enqueued(study.spec, study.source)
    return _carry_out(study, "search", options, display)


def compare(study: StudyFile, options: Options, display: Display) -> tuple[Outcome, StudyRecord]:
    """Train every arm of a comparison from every seed, or go on with it.

    Raises HpsearchError where something keeps it from running.
    """
    arms_of(study.spec, study.source)
    return _carry_out(study, "comparison", options, display)


PARTS: dict[Kind, str] = {"search": "", "comparison": "compare"}
"""Under which name the files of an experiment lie inside those of the study."""


def files_of(options: Options, name: str, kind: Kind) -> StudyFiles:
    """Give the places of a study's experiment."""
    return StudyFiles(options.out, name, PARTS[kind])


def _carry_out(
    given: StudyFile, kind: Kind, options: Options, display: Display
) -> tuple[Outcome, StudyRecord]:
    study = replace(given, spec=prepare(given.spec, kind))
    experiment = experiment_of(study.spec, kind)
    code = announced_code(replace(study, spec=experiment.trained), display.note, refused=options.no_code)
    found = fingerprint(read_code(code))
    files = files_of(options, study.spec.name, kind)
    with leased(files.leases, takeover=options.takeover) as lease:
        if options.new:
            _clear(files, options.storage)
        _sweep(files)
        stored = read_resolved(files)
        if stored is not None:
            check_same_experiment(stored.spec, study.spec)
            check_same_code(study.spec.name, stored.settings.get("model code", ""), found)
        trained = replace(study, spec=experiment.trained)
        crew = Crew(ENGINES[options.engine], options.workers, _job(trained, options, stored, found))
        try:
            if isinstance(experiment, SearchExperiment):
                from hpsearch.samplers import check_sampler

                check_sampler(study.spec, experiment.space)
            return _run(study, kind, options, files, stored, crew, lease, display)
        finally:
            crew.close()


def _job(study: StudyFile, options: Options, stored: Resolved | None, code: str) -> Job:
    data_dir = None if options.data_dir is None else str(options.data_dir.resolve())
    width = None if stored is None else int(stored.settings["width"])
    return Job(study.spec.dump(), str(study.directory), data_dir, width, code)


def _run(
    study: StudyFile,
    kind: Kind,
    options: Options,
    files: StudyFiles,
    stored: Resolved | None,
    crew: Crew,
    lease: Lease,
    display: Display,
) -> tuple[Outcome, StudyRecord]:
    from hpsearch.coordinator import Coordinator
    from hpsearch.ledger import Ledger
    from hpsearch.store.scribe import Scribe

    named = options.storage or (stored.storage if stored else None)
    own = None if named else files.database
    storage = _storage(named or f"sqlite:///{files.database}", own)
    opened = crew.opened()
    for note in opened.notes:
        display.note(note)
    resolved = _resolve(study, kind, options, stored, opened)
    lease.check()
    write_resolved(files, resolved)
    Thread(target=_import_ahead, daemon=True).start()
    projection = _projection(storage, files.full_name, resolved.experiment, own)
    ledger = Ledger(files, lease, Scribe(projection, lease.check))
    coordinator = Coordinator(files, resolved, crew, ledger, display)
    with _stopped_by_signals(coordinator, display), _quick_switches():
        outcome = coordinator.run()
    lease.check()
    timing = {"seconds": round(coordinator.elapsed, 3), "store_seconds": round(ledger.seconds, 3)}
    write_atomically(files.timing, json.dumps(timing).encode())
    record = read_record(files)
    if outcome != "interrupted":
        _leave(files, record, crew, lease)
    return outcome, record


def _leave(files: StudyFiles, record: StudyRecord, crew: Crew, lease: Lease) -> None:
    """Leave the results behind, if need be with another worker."""
    try:
        leave_results(files, record, crew.workers[0], lease)
    except WorkerDiedError:
        leave_results(files, record, crew.renew(crew.workers[0]), lease)


def _storage(url: str, own: Path | None) -> RDBStorage | None:
    from hpsearch.store.projection import open_storage

    return _unless_locked(own, lambda: open_storage(url, own=own))


def _projection(
    storage: RDBStorage | None, name: str, experiment: Experiment, own: Path | None
) -> Projection | None:
    from hpsearch.store.projection import Projection

    if storage is None:
        return None
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


def _sweep(files: StudyFiles) -> None:
    """Remove what processes that were killed left half written; we hold the lease, so nobody writes now."""
    left = [*files.directory.rglob(".*.tmp"), *files.directory.glob(".best.*.tmp.keras")]
    for path in [*left, *files.report.parent.glob(f".{glob.escape(files.report.name)}.*.tmp")]:
        with suppress(OSError):
            path.unlink()


def _resolve(
    study: StudyFile, kind: Kind, options: Options, stored: Resolved | None, opened: Opened
) -> Resolved:
    if stored is None:
        machine = {
            "system": platform.platform(),
            "python": platform.python_version(),
            "cores": str(os.cpu_count()),
        }
        return Resolved(
            spec=study.spec,
            kind=kind,
            directory=str(study.directory),
            data=opened.data,
            settings=opened.settings,
            versions=opened.versions,
            machine=machine,
            storage=options.storage,
        )
    if stored.data.fingerprint != opened.data.fingerprint:
        raise StudyMismatchError(
            f"the data of the study {study.spec.name!r} have changed since it was begun "
            f"(fingerprint {stored.data.fingerprint[:12]} -> {opened.data.fingerprint[:12]}): "
            "bring the old data back, give the study another name, or start over with --new"
        )
    return replace(stored, spec=study.spec, storage=options.storage or stored.storage)


def _import_ahead() -> None:
    """Import what the report needs, which takes seconds, while the first epochs leave time for it."""
    for module in ("hpsearch.report", "optuna.importance"):
        import_module(module)


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


def _clear(files: StudyFiles, storage: str | None) -> None:
    """Remove what an earlier study of this name left, but the lease that we hold."""
    stored = None
    # What cannot be read can be removed all the same.
    with suppress(StudyMismatchError, StudyFileError, StoreError):
        stored = read_resolved(files)
    url = storage or (stored.storage if stored else None)
    if url is not None:
        _delete_from(url, files.full_name)
    for path in files.directory.iterdir():
        if path == files.leases or path.name in PARTS.values():
            continue
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _delete_from(url: str, name: str) -> None:
    from hpsearch.store.projection import open_storage

    storage = open_storage(url)
    for study in storage.get_all_studies():
        if study.study_name == name:
            storage.delete_study(study._study_id)  # noqa: SLF001 - Optuna gives no other way to name it


def delete(files: StudyFiles) -> None:
    """Remove a study: its files and parts, its reports, and its trials in a storage elsewhere."""
    for part in reversed(PARTS.values()):
        own = StudyFiles(files.out, files.name, part)
        if part and not own.directory.exists():
            continue
        with leased(own.leases):
            _clear(own, None)
        own.report.unlink(missing_ok=True)
    shutil.rmtree(files.directory)
    files.probe_report.unlink(missing_ok=True)
