"""Whether every file of a study is what hpsearch wrote."""

from __future__ import annotations

import json
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hpsearch.data.archives import bounded, opened
from hpsearch.data.readers.arrays import is_complete
from hpsearch.data.readers.frames import is_whole_frame
from hpsearch.exceptions import HpsearchError
from hpsearch.spec import load_study_file, print_spec
from hpsearch.spec.sections.data import FRAME
from hpsearch.store.arrays import load_arrays
from hpsearch.store.best_study import best_spec
from hpsearch.store.disk import encoded
from hpsearch.store.documents import MAX_BYTES, load_document
from hpsearch.store.ensemble import load_ensemble
from hpsearch.store.events import Ended
from hpsearch.store.holder import Holder
from hpsearch.store.identity import DamagedError, StudyIdentity, check_page, digest, digest_of_file
from hpsearch.store.layout import OF_SEARCH, StudyFiles
from hpsearch.store.log import TickLog
from hpsearch.store.optuna.picture import check_database
from hpsearch.store.probes import read_probes
from hpsearch.store.reading import check_parent, read_record
from hpsearch.store.record import StudyRecord
from hpsearch.store.resolved import check_copy, read_resolved
from hpsearch.store.trials_table import trials_csv
from hpsearch.store.winner import ErrorAnalysis, HeldOutEvaluations, InferenceInfo, Refit, load_applied
from hpsearch.training.baselines import Baselines
from hpsearch.training.ensemble import Ensemble

ANEW = "hpsearch optimize rewrites it"

BROKEN = (
    *(HpsearchError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError),
    *(sqlite3.Error, zipfile.BadZipFile, zlib.error),
)
"""What is raised for a file that is not what hpsearch wrote."""

LARGEST = 2**30
"""Bytes of a report."""


@dataclass(frozen=True)
class Checked:
    """A file, whether it is whole, and what is to be said of it."""

    path: Path
    told: str
    whole: bool = True


def check_study(files: StudyFiles) -> list[Checked]:
    """Check every file of a study.

    Raises:
        HpsearchError: There is no study, or it cannot be read at all.
    """
    record = read_record(files)
    identity = record.identity
    checked = [_checked(path, check) for path, check in _checks(files, record).items() if path.exists()]
    several = [
        *_arrays(files, record),
        *_rows(files),
        *_models(files, identity),
        *_leases(files),
        *_artifacts(files),
    ]
    known = [*_log(files, identity), *checked, *several]
    return [*known, *_left_over(files, {one.path for one in known})]


def _checks(files: StudyFiles, record: StudyRecord) -> dict[Path, Callable[[Path], str]]:
    """Return what checks each single file."""
    identity = record.identity
    return {
        files.study: lambda path: _resolved(path, files, identity),
        files.study_copy: lambda path: _resolved(path, files, identity),
        files.database: lambda path: check_database(path, files.full_name, record),
        files.best_configuration: lambda path: _configuration(path, record),
        **_model_checks(files, identity),
        files.looks: lambda path: _looks(path, identity),
        files.insides: lambda path: _document(path, ErrorAnalysis, identity, "error analysis of the winner"),
        files.refit: lambda path: _document(path, Refit, identity, "refit of the winner"),
        files.refit_weights: lambda path: _refit_arrays(
            path, identity, "hpsearch optimize refits the winner again"
        ),
        files.refit_checkpoint: lambda path: _refit_arrays(path, identity, "the refit starts over"),
        files.probes: lambda path: _probes(path, identity),
        files.influence: lambda path: _kept(path, record),
        files.fanova: lambda path: _kept(path, record),
        files.timing: lambda path: _timing(path, identity),
        files.table: lambda path: _table(path, record),
        files.report: lambda path: _report(path, identity),
        files.probe_report: _page,
    }


def _model_checks(files: StudyFiles, identity: StudyIdentity) -> dict[Path, Callable[[Path], str]]:
    """Return what checks the saved models and what belongs to them."""
    return {
        files.best_model: lambda path: _model(
            path, files.best_preprocessing, lambda: load_applied(files, identity)
        ),
        files.best_preprocessing: lambda path: _document(
            path, InferenceInfo, identity, "preprocessing of the best model"
        ),
        files.baselines: lambda path: _document(path, Baselines, identity, "baselines"),
        files.ensemble: lambda path: _document(path, Ensemble, identity, "ensemble of trials"),
        files.ensemble_model: lambda path: _model(
            path, files.ensemble, lambda: load_ensemble(files, identity)
        ),
    }


def _checked(path: Path, check: Callable[[Path], str]) -> Checked:
    try:
        return Checked(path, check(path))
    except BROKEN as failure:
        return Checked(path, (str(failure).splitlines() or [repr(failure)])[0], whole=False)


def _resolved(path: Path, files: StudyFiles, identity: StudyIdentity) -> str:
    resolved, searched = check_copy(path, identity), read_resolved(StudyFiles(files.out, files.name))
    if files.part in OF_SEARCH and searched is not None:
        check_parent(files, resolved, searched)
    return "resolved study file"


def _log(files: StudyFiles, identity: StudyIdentity) -> Iterator[Checked]:
    log = TickLog(files.ticks, files.ticks_copy, identity)
    events = log.read()
    ends = sum(isinstance(event, Ended) for event in events)
    for path in (files.ticks, files.ticks_copy):
        damage = [told.removeprefix(f"{path}: ") for told in log.damage if told.startswith(f"{path}:")]
        mended = "; it is repaired from the other copy when the study continues"
        yield Checked(path, damage[0] + mended if damage else f"{ends} trials ended", whole=not damage)
    for told in log.damage:
        if not told.startswith((f"{files.ticks}:", f"{files.ticks_copy}:")):
            yield Checked(files.ticks, told, whole=False)


def _zip(path: Path) -> str:
    with opened(path) as archive:
        torn = archive.testzip()
    if torn is not None:
        raise ValueError(f"{torn} in it is damaged; {ANEW}")
    return "model"


def _model(path: Path, belongs: Path, load: Callable[[], Any]) -> str:
    """Check a model and that what belongs to it does; `load` reads that."""
    told = _zip(path)
    try:
        load()
    except FileNotFoundError:
        raise ValueError(f"{belongs.name}, which identifies the model, is missing; {ANEW}") from None
    except DamagedError as failure:
        raise ValueError(f"{failure}; {ANEW}") from None
    return told


def _configuration(path: Path, record: StudyRecord) -> str:
    told = bounded(path, MAX_BYTES)
    if not any(told == encoded(print_spec(best_spec(record, trial))) for trial in record.ranking):
        raise ValueError(f"no trial in the log has this configuration; {ANEW}")
    return f"configuration {load_study_file(path).spec.name}"


def _document(path: Path, kind: type[Any], identity: StudyIdentity, told: str) -> str:
    try:
        load_document(path, kind, identity)
    except DamagedError as failure:
        raise ValueError(f"{failure}; {ANEW}") from None
    return told


def _refit_arrays(path: Path, identity: StudyIdentity, remedy: str) -> str:
    try:
        return f"{len(load_arrays(path, identity)[0])} arrays"
    except DamagedError as failure:
        raise ValueError(f"{failure}; {remedy}") from None


def _looks(path: Path, identity: StudyIdentity) -> str:
    try:
        count = len(load_document(path, HeldOutEvaluations, identity).looks)
    except DamagedError as failure:
        raise ValueError(f"{failure}: the number of test-set evaluations is unknown") from None
    return f"{count} test-set evaluation{'' if count == 1 else 's'}"


def _probes(path: Path, identity: StudyIdentity) -> str:
    try:
        load_arrays(path, identity)
    except DamagedError as failure:
        raise ValueError(f"{failure}; hpsearch optimize measures again") from None
    return f"probes of {len(read_probes(path, identity))} trials"


def _kept(path: Path, record: StudyRecord) -> str:
    from hpsearch.analysis import check_kept

    return check_kept(path, record)


def _timing(path: Path, identity: StudyIdentity) -> str:
    told = json.loads(bounded(path, MAX_BYTES))
    stamp, seal = told.pop("identity", None), told.pop("sha256", None)
    if seal != (None if stamp is None else digest([told, stamp])):
        raise ValueError("damaged")
    identity.verify(stamp)
    return f"{float(told['seconds']):.1f} s"


def _table(path: Path, record: StudyRecord) -> str:
    if path.read_bytes() != encoded(trials_csv(record)):
        raise ValueError("it differs from the log; hpsearch optimize rewrites it")
    return f"{len(record.trials)} trials"


def _report(path: Path, identity: StudyIdentity) -> str:
    try:
        check_page(bounded(path, LARGEST), identity)
    except DamagedError as failure:
        raise ValueError(f"{failure}; hpsearch report rewrites it") from None
    return "report"


def _page(path: Path) -> str:
    if not bounded(path, LARGEST).rstrip().endswith((b"</html>", b"-->")):
        raise ValueError("it is incomplete; hpsearch probe rewrites it")
    return "report of probes"


def _arrays(files: StudyFiles, record: StudyRecord) -> Iterator[Checked]:
    ended = {files.weights(trial.number): trial.stamp for trial in record.trials if trial.state != "running"}
    for directory, remedy in (
        ("checkpoints", "the trial continues from the previous one"),
        ("models", "the trial is trained again when needed"),
    ):
        for path in sorted((files.directory / directory).glob("*.npz")):
            try:
                arrays, _ = load_arrays(path, record.identity, **ended.get(path, {}))
            except DamagedError as failure:
                yield Checked(path, f"{failure}; {remedy}", whole=False)
            else:
                yield Checked(path, f"{len(arrays)} arrays")


def _rows(files: StudyFiles) -> Iterator[Checked]:
    """Check rows that were given in memory, against the content that their folder is named after."""
    for folder in sorted(files.arrays.glob("*")) if not files.part else ():
        checked = _checked(folder, _rows_of)
        for path in sorted((*folder.glob("*.npy"), *folder.glob(FRAME))):
            yield replace(checked, path=path)


def _rows_of(folder: Path) -> str:
    if not (is_whole_frame(folder) if (folder / FRAME).exists() else is_complete(folder)):
        raise ValueError("the rows are not those that were given: give them again, or restore them")
    return "rows that were given in memory"


def _models(files: StudyFiles, identity: StudyIdentity) -> Iterator[Checked]:
    for path in sorted((files.directory / "models").glob("*.keras")):
        yield _checked(path, lambda path: _model_with_note(path, identity))
        note = path.with_name(f"{path.name}.json")
        if note.exists():
            yield _checked(note, lambda note: _document(note, str, identity, "identity of the model"))


def _model_with_note(path: Path, identity: StudyIdentity) -> str:
    told, note = _zip(path), path.with_name(f"{path.name}.json")
    if note.exists() or identity.strict:
        try:
            load_document(note, str, identity, of=digest_of_file(path))
        except (FileNotFoundError, DamagedError):
            raise ValueError(f"it is not the model that {note.name} was written for; {ANEW}") from None
    return told


def _leases(files: StudyFiles) -> Iterator[Checked]:
    for path in sorted(files.leases.glob("*")):
        yield _checked(path, _lease)


def _lease(path: Path) -> str:
    holder = Holder.read(json.loads(bounded(path, MAX_BYTES)).get("holder"))
    if holder is None:
        raise ValueError("damaged; the next process takes over the study after 5 s")
    return f"lease of {holder}"


def _artifacts(files: StudyFiles) -> Iterator[Checked]:
    for path in sorted(files.artifacts.glob("*")):
        if path.is_file():
            yield Checked(path, "shown by the dashboard, which updates it")


def _left_over(files: StudyFiles, known: set[Path]) -> Iterator[Checked]:
    beside = {
        files.database.with_name(f"{files.database.name}{suffix}") for suffix in ("-wal", "-shm", "-journal")
    }
    for path in sorted(files.own("*")):
        if path.name.endswith((".tmp", ".tmp.keras", ".damaged")):
            yield Checked(path, "leftover; it may be deleted")
        elif path.is_file() and path not in known and path not in beside:
            yield Checked(path, "not a file written by hpsearch")
