"""The composition root: run and resume a search or a comparison, and leave its results behind."""

from __future__ import annotations

import glob
import os
import platform
import shutil
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from threading import Thread

from hpsearch.engines import ENGINES, EngineName, Worker
from hpsearch.engines.messages import Job, OpenedStudy
from hpsearch.engines.pool import WorkerPool
from hpsearch.exceptions import StoreError, StudyMismatchError, WorkerDiedError
from hpsearch.spec import StudyFile, StudySpec
from hpsearch.spec.experiments import Kind, SearchExperiment, experiment_of, prepare
from hpsearch.spec.sources.donor_file import DonorFile, check_same_donors
from hpsearch.spec.sources.python_file import announced_code, check_same_code, fingerprint, read_code
from hpsearch.spec.space.arms import arms_of
from hpsearch.spec.space.enqueue import check_enqueued
from hpsearch.spec.study_file.problems import placed
from hpsearch.store.layout import OF_SEARCH, PARTS, StudyFiles
from hpsearch.store.lease import Lease, leased
from hpsearch.store.optuna.named import check_named
from hpsearch.store.reading import read_record
from hpsearch.store.record import StudyRecord
from hpsearch.store.removal import check_only_ours, remove_from_storage
from hpsearch.store.report_path import check_report_path, other_of, other_of_probe
from hpsearch.store.resolved import Resolved, check_same_experiment, read_resolved, write_resolved
from hpsearch.study.prerequisites import ready_donors
from hpsearch.study.progress import Display, Outcome
from hpsearch.study.run import conduct, shared_storage
from hpsearch.training.decisions import Decisions

CONFIRMED: tuple[Outcome, ...] = ("finished", "timeout", "exhausted")
"""Endings of a search after which its finalists are confirmed."""

AT_THE_END = (
    "hpsearch.study.confirmation",
    "hpsearch.study.finish.export",
    "hpsearch.report.html.reports",
    "sklearn.tree",
)
"""Modules that import SciPy, matplotlib and scikit-learn: without them the workers start a second earlier."""


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
    engine: EngineName = "local"


def optimize(study: StudyFile, options: Options, display: Display) -> tuple[Outcome, StudyRecord]:
    """Run a search, or go on with it, to the end of its budget.

    Raises HpsearchError where something keeps it from running.
    """
    check_enqueued(study.spec, study.source)
    return _carry_out(study, "search", options, display)


def confirm_search(study: StudyFile, options: Options, display: Display) -> tuple[Outcome, StudyRecord]:
    """Confirm a search that was run, or go on with that, and leave its results behind anew.

    Raises HpsearchError where it was not run, or something keeps it from running.
    """
    read_record(StudyFiles(options.out, study.spec.name))
    return _carry_out(study, "search", options, display, searched=True)


def compare(study: StudyFile, options: Options, display: Display) -> tuple[Outcome, StudyRecord]:
    """Train every arm of a comparison from every seed, or go on with it.

    Raises HpsearchError where something keeps it from running.
    """
    arms_of(study.spec, study.source)
    return _carry_out(study, "comparison", options, display)


def _carry_out(
    given: StudyFile, kind: Kind, options: Options, display: Display, *, searched: bool = False
) -> tuple[Outcome, StudyRecord]:
    study = replace(given, spec=prepare(given.spec, kind))
    experiment = experiment_of(study.spec, kind)
    trained = replace(study, spec=experiment.trained)
    code, donors = sources_of(trained, options, display)
    files = StudyFiles(options.out, study.spec.name, PARTS[kind])
    check_named(files, options.storage)
    check_report_path(files)
    if options.new:
        check_only_ours(_with_parts(files))
    with leased(files.leases, takeover=options.takeover) as lease:
        if options.new:
            _clear(files, options.storage)
            _forget_arrays(files, study.spec)
        sweep(files)
        stored = stored_of(files, study.spec, code)
        job = replace(job_of(trained, options, stored, code, donors), timed=kind == "comparison")
        with placed(study.source):
            pool = WorkerPool(ENGINES[options.engine](), options.workers, job)
        try:
            if isinstance(experiment, SearchExperiment):
                from hpsearch.scheduling.samplers import check_sampler

                check_sampler(study.spec, experiment.space)
            return _run(study, kind, options, files, stored, pool, lease, display, searched=searched)
        finally:
            pool.close()


def sources_of(study: StudyFile, options: Options, display: Display) -> tuple[str, tuple[DonorFile, ...]]:
    """Give the fingerprint of the Python files of a study, and its donors, which may have to be trained."""
    code = announced_code(study, display.note, refused=options.no_code)
    with placed(study.source):
        return fingerprint(read_code(code)), ready_donors(
            study, options.out, display, lambda one, heard: optimize(one, replace(options, new=False), heard)
        )


def stored_of(files: StudyFiles, spec: StudySpec, code: str) -> Resolved | None:
    """Read what an experiment obeys since it was begun; None where it was not.

    Raises StudyMismatchError where the study file or its Python files have changed since.
    """
    stored = read_resolved(files)
    if stored is not None:
        check_same_experiment(stored.spec, spec)
        check_same_code(spec.name, stored.decisions.model_code or "", code)
    return stored


def job_of(
    study: StudyFile, options: Options, stored: Resolved | None, code: str, donors: tuple[DonorFile, ...]
) -> Job:
    """Give what a worker needs to open a study, as far as it is decided already."""
    data_dir = None if options.data_dir is None else str(options.data_dir.resolve())
    decided = Decisions() if stored is None else stored.decisions
    return Job(
        spec=study.spec.dump(),
        directory=str(study.directory),
        data_dir=data_dir,
        width=decided.width,
        model_code=code,
        donors=donors,
        probes=decided.probes,
        vmapped=decided.vmapped,
    )


def _run(
    study: StudyFile,
    kind: Kind,
    options: Options,
    files: StudyFiles,
    stored: Resolved | None,
    pool: WorkerPool,
    lease: Lease,
    display: Display,
    *,
    searched: bool,
) -> tuple[Outcome, StudyRecord]:
    storage = shared_storage(files, options.storage, confirmed=bool(study.spec.confirm.finalists))
    Thread(target=_import_ahead, daemon=True).start()
    with placed(study.source):
        opened = pool.opened()
    for note in opened.notes:
        display.note(note)
    resolved = with_workers(resolve(study, kind, options, stored, opened), options.workers).identified()
    lease.check()
    write_resolved(files, resolved)
    outcome: Outcome = "finished"
    if not searched:
        outcome = conduct(files, resolved, storage, pool, lease, display)
    return _conclude(files, resolved, outcome, pool, lease, display)


def _conclude(
    files: StudyFiles, resolved: Resolved, outcome: Outcome, pool: WorkerPool, lease: Lease, display: Display
) -> tuple[Outcome, StudyRecord]:
    """Confirm a search that has ended, and leave the results behind unless it was interrupted."""
    record = read_record(files)
    if resolved.kind == "search" and outcome in CONFIRMED:
        from hpsearch.study.confirmation import confirm

        outcome = confirm(files, resolved, record, pool, lease, display) or outcome
    if outcome != "interrupted":
        ended = outcome in CONFIRMED and not any(trial.state == "running" for trial in record.trials)
        record = _leave(files, record, pool, lease, display, ended=ended)
    return outcome, record


def _import_ahead() -> None:
    """Import what the end of a study needs, which takes seconds, while the workers open and compile."""
    for module in AT_THE_END:
        import_module(module)


def _leave(
    files: StudyFiles, record: StudyRecord, pool: WorkerPool, lease: Lease, display: Display, *, ended: bool
) -> StudyRecord:
    """Leave the results behind, if need be with another worker."""
    if record.kind == "comparison":
        from hpsearch.study.finish.export import leave_comparison

        leave_comparison(files, record, lease)
        return record
    try:
        return _leave_search(files, record, pool.workers[0], lease, display, ended=ended)
    except WorkerDiedError:
        return _leave_search(files, record, pool.renew(pool.workers[0]), lease, display, ended=ended)


def _leave_search(
    files: StudyFiles, record: StudyRecord, worker: Worker, lease: Lease, display: Display, *, ended: bool
) -> StudyRecord:
    """Say why trials did not learn, refit the winner, and leave the results of a search behind."""
    from hpsearch.study.finish.export import leave_results
    from hpsearch.study.finish.first_weights import explain
    from hpsearch.study.finish.refit import refit_winner

    known = explain(files, record, worker, lease)
    if ended:
        known = refit_winner(files, known, worker, lease, display)
    return leave_results(files, known, worker, lease, ended=ended)


def _with_parts(files: StudyFiles) -> list[StudyFiles]:
    """List the places of an experiment; the confirmation and the ablation of a search belong to it."""
    if files.part != PARTS["search"]:
        return [files]
    return [files, *(StudyFiles(files.out, files.name, part) for part in OF_SEARCH)]


def sweep(files: StudyFiles) -> None:
    """Remove what processes that were killed left half written; we hold the lease, so nobody writes now."""
    left = [path for part in _with_parts(files) for path in part.own(".*.tmp")]
    left += files.directory.glob(".best.*.tmp.keras")
    for path in [*left, *files.report.parent.glob(f".{glob.escape(files.report.name)}.*.tmp")]:
        with suppress(OSError):
            path.unlink()


def resolve(
    study: StudyFile, kind: Kind, options: Options, stored: Resolved | None, opened: OpenedStudy
) -> Resolved:
    """Give what an experiment obeys: what was stored, or at its beginning what was found.

    Raises StudyMismatchError where the data or the donors are not those of its beginning.
    """
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
            decisions=opened.decisions,
            versions=opened.versions,
            machine=machine,
            storage=options.storage,
            owner=_owner(options.storage, None),
        )
    check_same_material(stored, opened)
    owner = _owner(options.storage, stored.owner)
    return replace(stored, spec=study.spec, storage=options.storage, owner=owner)


def _owner(storage: str | None, known: str | None) -> str | None:
    """Give by what the studies of an experiment are known in a storage that several may share."""
    return known if known is not None or storage is None else uuid.uuid4().hex


def check_same_material(stored: Resolved, opened: OpenedStudy) -> None:
    """Refuse to go on with other data, or with another donor, than at the beginning."""
    name = stored.spec.name
    if stored.data.fingerprint != opened.data.fingerprint:
        raise StudyMismatchError(
            f"the data of the study {name!r} have changed since it was started "
            f"(fingerprint {stored.data.fingerprint[:12]} -> {opened.data.fingerprint[:12]}): "
            "restore the old data, give the study another name, or start over with --new"
        )
    check_same_donors(name, stored.decisions.donor or "", opened.decisions.donor or "")


def with_workers(resolved: Resolved, workers: int) -> Resolved:
    """Note for a comparison the most workers that it ever had: what its seconds mean depends on that."""
    if resolved.kind != "comparison":
        return resolved
    most = max(workers, resolved.decisions.workers or workers)
    return replace(resolved, decisions=replace(resolved.decisions, workers=most))


def _clear(files: StudyFiles, storage: str | None) -> None:
    """Remove what an earlier study of this name left, but the lease that we hold.

    Raises StoreError where its directory is a link: what is there may be anything.
    """
    if files.directory.is_symlink():
        raise StoreError(
            f"{files.directory} is a symbolic link to {files.directory.resolve()}, which is not removed: "
            "remove the link, or use another --out"
        )
    remove_from_storage(_with_parts(files), storage)
    for path in files.directory.iterdir():
        if path in (files.leases, files.arrays) or path.name == PARTS["comparison"]:
            continue
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _forget_arrays(files: StudyFiles, given: StudySpec) -> None:
    """Remove rows that were given in memory, and that neither `given` nor another experiment is of."""
    if files.arrays.is_symlink():  # what is there may be anything
        return
    specs = [given, *(resolved.spec for part in files.parts if (resolved := read_resolved(part)) is not None)]
    used = {Path(spec.data.arrays).name for spec in specs if spec.data.arrays is not None}
    for folder in files.arrays.glob("*"):
        if folder.name not in used:
            shutil.rmtree(folder, ignore_errors=True)


def delete(files: StudyFiles, storage: str | None = None) -> None:
    """Remove a study: its files and parts, its reports, and its trials in the storage that is named.

    Of a study or a part whose directory is a link only the link is removed.
    """
    if files.directory.is_symlink():
        remove_from_storage(files.parts, storage)
        files.directory.unlink()
    for part in reversed(PARTS.values()):
        own = StudyFiles(files.out, files.name, part)
        reported = own.begun or other_of(own) is None
        if own.directory.is_symlink():
            own.directory.unlink()
        elif own.directory.exists():
            with leased(own.leases):
                _clear(own, storage)
        elif part:
            continue
        if reported:
            own.report.unlink(missing_ok=True)
    if files.directory.exists():
        shutil.rmtree(files.directory)
    if other_of_probe(files) is None:
        files.probe_report.unlink(missing_ok=True)
