"""Ablate a search: from the default to its winner, one change at a time, each trained from the same seeds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hpsearch.analysis import AblationPath, find_influence
from hpsearch.analysis.ablation import ablation_of, ended_runs, trace
from hpsearch.analysis.best import best_of
from hpsearch.engines import ENGINES
from hpsearch.engines.pool import WorkerPool
from hpsearch.exceptions import HpsearchError, UnsupportedError
from hpsearch.report.html.reports import study_report
from hpsearch.report.words.numbers import amount
from hpsearch.scheduling.racing.greedy import GreedyPath, path_of
from hpsearch.spec import Compare, StudyFile, StudySpec
from hpsearch.spec.experiments import REPLICATE, compared, prepare
from hpsearch.spec.sources.donor_file import DonorFile
from hpsearch.spec.sources.python_file import fingerprint, model_code, read_code
from hpsearch.spec.space.defaults import Kept, open_changes
from hpsearch.spec.study_file.problems import placed
from hpsearch.store.disk import write_atomically
from hpsearch.store.identity import sealed_page
from hpsearch.store.layout import PARTS, StudyFiles
from hpsearch.store.lease import Lease, leased
from hpsearch.store.optuna.named import check_named
from hpsearch.store.reading import check_parent, read_ablation, read_confirmation, read_record
from hpsearch.store.removal import remove
from hpsearch.store.resolved import Resolved, read_resolved, write_resolved
from hpsearch.study.lifecycle import (
    Options,
    check_same_material,
    job_of,
    resolve,
    sources_of,
    stored_of,
    sweep,
)
from hpsearch.study.progress import Display, Outcome
from hpsearch.study.run import conduct, shared_storage


def ablate(
    study: StudyFile, options: Options, replicates: int, display: Display
) -> tuple[Outcome, AblationPath]:
    """Ablate a search that has a winner, or go on with that, and write its report anew.

    Raises HpsearchError where the search was not begun, has no winner, or has nothing that could be changed.
    """
    files = StudyFiles(options.out, study.spec.name)
    read_record(files)
    check_named(files, options.storage)
    searched = replace(study, spec=prepare(study.spec, "search"))
    code, donors = sources_of(searched, options, display)
    with leased(files.leases, takeover=options.takeover) as lease:
        sweep(files)
        stored = stored_of(files, searched.spec, code)
        assert stored is not None  # noqa: S101 - it was read a moment ago
        plan = plan_of(files, replicates)
        outcome = _carry_out(searched, files, stored, plan, options, donors, lease, display)
        return outcome, _leave(files, lease, ended=outcome != "interrupted")


@dataclass(frozen=True)
class Plan:
    """What is trained: the winner's trial, the spec of the ablation, its path, and what stays as it is."""

    trial: int
    spec: StudySpec
    path: GreedyPath
    kept: tuple[Kept, ...]

    @property
    def runs(self) -> int:
        """Count the runs of the whole path."""
        return self.path.configurations * self.path.replicates

    def told(self, done: int) -> str:
        """Tell what is to be trained."""
        path = self.path
        before = f", {done:,} of them done" if done else ""
        return (
            f"ablating trial {self.trial}: {amount(len(path.changes), 'change')}, "
            f"{amount(path.configurations, 'configuration')} from {amount(path.replicates, 'seed')}: "
            f"{amount(self.runs, 'run')}{before}"
        )


def plan_of(files: StudyFiles, replicates: int) -> Plan:
    """Plan the ablation of a search as it stands.

    Raises HpsearchError where there is no winner, or where it has nothing but defaults.
    """
    record = read_record(files)
    winner = best_of(record, read_confirmation(files)).trial
    if winner is None:
        raise HpsearchError(
            f"an ablation needs a winner, and no trial of {record.name!r} has a value: continue with "
            "hpsearch optimize"
        )
    opened = open_changes(record.spec, winner.configuration)
    spec = compared(opened.spec, Compare(replicates=replicates), 1)
    path = path_of(ablation_of(spec))
    if not path.changes:
        raise HpsearchError(
            f"there is nothing to ablate: every searched value of {record.name!r} has no default, or "
            "equals it in the winner"
        )
    if REPLICATE in path.changes:
        raise UnsupportedError(f"an ablation cannot vary an argument that is called {REPLICATE!r}: rename it")
    return Plan(winner.number, spec, path, opened.kept)


def _carry_out(
    study: StudyFile,
    files: StudyFiles,
    searched: Resolved,
    plan: Plan,
    options: Options,
    donors: tuple[DonorFile, ...],
    lease: Lease,
    display: Display,
) -> Outcome:
    part = StudyFiles(files.out, files.name, PARTS["ablation"])
    _check_begun(part, searched)
    stored = _begun(part, plan, options.storage, display)
    own = replace(study, spec=with_budget(plan, stored))
    code = fingerprint(read_code(model_code(own.spec, own.directory)))
    job = job_of(own, options, stored, code, donors)
    with placed(study.source):
        pool = WorkerPool(ENGINES[options.engine](), options.workers, job)
    try:
        with placed(study.source):
            opened = pool.opened()
        check_same_material(searched, opened)
        resolved = _of_search(resolve(own, "ablation", options, stored, opened), searched)
        lease.check()
        write_resolved(part, resolved)
        _announce(plan, part, display)
        outcome = conduct(part, resolved, shared_storage(part, options.storage), pool, lease, display)
    finally:
        pool.close()
    return "interrupted" if outcome == "interrupted" else "finished"


def _announce(plan: Plan, part: StudyFiles, display: Display) -> None:
    done = plan.path.count(ended_runs(read_record(part)))
    display.begin(plan.runs, plan.told(done))
    for kept in plan.kept:
        display.note(f"not changed: {kept.name} = {kept.value}, because {kept.why}")


def _of_search(ablation: Resolved, searched: Resolved) -> Resolved:
    """Let an ablation belong to its search: a storage that several share knows both by one owner."""
    owner, parent = searched.owner or ablation.owner, searched.identified().study
    return replace(ablation, owner=owner, parent=parent).identified()


def _check_begun(part: StudyFiles, searched: Resolved) -> None:
    """Refuse an ablation that was begun of another search."""
    stored = read_resolved(part)
    if stored is not None:
        check_parent(part, stored, searched)


def _begun(part: StudyFiles, plan: Plan, url: str | None, display: Display) -> Resolved | None:
    """Give what was stored of the ablation; one of another winner is removed."""
    stored = read_resolved(part)
    same = stored is not None and (stored.spec.model, stored.spec.training) == (
        plan.spec.model,
        plan.spec.training,
    )
    if part.directory.exists() and not same:
        # Without a study file a process died while it removed another one.
        if stored is not None:
            display.note("the search has a new winner: the ablation starts over")
        remove(part, url)
        stored = None
    part.directory.mkdir(exist_ok=True)
    return stored


def with_budget(plan: Plan, stored: Resolved | None) -> StudySpec:
    """Write the budget of an ablation into its spec.

    With another number of replicates the path may turn elsewhere, and runs of the old one are of no use.
    """
    runs = plan.runs
    if stored is not None:
        before = stored.spec.compare or Compare()
        runs = stored.spec.search.trials + (0 if before.replicates == plan.path.replicates else runs)
    return plan.spec.model_copy(update={"search": plan.spec.search.model_copy(update={"trials": runs})})


def _leave(files: StudyFiles, lease: Lease, *, ended: bool) -> AblationPath:
    """Write the report of the search anew, and give what the ablation says."""
    record, confirmation, ablation = read_record(files), read_confirmation(files), read_ablation(files)
    assert ablation is not None  # noqa: S101 - it was written a moment ago
    if ended:
        page = study_report(record, confirmation, find_influence(record, files), ablation)
        lease.check()
        write_atomically(files.report, sealed_page(page, record.identity))
    winner = best_of(record, confirmation).trial
    return trace(record, ablation, None if winner is None else winner.number)
