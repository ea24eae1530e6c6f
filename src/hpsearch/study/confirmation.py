"""Confirm a search: its best trials are trained again from fresh common seeds, as far as a race asks for."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from hpsearch.report.words.plan import begun_words
from hpsearch.scheduling.conclusion.confirmation_plan import finalists_of, plan_confirmation
from hpsearch.scheduling.conclusion.verdict import name_of
from hpsearch.spec import Compare, StudySpec
from hpsearch.spec.experiments import compared
from hpsearch.store.layout import PARTS, StudyFiles
from hpsearch.store.record import StudyRecord
from hpsearch.store.resolved import write_resolved
from hpsearch.study.open_study import OpenStudy
from hpsearch.study.part import stored_part
from hpsearch.study.progress import Outcome
from hpsearch.study.run import conduct, storage_of


def confirm(study: OpenStudy, record: StudyRecord) -> Outcome | None:
    """Train the finalists of a search again, or resume that, with the workers that have the search open.

    Replicates of other finalists, of an earlier state of the search or of other splits are removed.

    Args:
        study: The search.
        record: Its record.

    Returns:
        "interrupted" if it was; else None, also if there is nothing to confirm.
    """
    spec, searched, display = confirmation_of(record), study.resolved, study.display
    if spec is None:
        return None
    part = StudyFiles(study.files.out, study.files.name, PARTS["confirmation"])
    stored = stored_part(part, searched, searched.storage, partial(_outdated, spec), display)
    own = replace(searched, spec=spec, kind="confirmation", parent=searched.identified().study)
    own = replace(own, study=stored.study if stored else "").identified()
    study.lease.check()
    write_resolved(part, own)
    splits = "; each replicate has its own split" if spec.confirm.splits == "fresh" else ""
    display.begin(spec.search.trials, f"{begun_words(plan_confirmation(record), record.name)}{splits}")
    # A storage that several share may be away just now, and has the trials of the search already.
    storage = study.storage if searched.storage else storage_of(part, None)
    outcome = conduct(replace(study, files=part, resolved=own, storage=storage))
    return "interrupted" if outcome == "interrupted" else None


def _outdated(spec: StudySpec, stored: StudySpec) -> str:
    """Say why a confirmation is not that of a search as it stands; empty where it is."""
    if _arms(stored) == _arms(spec) and stored.confirm.splits == spec.confirm.splits:
        return ""
    what = "splits" if _arms(stored) == _arms(spec) else "finalists"
    return f"the search has other {what} now: the confirmation starts over"


def _arms(spec: StudySpec) -> object:
    return None if spec.compare is None else spec.compare.arms


def confirmation_of(record: StudyRecord) -> StudySpec | None:
    """Return the confirmation of a search that has ended; None where nothing is to be confirmed.

    The arms are the finalists, which may have been pruned, by their trials' numbers; the budget is their
    replicates, or as many runs as the share of the search's epochs pays for.
    """
    plan = plan_confirmation(record)
    if not plan.possible:
        return None
    arms = {name_of(trial): trial.configuration.changes() for trial in finalists_of(record)}
    return compared(record.spec, Compare(arms=arms, replicates=plan.replicates), plan.runs)
