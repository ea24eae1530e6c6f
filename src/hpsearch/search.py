"""The composition root: run and resume a study, and leave its results behind."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING, Literal

from hpsearch.display import Display, Outcome
from hpsearch.engines.job import Job, Opened
from hpsearch.engines.worker import InProcessWorker, LocalWorker, Worker
from hpsearch.results import leave_results
from hpsearch.search_space import SearchSpace, check_enqueued
from hpsearch.spec import StudyFile
from hpsearch.store.files import StudyFiles, write_atomically
from hpsearch.store.lock import locked
from hpsearch.store.reading import read_record
from hpsearch.store.record import StudyRecord
from hpsearch.store.resolved import Resolved, check_same_experiment, read_resolved, write_resolved

if TYPE_CHECKING:
    from hpsearch.coordinator import Coordinator

SWITCH_SECONDS = 0.0002

Engine = Literal["local", "in_process"]

ENGINES: dict[str, Callable[[], Worker]] = {"local": LocalWorker, "in_process": InProcessWorker}


@dataclass(frozen=True)
class Options:
    """Where and how a study is run; nothing here changes what it finds.

    `out` is the parent of `runs/` and `reports/`; `storage` the URL of an Optuna storage, by default a SQLite
    file beside the study; `new` starts over; `workers` is the number of training processes.
    """

    out: Path = Path()
    storage: str | None = None
    data_dir: Path | None = None
    new: bool = False
    workers: int = 1
    engine: Engine = "local"


def optimize(study: StudyFile, options: Options, display: Display) -> tuple[Outcome, StudyRecord]:
    """Run a study, or go on with it, to the end of its budget.

    Raises HpsearchError where something keeps it from running.
    """
    check_enqueued(study.spec, study.source)
    files = StudyFiles(options.out, study.spec.name)
    with locked(files.lock):
        if options.new:
            _clear(files, options.storage)
        stored = read_resolved(files)
        if stored is not None:
            check_same_experiment(stored.spec, study.spec)
        job = _job(study, options, stored)
        workers = _begin_workers(options, job)
        try:
            from hpsearch.samplers import check_sampler

            check_sampler(study.spec, SearchSpace(study.spec))
            return _run(study, options, files, stored, job, workers, display)
        finally:
            for worker in workers:
                worker.close()


def _begin_workers(options: Options, job: Job) -> list[Worker]:
    """Start the workers before anything that takes long here: they import their libraries meanwhile."""
    workers = [ENGINES[options.engine]() for _ in range(options.workers)]
    for worker in workers:
        worker.open(job)
    return workers


def _job(study: StudyFile, options: Options, stored: Resolved | None) -> Job:
    data_dir = None if options.data_dir is None else str(options.data_dir.resolve())
    width = None if stored is None else int(stored.settings["width"])
    return Job(study.spec.dump(), str(study.directory), data_dir, width)


def _run(
    study: StudyFile,
    options: Options,
    files: StudyFiles,
    stored: Resolved | None,
    job: Job,
    workers: list[Worker],
    display: Display,
) -> tuple[Outcome, StudyRecord]:
    from hpsearch.coordinator import Coordinator
    from hpsearch.store.projection import Projection, open_storage
    from hpsearch.store.scribe import Scribe

    url = options.storage or (stored.storage if stored else None) or f"sqlite:///{files.database}"
    storage = open_storage(url)
    opened: list[Opened] = [worker.result() for worker in workers]
    for note in opened[0].notes:
        display.note(note)
    resolved = _resolve(study, options, stored, opened[0])
    write_resolved(files, resolved)
    projection = Projection(storage, resolved.spec)

    def renew(worker: Worker) -> Worker:
        worker.close()
        (fresh,) = _begin_workers(replace(options, workers=1), job)
        fresh.result()
        workers[workers.index(worker)] = fresh
        return fresh

    Thread(target=_import_ahead, daemon=True).start()
    coordinator = Coordinator(files, resolved, workers, renew, Scribe(projection), display)
    with _stopped_by_signals(coordinator, display), _quick_switches():
        outcome = coordinator.run()
    timing = {"seconds": round(coordinator.elapsed, 3), "store_seconds": round(coordinator.store_seconds, 3)}
    write_atomically(files.timing, json.dumps(timing).encode())
    record = read_record(files)
    if outcome != "interrupted":
        leave_results(files, record, workers[0])
    return outcome, record


def _resolve(study: StudyFile, options: Options, stored: Resolved | None, opened: Opened) -> Resolved:
    if stored is None:
        machine = {
            "system": platform.platform(),
            "python": platform.python_version(),
            "cores": str(os.cpu_count()),
        }
        return Resolved(
            spec=study.spec,
            directory=str(study.directory),
            data=opened.data,
            settings=opened.settings,
            versions=opened.versions,
            machine=machine,
            storage=options.storage,
        )
    if stored.data.fingerprint != opened.data.fingerprint:
        from hpsearch.exceptions import StudyMismatchError

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
    """Remove what an earlier study of this name left, but the lock that we hold."""
    stored = read_resolved(files)
    url = storage or (stored.storage if stored else None)
    if url is not None:
        _delete_from(url, files.name)
    for path in files.directory.iterdir():
        if path == files.lock:
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _delete_from(url: str, name: str) -> None:
    from hpsearch.store.projection import open_storage

    storage = open_storage(url)
    for study in storage.get_all_studies():
        if study.study_name == name:
            storage.delete_study(study._study_id)  # noqa: SLF001 - Optuna gives no other way to name it


def delete(files: StudyFiles) -> None:
    """Remove a study: its files, its report, and its trials in a storage elsewhere."""
    with locked(files.lock):
        _clear(files, None)
    shutil.rmtree(files.directory)
    files.report.unlink(missing_ok=True)
