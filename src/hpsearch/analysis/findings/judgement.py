"""All findings of a study, and what is to be said of it first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hpsearch.analysis.findings.divergence import diverged, exploding_loss
from hpsearch.analysis.findings.finding import StudyFinding
from hpsearch.analysis.findings.fitting import budget_too_short, overfitting, underfitting
from hpsearch.analysis.findings.learning import did_not_learn, failed
from hpsearch.analysis.findings.limits import TOLD_SHARE
from hpsearch.analysis.findings.probes import probed
from hpsearch.analysis.findings.space import edge_of_the_range, never_tried
from hpsearch.store.record import StudyRecord

FINDERS: tuple[Callable[[StudyRecord], Iterator[StudyFinding]], ...] = (
    diverged,
    exploding_loss,
    failed,
    did_not_learn,
    underfitting,
    overfitting,
    budget_too_short,
    edge_of_the_range,
    never_tried,
    probed,
)
"""Each finds one kind of problem; what keeps a trial from learning comes first."""

HOPELESS = ("diverged", "exploding loss", "failed", "did not learn")
"""Kinds of which a trial has learned nothing."""


@dataclass(frozen=True)
class Judgement:
    """The findings of a study, those to be shown first, and what to show last if no trial learned."""

    findings: tuple[StudyFinding, ...]
    told: tuple[StudyFinding, ...] = ()
    last_word: str | None = None


def judge(record: StudyRecord) -> Judgement:
    """Find every kind of problem in a study."""
    findings = tuple(finding for find in FINDERS for finding in find(record))
    return Judgement(findings, tuple(_told(record, findings)), _last_word(record, findings))


def _told(record: StudyRecord, findings: tuple[StudyFinding, ...]) -> Iterator[StudyFinding]:
    """Choose the findings that concern the study, its best trial, or many trials."""
    best = None if record.best is None else record.best.number
    for finding in findings:
        share = len(finding.trials) / max(len(record.trials), 1)
        if not finding.trials or best in finding.trials or share >= TOLD_SHARE:
            yield finding


def _last_word(record: StudyRecord, findings: tuple[StudyFinding, ...]) -> str | None:
    """Say what happened where every trial that ended diverged, failed or did not learn."""
    hopeless = [finding for finding in findings if finding.kind in HOPELESS]
    lost = {number for finding in hopeless for number in finding.trials}
    ended = {trial.number for trial in record.trials if trial.state != "running"}
    if not ended or not ended <= lost:
        return None
    return ". ".join(finding.sentence for finding in hopeless)
