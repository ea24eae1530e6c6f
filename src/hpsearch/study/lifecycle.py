"""The composition root: run and resume a search, a comparison or an ablation, and leave results behind."""

from __future__ import annotations

import os
import platform
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING

from hpsearch.engines import ENGINES
from hpsearch.engines.messages import Job, OpenedStudy
from hpsearch.engines.pool import WorkerPool
from hpsearch.report.words.columns import MOST, column_lines
from hpsearch.report.words.numbers import amount
from hpsearch.spec import StudyFile, StudySpec
from hpsearch.spec.experiments import Kind, SearchExperiment, experiment_of, prepare
from hpsearch.spec.sources.donor_file import DonorFile
from hpsearch.spec.sources.python_file import (
    announced_code,
    check_same_code,
    fingerprint,
    model_code,
    read_code,
)
from hpsearch.spec.space.arms import arms_of
from hpsearch.spec.space.enqueue import check_enqueued
from hpsearch.spec.study_file.problems import placed
from hpsearch.store.layout import PARTS, StudyFiles
from hpsearch.store.lease import Lease, leased
from hpsearch.store.optuna.named import check_named
from hpsearch.store.reading import read_parts, read_record
from hpsearch.store.record import StudyRecord
from hpsearch.store.removal import check_only_ours
from hpsearch.store.report_path import check_report_path
from hpsearch.store.resolved import (
    Resolved,
    as_begun,
    check_same_experiment,
    read_resolved,
    write_resolved,
)
from hpsearch.study.baselines import begin_baselines
from hpsearch.study.deletion import clear, forget_arrays, sweep, with_parts
from hpsearch.study.earlier_studies import with_earlier_trials
from hpsearch.study.found_space import with_found_space
from hpsearch.study.material import check_same_material
from hpsearch.study.open_study import OpenStudy
from hpsearch.study.options import Options
from hpsearch.study.part import stored_part
from hpsearch.study.prerequisites import (
    announced_donor,
    check_donors,
    check_trained,
    find_donors,
    untrained_donors,
)
from hpsearch.study.progress import Display, Outcome
from hpsearch.study.run import conduct, shared_storage
from hpsearch.study.worker_count import with_workers, worker_count
from hpsearch.training.decisions import Decisions

if TYPE_CHECKING:
    from hpsearch.scheduling.conclusion import Conclusion
    from hpsearch.study.ablation import Plan

CONFIRMED: tuple[Outcome, ...] = ("finished", "timeout", "exhausted", "no_gain")
"""Endings of a search after which its finalists are confirmed."""

AT_THE_END = (
    "hpsearch.study.confirmation",
    "hpsearch.study.finish.search",
    "hpsearch.report.html.reports",
    "sklearn.tree",
)
"""Modules that import SciPy, matplotlib and scikit-learn: without them the workers start a second earlier."""


def optimize(study: StudyFile, options: Options, display: Display) -> tuple[Outcome, Conclusion]:
    """Run a search, or resume it, to the end of its budget.

    Raises:
        HpsearchError: It cannot run.
    """
    check_enqueued(study.spec, study.source)
    with _held(study, "search", options, display) as held, _opened(held) as opened:
        return _concluded(opened, conduct(opened))


def confirm_search(study: StudyFile, options: Options, display: Display) -> tuple[Outcome, Conclusion]:
    """Confirm a search that was run, or resume that, and write its results again.

    Raises:
        HpsearchError: It was not run, or cannot be confirmed.
    """
    read_record(StudyFiles(options.out, study.spec.name))
    with _held(study, "search", options, display) as held, _opened(held) as opened:
        return _concluded(opened, "finished")


def compare(study: StudyFile, options: Options, display: Display) -> tuple[Outcome, StudyRecord]:
    """Train every arm of a comparison from every seed, or resume that.

    Raises:
        HpsearchError: It cannot run.
    """
    arms_of(study.spec, study.source)
    with _held(study, "comparison", options, display) as held, _opened(held) as opened:
        outcome, record = conduct(opened), read_record(opened.files)
        if outcome != "interrupted":
            from hpsearch.study.finish.results import leave_comparison

            leave_comparison(opened, record)
        return outcome, record


def ablate(
    study: StudyFile, options: Options, replicates: int, display: Display
) -> tuple[Outcome, Conclusion]:
    """Ablate a search, or resume that, and write its report again.

    Raises:
        HpsearchError: The search was not started, has no winner, or its winner differs from no default.
    """
    from hpsearch.scheduling.conclusion import conclude_search
    from hpsearch.study.ablation import announce, plan_of
    from hpsearch.study.report import write_report

    read_record(StudyFiles(options.out, study.spec.name))
    with _held(study, "search", replace(options, new=False), display) as search:
        conclusion = conclude_search(read_record(search.files), *read_parts(search.files))
        plan = plan_of(conclusion, replicates)
        with _opened(_ablation_of(search, plan)) as opened:
            announce(plan, opened)
            outcome: Outcome = "interrupted" if conduct(opened) == "interrupted" else "finished"
        conclusion = conclusion.with_ablation(read_record(opened.files))
        if outcome == "finished":
            write_report(search.files, conclusion.record, conclusion, search.lease)
        return outcome, conclusion


@dataclass(frozen=True)
class _Held:
    """An experiment that this process alone may write, before workers have it open.

    `code` is the fingerprint of its Python files, `stored` what it obeys since it was begun, `parent` the
    search that it is a part of.
    """

    study: StudyFile
    kind: Kind
    files: StudyFiles
    options: Options
    code: str
    donors: tuple[DonorFile, ...]
    stored: Resolved | None
    lease: Lease
    display: Display
    parent: Resolved | None = None

    @property
    def trained(self) -> StudyFile:
        """The study as its workers see it."""
        return replace(self.study, spec=experiment_of(self.study.spec, self.kind).trained)


@contextmanager
def _held(given: StudyFile, kind: Kind, options: Options, display: Display) -> Iterator[_Held]:
    """Have the donors of a study trained, take its lease, and read what it obeys since it was begun."""
    study = replace(given, spec=prepare(given.spec, kind))
    trained = replace(study, spec=experiment_of(study.spec, kind).trained)
    with placed(study.source):
        code = fingerprint(read_code(announced_code(trained, display.note, refused=options.no_code)))
        check_donors(trained)
    for donor in untrained_donors(trained, options.out):
        _train_donor(donor, options, display)
    with placed(study.source):
        donors = find_donors(trained, options.out)
    files = StudyFiles(options.out, study.spec.name, PARTS[kind])
    check_named(files, options.storage)
    check_report_path(files)
    if options.new:
        check_only_ours(with_parts(files))
    with leased(files.leases, takeover=options.takeover) as lease:
        if options.new:
            clear(files, options.storage)
            forget_arrays(files, study.spec)
        sweep(files)
        stored = stored_of(files, study.spec, code)
        if stored is not None:
            study = replace(study, spec=as_begun(study.spec, stored.spec))
        yield _Held(study, kind, files, options, code, donors, stored, lease, display)


def _train_donor(donor: StudyFile, options: Options, display: Display) -> None:
    """Run the search whose best model another study starts from."""
    heard = announced_donor(donor, display)
    outcome, conclusion = optimize(donor, replace(options, new=False), heard)
    check_trained(donor, outcome, conclusion.record)


@contextmanager
def _opened(held: _Held) -> Iterator[OpenStudy]:
    """Have workers open an experiment, and write down what it obeys from now on."""
    study, options = held.study, held.options
    with placed(study.source):
        pool = _pool(held)
    try:
        _check_sampler(held)
        storage = shared_storage(held.files, options.storage, confirmed=bool(study.spec.confirm.finalists))
        Thread(target=_import_ahead, daemon=True).start()
        with placed(study.source):
            opened = pool.opened()
            held = replace(held, study=with_found_space(study, opened.model))
        held, opened = _begun(held, opened)
        _check_sampler(held)
        resolved = _resolved(held, opened, len(pool.workers))
        held.lease.check()
        write_resolved(held.files, resolved)
        baselines = begin_baselines(held.files, resolved, held.options.data_dir)
        running = resolved, storage, pool, held.lease, held.display, baselines
        yield OpenStudy(held.files, *running, options.loggers())
    finally:
        pool.close()


def _pool(held: _Held) -> WorkerPool:
    """Start the workers of an experiment, and tell how many where that is not given."""
    engine = ENGINES[held.options.engine](held.options.address, held.study.spec.engine)
    count, why = worker_count(held.options.workers, prepare(held.study.spec, held.kind), engine)
    if why is not None:
        held.display.note(why)
    return WorkerPool(engine, count, _job(held))


def _job(held: _Held) -> Job:
    job = job_of(held.trained, held.options, held.stored, held.code, held.donors)
    return replace(job, timed=held.kind == "comparison", explores=held.kind == "search")


def _check_sampler(held: _Held) -> None:
    experiment = experiment_of(held.study.spec, held.kind)
    if isinstance(experiment, SearchExperiment):
        from hpsearch.scheduling.samplers import check_sampler

        check_sampler(experiment.spec, experiment.space)


def _begun(held: _Held, opened: OpenedStudy) -> tuple[_Held, OpenedStudy]:
    """Decide what the file of a search that begins leaves open, and tell it."""
    if held.kind != "search" or held.stored is not None:
        return held, opened
    from hpsearch.scheduling.beginning import begun

    warm, learned = with_earlier_trials(held.study, held.options.out)
    if learned is not None:
        held.display.note(f"warm start: {learned}")
    spec, sampler = begun(warm)
    if sampler is not None:
        held.display.note(f"sampler: {sampler}")
    first = spec.search.portfolio
    if first and isinstance(first, tuple) and first != warm.search.portfolio:
        held.display.note(f"portfolio: the first {amount(len(first), 'trial')} are textbook configurations")
    decisions = replace(opened.decisions, sampler=sampler, warm_start=learned)
    return replace(held, study=replace(held.study, spec=spec)), replace(opened, decisions=decisions)


def _resolved(held: _Held, opened: OpenedStudy, workers: int) -> Resolved:
    """Return what an experiment obeys; a part is of its search, and known in a storage by the same owner."""
    if held.parent is not None:
        check_same_material(held.parent, opened)
    resolved = resolve(held.study, held.kind, held.options, held.stored, opened)
    if held.parent is None:
        for line in (*column_lines(opened.data.columns, MOST), *opened.notes):
            held.display.note(line)
        return with_workers(resolved, workers).identified()
    owner = held.parent.owner or resolved.owner
    return replace(resolved, owner=owner, parent=held.parent.identified().study).identified()


def _ablation_of(search: _Held, plan: Plan) -> _Held:
    """Return the ablation of a search, as far as it was begun for the same winner."""
    from hpsearch.study.ablation import outdated, with_budget

    assert search.stored is not None  # noqa: S101 - it was read before
    part = StudyFiles(search.files.out, search.files.name, PARTS["ablation"])
    stored = stored_part(part, search.stored, search.options.storage, partial(outdated, plan), search.display)
    own = replace(search.study, spec=with_budget(plan, stored))
    code = fingerprint(read_code(model_code(own.spec, own.directory)))
    return replace(
        search, study=own, kind="ablation", files=part, code=code, stored=stored, parent=search.stored
    )


def _concluded(study: OpenStudy, outcome: Outcome) -> tuple[Outcome, Conclusion]:
    """Confirm a search that has ended, conclude, and leave its results behind unless it was interrupted."""
    from hpsearch.scheduling.conclusion import conclude_search
    from hpsearch.study.confirmation import confirm
    from hpsearch.study.finish.search import leave_search

    record = read_record(study.files)
    if outcome in CONFIRMED:
        outcome = confirm(study, record) or outcome
    conclusion = conclude_search(record, *read_parts(study.files))
    if outcome != "interrupted":
        ended = outcome in CONFIRMED and not any(trial.state == "running" for trial in record.trials)
        conclusion = leave_search(study, conclusion, ended=ended)
    return outcome, conclusion


def _import_ahead() -> None:
    """Import what the end of a study needs, which takes seconds, while the workers open and compile."""
    for module in AT_THE_END:
        import_module(module)


def stored_of(files: StudyFiles, spec: StudySpec, code: str) -> Resolved | None:
    """Read what an experiment keeps from its first run on; None if it has not been started.

    Raises:
        StudyMismatchError: The study file or its Python files have changed in more than a budget.
    """
    stored = read_resolved(files)
    if stored is not None:
        check_same_experiment(stored.spec, spec)
        check_same_code(spec.name, stored.decisions.model_code or "", code)
    return stored


def job_of(
    study: StudyFile, options: Options, stored: Resolved | None, code: str, donors: tuple[DonorFile, ...]
) -> Job:
    """Return what a worker needs to open a study, as far as it is decided already."""
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
        trainer=None if stored is None else decided.trainer or "",
        target_transform=None if stored is None else decided.known_transform,
        stream=options.stream,
        streamed=decided.stream,
    )


def resolve(
    study: StudyFile, kind: Kind, options: Options, stored: Resolved | None, opened: OpenedStudy
) -> Resolved:
    """Return what an experiment keeps: what is stored, or on the first run what was found.

    Args:
        study: The study file.
        kind: The kind of experiment.
        options: Where and how it is run.
        stored: What is stored; None on the first run.
        opened: What the workers found when they opened the study.

    Raises:
        StudyMismatchError: The data or the donors have changed.
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
    """Return by what the studies of an experiment are known in a storage that several may share."""
    return known if known is not None or storage is None else uuid.uuid4().hex
