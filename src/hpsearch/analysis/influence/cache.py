"""Results that take long, kept beside the study.

A file holds the fingerprint of what the results follow from, and the results. One that is damaged or stale,
or that cannot be written, costs the time to compute again and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from hpsearch import __version__
from hpsearch.analysis.influence.fanova import judge_by_fanova, say_nothing
from hpsearch.analysis.influence.importance import Importance, Method
from hpsearch.analysis.influence.influence import Influence, judge_influence
from hpsearch.data.archives import bounded
from hpsearch.exceptions import StoreError
from hpsearch.store.disk import write_atomically
from hpsearch.store.documents import MAX_BYTES
from hpsearch.store.identity import DamagedError
from hpsearch.store.layout import StudyFiles
from hpsearch.store.record import StudyRecord, TrialRecord

T = TypeVar("T")


def find_influence(
    record: StudyRecord,
    files: StudyFiles,
    method: Method = "ped_anova",
    announce: Callable[[str], None] = say_nothing,
) -> Influence:
    """Return the hyperparameter importance of a study; it is stored, and computed if it is not current.

    Args:
        record: The study.
        files: Its files.
        method: `ped_anova`, or `fanova`, which is slow.
        announce: Receives a sentence before a computation that takes long.
    """
    found = _kept(record, files.influence, TypeAdapter(Influence), judge_influence)
    if method == "ped_anova":
        return found

    judge = partial(judge_by_fanova, announce=announce)
    return replace(found, importance=_kept(record, files.fanova, TypeAdapter(Importance), judge))


def kept_influence(record: StudyRecord, files: StudyFiles) -> Influence | None:
    """Return the hyperparameter importance that is stored; None where it is not, or not current."""
    return _read(files.influence, fingerprint(record), TypeAdapter(Influence))


def _kept(record: StudyRecord, path: Path, kind: TypeAdapter[T], make: Callable[[StudyRecord], T]) -> T:
    key = fingerprint(record)
    known = _read(path, key, kind)
    if known is not None:
        return known
    made = make(record)
    body = kind.dump_json(made)
    told = {
        "fingerprint": key,
        "sha256": hashlib.sha256(body).hexdigest(),
        "identity": record.identity.stamp(),
    }
    head = json.dumps(told).encode()
    with suppress(StoreError):
        write_atomically(path, head + b"\n" + body + b"\n")
    return made


def check_kept(path: Path, record: StudyRecord) -> str:
    """Check a file of results, and return what it is.

    Args:
        path: The file.
        record: The study; the results may be of an earlier state of it.

    Raises:
        DamagedError: It is not what was written, or is of another study.
    """
    try:
        head, body = bounded(path, MAX_BYTES).split(b"\n")[:2]
        said = json.loads(head)
        whole = said["sha256"] == hashlib.sha256(body).hexdigest()
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        whole = False
    if not whole:
        raise DamagedError("damaged; hyperparameter importance is computed again")
    record.identity.verify(said.get("identity"))
    return (
        "hyperparameter importance"
        if said["fingerprint"] == fingerprint(record)
        else "an earlier hyperparameter importance; computed again"
    )


def _read(path: Path, key: str, kind: TypeAdapter[T]) -> T | None:
    with suppress(OSError, ValueError, ValidationError, TypeError, KeyError):
        head, body = bounded(path, MAX_BYTES).split(b"\n")[:2]
        said = json.loads(head)
        if said["fingerprint"] == key and said["sha256"] == hashlib.sha256(body).hexdigest():
            return kind.validate_json(body)
    return None


def fingerprint(record: StudyRecord) -> str:
    """Return a digest of all that the results follow from: the trials, what was searched, and our version."""
    searched = [parameter.describe() for parameter in record.parameters]
    names = [parameter.name for parameter in record.parameters]
    search = record.spec.search
    digest = hashlib.sha256(
        _plain([__version__, search.seed, search.first_metric, search.direction, names, searched])
    )
    for trial in record.trials:
        if trial.state != "running":
            digest.update(_plain(_telling(trial, search.first_metric)))
    return digest.hexdigest()


def _telling(trial: TrialRecord, metric: str) -> list[Any]:
    curve = trial.history.get(metric, ())
    return [trial.number, trial.state, trial.value, trial.epochs, sorted(trial.parameters.items()), *curve]


def _plain(value: Any) -> bytes:
    return json.dumps(value).encode()
