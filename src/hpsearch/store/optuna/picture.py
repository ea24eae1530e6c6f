"""Whether the SQLite file of a study shows what the tick log says."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from hpsearch.spec import Search
from hpsearch.store.identity import DamagedError
from hpsearch.store.record import StudyRecord, TrialRecord

SHOWN = "hpsearch:study"
"""The attribute of a study in a storage that says which one it shows."""

STATES = {"COMPLETE": ("complete",), "PRUNED": ("pruned", "infeasible"), "FAIL": ("failed",)}

ANEW = "remove it, and hpsearch optimize rewrites it"


def check_database(path: Path, name: str, record: StudyRecord) -> str:
    """Check the SQLite file of a study against its log.

    Args:
        path: The file; it is only read.
        name: The name of the study in it.
        record: What the log says.

    Returns:
        How many trials it has, in words.

    Raises:
        DamagedError: It is damaged, or differs from the log.
        sqlite3.Error: It cannot be read.
    """
    with closing(sqlite3.connect(_to_be_read(path), uri=True)) as connection:
        told = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if told != "ok":
            raise DamagedError(str(told))
        return _check_trials(connection, name, record)


def _to_be_read(path: Path) -> str:
    """Return the URI of a SQLite file; where nothing can be written beside it, SQLite must not want to."""
    journal = path.with_name(f"{path.name}-wal")
    fixed = not os.access(path.parent, os.W_OK) and not journal.exists()
    return f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if fixed else ''}"


def _check_trials(connection: sqlite3.Connection, name: str, record: StudyRecord) -> str:
    found = connection.execute("SELECT study_id FROM studies WHERE study_name = ?", (name,)).fetchone()
    if found is None:
        raise DamagedError(f"it does not contain the study {name!r}; {ANEW}")
    shown = connection.execute(
        "SELECT value_json FROM study_user_attributes WHERE study_id = ? AND key = ?", (found[0], SHOWN)
    ).fetchone()
    identity = record.identity
    if identity.study and shown is not None and json.loads(shown[0]) != identity.study:
        raise DamagedError(f"it contains another study of the same name; {ANEW}")
    ended = {trial.number: trial for trial in record.trials if trial.state != "running"}
    rows = connection.execute(
        "SELECT number, state, trial_id FROM trials WHERE study_id = ?", found
    ).fetchall()
    for number, state, key in rows:
        if number in ended and state in STATES:
            _check_trial(connection, ended[number], record.spec.search, state, key)
    behind = len(record.trials) - len(rows)
    return f"{len(rows)} trials" + (f", {behind} fewer than the log" if behind > 0 else "")


def _check_trial(
    connection: sqlite3.Connection, trial: TrialRecord, search: Search, state: str, key: int
) -> None:
    shown = connection.execute(
        "SELECT param_name, param_value, distribution_json FROM trial_params WHERE trial_id = ?", (key,)
    )
    values = {name: _value(number, told) for name, number, told in shown}
    numbers = connection.execute(
        "SELECT value FROM trial_values WHERE trial_id = ? ORDER BY objective", (key,)
    )
    found = [value for (value,) in numbers]
    told = (found, values) == (shown_values(trial, search) or [], dict(trial.parameters))
    if not told or trial.state not in STATES[state]:
        raise DamagedError(f"trial {trial.number} differs from the log; {ANEW}")
    steps = connection.execute(
        "SELECT step, intermediate_value FROM trial_intermediate_values WHERE trial_id = ?", (key,)
    )
    curve = trial.history.get(search.first_metric, ())
    for step, number in steps:
        if not 0 < step <= len(curve) or curve[step - 1] != number:
            raise DamagedError(f"epoch {step} of trial {trial.number} differs from the log; {ANEW}")


def shown_values(record: TrialRecord, search: Search) -> list[float] | None:
    """Return the values of a trial's objectives; None where it is shown without any."""
    values = [value for value in record.values(search.objectives) if value is not None]
    return values if record.state != "failed" and len(values) == len(search.objectives) else None


def _value(number: float, distribution: str) -> object:
    """Return a value from how Optuna stores it: as a number, or as the place among choices."""
    choices = json.loads(distribution)["attributes"].get("choices")
    return number if choices is None else choices[int(number)]
