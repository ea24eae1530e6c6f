"""Confirm a search: its best trials are trained again from fresh common seeds, as far as a race asks for."""

from __future__ import annotations

from dataclasses import replace

from hpsearch.analysis.confirmation import name_of
from hpsearch.analysis.confirmation_plan import plan_confirmation
from hpsearch.engines.pool import WorkerPool
from hpsearch.report.words.plan import begun_words
from hpsearch.spec import Compare, StudySpec
from hpsearch.spec.experiments import compared
from hpsearch.store.layout import PARTS, StudyFiles
from hpsearch.store.lease import Lease
from hpsearch.store.reading import check_parent
from hpsearch.store.record import StudyRecord
from hpsearch.store.removal import remove
from hpsearch.store.resolved import Resolved, read_resolved, write_resolved
from hpsearch.study.progress import Display, Outcome
from hpsearch.study.run import conduct, storage_of


def confirm(
    files: StudyFiles,
    resolved: Resolved,
    record: StudyRecord,
    pool: WorkerPool,
    lease: Lease,
    display: Display,
) -> Outcome | None:
    """Train the finalists of a search again, or go on with that; the workers have the study open.

    Gives None where there is nothing to confirm. Replicates of other finalists, of a search that has gone on
    since, and those on other splits are removed.
    """
    spec = confirmation_of(record)
    plan = plan_confirmation(record)
    if spec is None or spec.compare is None:
        return None
    part = StudyFiles(files.out, files.name, PARTS["confirmation"])
    stored = _begun(part, spec, resolved, display)
    lease.check()
    own = replace(resolved, spec=spec, kind="confirmation", parent=resolved.identified().study)
    own = replace(own, study=stored.study if stored else "").identified()
    write_resolved(part, own)
    splits = "; each replicate has its own split" if spec.confirm.splits == "fresh" else ""
    display.begin(spec.search.trials, f"{begun_words(plan, record.name)}{splits}")
    outcome = conduct(part, own, storage_of(part, resolved.storage), pool, lease, display)
    return "interrupted" if outcome == "interrupted" else None


def _begun(part: StudyFiles, spec: StudySpec, searched: Resolved, display: Display) -> Resolved | None:
    """Give what was stored of the confirmation; one of other finalists, or on other splits, is removed."""
    stored = read_resolved(part)
    if stored is not None:
        check_parent(part, stored, searched)
    if part.directory.exists() and (stored is None or not _same(stored.spec, spec)):
        # Without a study file a process died while it removed the others.
        if stored is not None:
            what = "splits" if _arms(stored.spec) == _arms(spec) else "finalists"
            display.note(f"the search has other {what} now: the confirmation starts over")
        remove(part, searched.storage)
        stored = None
    part.directory.mkdir(exist_ok=True)
    return stored


def _same(stored: StudySpec, spec: StudySpec) -> bool:
    return _arms(stored) == _arms(spec) and stored.confirm.splits == spec.confirm.splits


def _arms(spec: StudySpec) -> object:
    return None if spec.compare is None else spec.compare.arms


def confirmation_of(record: StudyRecord) -> StudySpec | None:
    """Give the confirmation of a search that has ended; None where nothing is to be confirmed.

    The arms are the finalists, which may have been pruned, by their trials' numbers; the budget is their
    replicates, or as many runs as the share of the search's epochs pays for.
    """
    plan = plan_confirmation(record)
    if not plan.possible:
        return None
    arms = {name_of(trial): trial.configuration.dump() for trial in record.ranking[: plan.finalists]}
    return compared(record.spec, Compare(arms=arms, replicates=plan.replicates), plan.runs)
