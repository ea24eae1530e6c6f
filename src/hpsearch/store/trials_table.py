"""The table of trials, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from hpsearch.spec.study_file.text import cell
from hpsearch.store.record import StudyRecord, TrialRecord


def trial_row(trial: TrialRecord, further: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a trial as plain data, as `hpsearch trials --format json` prints it.

    Args:
        trial: The trial.
        further: The names of the metrics beside the study's own; without any there is no `metrics`.
    """
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        **({"metrics": trial.at_best(further)} if further else {}),
        "parameters": dict(trial.parameters),
        "epochs": trial.epochs,
        "best_epoch": trial.best_epoch,
        "seconds": trial.seconds,
        "seed": trial.seed,
        "cause": trial.cause,
        "origin": trial.origin,
    }


def trials_csv(record: StudyRecord) -> str:
    """Print the trials as CSV, a column for each parameter; no cell is a formula."""
    names = [parameter.name for parameter in record.parameters]
    stream = io.StringIO()
    further = record.spec.search.further
    measured = [f"metrics.{name}" for name in further]
    fixed = ("number", "state", "value", "epochs", "best_epoch", "seconds", "seed", "cause", "origin")
    columns = [*fixed, *measured, *(f"parameters.{name}" for name in names)]
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writerow({column: cell(column) for column in columns})
    for trial in record.trials:
        row = trial_row(trial, further)
        for field in ("metrics", "parameters"):
            row |= {f"{field}.{name}": value for name, value in row.pop(field, {}).items()}
        writer.writerow({name: cell(value) for name, value in row.items()})
    return stream.getvalue()


def trials_json(record: StudyRecord) -> str:
    """Print the trials as a JSON list."""
    return json.dumps(
        [trial_row(trial, record.spec.search.further) for trial in record.trials], indent=2, allow_nan=False
    )
