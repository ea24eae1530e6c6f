"""The composition root: run and resume a study, and leave its results behind."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from hpsearch.analysis import analyze
from hpsearch.coordinator import Coordinator, Display, Outcome
from hpsearch.engines.job import ExportOrder, Job, Opened, Start, StopOrder, TickOrder
from hpsearch.engines.worker import InProcessWorker, LocalWorker, Worker
from hpsearch.report import write_report
from hpsearch.samplers import check_sampler
from hpsearch.search_space import SearchSpace, check_enqueued
from hpsearch.spec import Data, StudyFile, StudySpec, print_spec
from hpsearch.spec.study import MAX_NAME_BYTES
from hpsearch.store.arrays import read_arrays
from hpsearch.store.files import StudyFiles, write_atomically
from hpsearch.store.lock import locked
from hpsearch.store.projection import Projection, open_storage
from hpsearch.store.reading import read_record
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.store.resolved import Resolved, check_same_experiment, read_resolved, write_resolved
from hpsearch.store.scribe import Scribe
from hpsearch.training.member import Member

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
    space = SearchSpace(study.spec)
    check_sampler(study.spec, space)
    check_enqueued(study.spec, study.source)
    files = StudyFiles(options.out, study.spec.name)
    with locked(files.lock):
        if options.new:
            _clear(files, options.storage)
        stored = read_resolved(files)
        if stored is not None:
            check_same_experiment(stored.spec, study.spec)
        job = _job(study, options, stored)
        workers = [ENGINES[options.engine]() for _ in range(options.workers)]
        try:
            return _run(study, options, files, stored, job, workers, display)
        finally:
            for worker in workers:
                worker.close()


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
    opened = _open(workers, job)
    for note in opened.notes:
        display.note(note)
    resolved = _resolve(study, options, stored, opened)
    write_resolved(files, resolved)
    projection = Projection(open_storage(resolved.storage or f"sqlite:///{files.database}"), resolved.spec)

    def renew(worker: Worker) -> Worker:
        worker.close()
        fresh = ENGINES[options.engine]()
        _open([fresh], job)
        workers[workers.index(worker)] = fresh
        return fresh

    coordinator = Coordinator(files, resolved, workers, renew, Scribe(projection), display)
    with _stopped_by_signals(coordinator, display), _quick_switches():
        outcome = coordinator.run()
    timing = {"seconds": round(coordinator.elapsed, 3), "store_seconds": round(coordinator.store_seconds, 3)}
    write_atomically(files.timing, json.dumps(timing).encode())
    record = read_record(files)
    if outcome != "interrupted":
        _leave_results(files, record, workers[0])
    return outcome, record


def _open(workers: list[Worker], job: Job) -> Opened:
    for worker in workers:
        worker.open(job)
    opened: list[Opened] = [worker.result() for worker in workers]
    return opened[0]


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


@contextmanager
def _quick_switches() -> Iterator[None]:
    """Let the coordinator interrupt the scribe at once: small networks' epochs are shorter than Python's 5 ms."""
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


def _leave_results(files: StudyFiles, record: StudyRecord, worker: Worker) -> None:
    """Write the best model, its configuration, the table and the report."""
    if record.best is not None:
        _export(files, record, record.best, worker)
        write_atomically(files.best_configuration, print_spec(best_spec(record)).encode())
    write_atomically(files.table, trials_csv(record).encode())
    write_report(analyze(record), record, files.report)


def _export(files: StudyFiles, record: StudyRecord, best: TrialRecord, worker: Worker) -> None:
    stored = read_arrays(files.weights(best.number))
    weights = stored[0] if stored else _train_again(record, best, worker)
    temporary = files.best_model.with_name(".best.tmp.keras")
    worker.do(ExportOrder(best.configuration.dump(), weights, str(temporary)))
    temporary.replace(files.best_model)


def _train_again(record: StudyRecord, best: TrialRecord, worker: Worker) -> dict[str, Any]:
    """Train a trial up to its best epoch: the same seed gives the same weights."""
    search = record.spec.search
    member = Member(best.number, best.configuration, best.seed, search.metric, search.direction)
    worker.do(TickOrder(start=(Start(member.dump()),)))
    for _ in range(best.best_epoch or 0):
        worker.do(TickOrder(advance=(best.number,)))
    return dict(worker.do(StopOrder(best.number, weights=True)))


def best_spec(record: StudyRecord) -> StudySpec:
    """Give the best configuration as a study with nothing left to search."""
    best = record.best
    if best is None:
        raise ValueError("no trial has a value")
    search = record.spec.search.model_copy(update={"enqueue": (), "trials": 1})
    update = {
        "name": f"{_shortened(record.name)}-best",
        "data": _found_from_anywhere(record.spec.data, record.directory),
        "model": best.configuration.model,
        "training": best.configuration.training,
        "search": search,
    }
    return record.spec.model_copy(update=update)


def _shortened(name: str) -> str:
    """Leave room in the name of a study for a few letters more."""
    return name.encode()[: MAX_NAME_BYTES - len("-best")].decode(errors="ignore")


def _found_from_anywhere(data: Data, directory: str) -> Data:
    """Write the path of a data file in full, because the study file may be moved."""
    paths = {name: getattr(data, name) for name in ("csv", "npz") if getattr(data, name) is not None}
    return data.model_copy(
        update={name: str(Path(directory, Path(path).expanduser())) for name, path in paths.items()}
    )


def trial_row(trial: TrialRecord) -> dict[str, Any]:
    """Give a trial as plain data, as `hpsearch trials --format json` prints it."""
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        "parameters": dict(trial.parameters),
        "epochs": trial.epochs,
        "best_epoch": trial.best_epoch,
        "seconds": trial.seconds,
        "seed": trial.seed,
        "cause": trial.cause,
    }


def trials_csv(record: StudyRecord) -> str:
    """Print the trials as CSV, a column for each parameter."""
    names = [parameter.name for parameter in record.parameters]
    stream = io.StringIO()
    fixed = ("number", "state", "value", "epochs", "best_epoch", "seconds", "seed", "cause")
    writer = csv.DictWriter(stream, [*fixed, *(f"parameters.{name}" for name in names)], lineterminator="\n")
    writer.writeheader()
    for trial in record.trials:
        row = trial_row(trial)
        parameters = {f"parameters.{name}": value for name, value in row.pop("parameters").items()}
        writer.writerow({**row, **parameters})
    return stream.getvalue()


def trials_json(record: StudyRecord) -> str:
    """Print the trials as a JSON list."""
    return json.dumps([trial_row(trial) for trial in record.trials], indent=2, allow_nan=False)
