"""What a study leaves behind: the best model and its configuration, the table of trials, and the report."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

from hpsearch.engines.job import ExportOrder, Start, TickOrder, WeightsOrder
from hpsearch.engines.worker import Worker
from hpsearch.model_code import path_of
from hpsearch.spec import Component, Data, PythonModel, StudySpec, print_spec
from hpsearch.spec.study import MAX_NAME_BYTES
from hpsearch.store.arrays import read_arrays
from hpsearch.store.disk import rename, write_atomically
from hpsearch.store.files import StudyFiles
from hpsearch.store.lease import Lease
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.training.member import Member


def leave_results(files: StudyFiles, record: StudyRecord, worker: Worker, lease: Lease) -> None:
    """Write the best models, the best configuration, the table and the report, as the holder of the lease.

    The worker saves the first model while the report is drawn here.
    """
    from hpsearch.analysis import analyze
    from hpsearch.report import render_report

    kept = record.ranking[: record.spec.search.keep]
    if kept:
        _submit_export(files, record, kept[0], worker)
        _write(lease, files.best_configuration, print_spec(best_spec(record)))
    _write(lease, files.table, trials_csv(record))
    _write(lease, files.report, render_report(analyze(record), record))
    for place, trial in enumerate(kept):
        if place:
            _submit_export(files, record, trial, worker)
        worker.result()
        lease.check()
        rename(_temporary(files), files.model(trial.number) if place else files.best_model)


def _write(lease: Lease, path: Path, text: str) -> None:
    """Write text as UTF-8; half of a surrogate pair, which UTF-8 cannot hold, becomes a question mark."""
    lease.check()
    write_atomically(path, text.encode("utf-8", "replace"))


def _temporary(files: StudyFiles) -> Path:
    return files.best_model.with_name(f".best.{os.getpid()}.tmp.keras")


def _submit_export(files: StudyFiles, record: StudyRecord, trial: TrialRecord, worker: Worker) -> None:
    stored = read_arrays(files.weights(trial.number))
    weights = stored[0] if stored else _train_again(record, trial, worker)
    worker.submit(ExportOrder(trial.configuration.dump(), weights, str(_temporary(files)), trial.seed))


def _train_again(record: StudyRecord, best: TrialRecord, worker: Worker) -> dict[str, Any]:
    """Train a trial up to its best epoch: the same seed gives the same weights."""
    search = record.spec.search
    member = Member(best.number, best.configuration, best.seed, search.metric, search.direction)
    worker.do(TickOrder(start=(Start(member.dump()),)))
    for _ in range(best.best_epoch or 0):
        worker.do(TickOrder(advance=(best.number,)))
    return dict(worker.do(WeightsOrder(best.number)))


def best_spec(record: StudyRecord) -> StudySpec:
    """Give the best configuration as a study with nothing left to search."""
    best = record.best
    if best is None:
        raise ValueError("no trial has a value")
    search = record.spec.search.model_copy(update={"enqueue": (), "trials": 1})
    update = {
        "name": f"{_shortened(record.name)}-best",
        "data": _found_from_anywhere(record.spec.data, record.directory),
        "model": _model_from_anywhere(best.configuration.model, record.directory),
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


def _model_from_anywhere(model: Component, directory: str) -> Component:
    """Write the path of a model's Python file in full, for the same reason."""
    if not isinstance(model, PythonModel):
        return model
    return model.model_copy(update={"file": str(path_of(model, Path(directory)))})


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
