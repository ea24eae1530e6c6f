"""Whether every file of a study is what hpsearch wrote."""

from __future__ import annotations

import os
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.archives import opened
from hpsearch.exceptions import HpsearchError
from hpsearch.results import trials_csv
from hpsearch.spec import load_study_file
from hpsearch.store.arrays import read_arrays
from hpsearch.store.disk import encoded
from hpsearch.store.documents import read_document
from hpsearch.store.events import Ended
from hpsearch.store.files import StudyFiles
from hpsearch.store.probes import read_probes
from hpsearch.store.reading import read_record
from hpsearch.store.record import StudyRecord
from hpsearch.store.resolved import is_sealed
from hpsearch.store.ticks import TickLog
from hpsearch.store.winner import Applied, Insides, Looks, Refit


@dataclass(frozen=True)
class Checked:
    """A file, whether it is whole, and what is to be said of it."""

    path: Path
    told: str
    whole: bool = True


def check_study(files: StudyFiles) -> list[Checked]:
    """Check every file of a study.

    Raises HpsearchError where there is no study, or none that can be read at all.
    """
    record = read_record(files)
    singles: dict[Path, Callable[[Path], str]] = {
        files.study: _resolved,
        files.study_copy: _resolved,
        files.database: lambda path: _database(path, record),
        files.best_model: _model,
        files.best_configuration: lambda path: f"configuration {load_study_file(path).spec.name}",
        files.best_preprocessing: lambda path: _document(path, Applied, "what applies the model to new rows"),
        files.looks: _looks,
        files.insides: lambda path: _document(path, Insides, "the winner's insides"),
        files.refit: lambda path: _document(path, Refit, "how the winner was refitted"),
        files.refit_weights: lambda path: _refit_arrays(path, "the winner is refitted again"),
        files.refit_checkpoint: lambda path: _refit_arrays(path, "the refit begins anew"),
        files.probes: _probes,
        files.table: lambda path: _table(path, record),
        files.report: _report,
    }
    checked = [_checked(path, check) for path, check in singles.items() if path.exists()]
    return [*_log(files), *checked, *_arrays(files), *_models(files), *_left_over(files)]


def _checked(path: Path, check: Callable[[Path], str]) -> Checked:
    try:
        return Checked(path, check(path))
    except (HpsearchError, OSError, ValueError, sqlite3.Error, zipfile.BadZipFile, zlib.error) as failure:
        return Checked(path, (str(failure).splitlines() or [repr(failure)])[0], whole=False)


def _resolved(path: Path) -> str:
    if not is_sealed(path):
        raise ValueError("it is damaged; the other copy is used")
    return "resolved study file"


def _log(files: StudyFiles) -> Iterator[Checked]:
    log = TickLog(files.ticks, files.ticks_copy)
    events = log.read()
    ends = sum(isinstance(event, Ended) for event in events)
    for path in (files.ticks, files.ticks_copy):
        damage = [told.removeprefix(f"{path}: ") for told in log.damage if told.startswith(f"{path}:")]
        mended = "; it is mended from the other copy when the study goes on"
        yield Checked(path, damage[0] + mended if damage else f"{ends} trials ended", whole=not damage)
    for told in log.damage:
        if not told.startswith((f"{files.ticks}:", f"{files.ticks_copy}:")):
            yield Checked(files.ticks, told, whole=False)


def _database(path: Path, record: StudyRecord) -> str:
    with closing(sqlite3.connect(_to_be_read(path), uri=True)) as connection:
        told = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if told != "ok":
            raise ValueError(told)
        (trials,) = connection.execute("SELECT COUNT(*) FROM trials").fetchone()
    behind = len(record.trials) - trials
    return f"{trials} trials" + (f", {behind} fewer than the tick log" if behind > 0 else "")


def _to_be_read(path: Path) -> str:
    """Give the URI of a SQLite file; where nothing can be written beside it, SQLite must not want to."""
    journal = path.with_name(f"{path.name}-wal")
    fixed = not os.access(path.parent, os.W_OK) and not journal.exists()
    return f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if fixed else ''}"


def _model(path: Path) -> str:
    with opened(path) as archive:
        torn = archive.testzip()
    if torn is not None:
        raise ValueError(f"{torn} in it is damaged; hpsearch optimize writes it anew")
    return "model"


def _document(path: Path, kind: type[Any], told: str) -> str:
    if read_document(path, kind) is None:
        raise ValueError("it is damaged; hpsearch optimize writes it anew")
    return told


def _refit_arrays(path: Path, remedy: str) -> str:
    stored = read_arrays(path)
    if stored is None:
        raise ValueError(f"damaged; {remedy}")
    return f"{len(stored[0])} arrays"


def _looks(path: Path) -> str:
    looks = read_document(path, Looks)
    if looks is None:
        raise ValueError("it is damaged: how often the test part was looked at is not known any more")
    count = len(looks.looks)
    return f"{count} look{'' if count == 1 else 's'} at the test part"


def _probes(path: Path) -> str:
    if read_arrays(path) is None:
        raise ValueError("it is damaged; hpsearch optimize measures again")
    return f"probes of {len(read_probes(path))} trials"


def _table(path: Path, record: StudyRecord) -> str:
    if path.read_bytes() != encoded(trials_csv(record)):
        raise ValueError("it is not what the tick log says; hpsearch optimize writes it anew")
    return f"{len(record.trials)} trials"


def _report(path: Path) -> str:
    if not path.read_bytes().rstrip().endswith(b"</html>"):
        raise ValueError("it is cut short; hpsearch report writes it anew")
    return "report"


def _arrays(files: StudyFiles) -> Iterator[Checked]:
    for directory, remedy in (
        ("checkpoints", "the trial goes on from the one before"),
        ("models", "the trial is trained again when it is needed"),
    ):
        for path in sorted((files.directory / directory).glob("*.npz")):
            stored = read_arrays(path)
            told = f"damaged; {remedy}" if stored is None else f"{len(stored[0])} arrays"
            yield Checked(path, told, whole=stored is not None)


def _models(files: StudyFiles) -> Iterator[Checked]:
    for path in sorted((files.directory / "models").glob("*.keras")):
        yield _checked(path, _model)


def _left_over(files: StudyFiles) -> Iterator[Checked]:
    for path in sorted(files.own("*")):
        if path.name.endswith((".tmp", ".tmp.keras", ".damaged")):
            yield Checked(path, "left over; it may be deleted")
