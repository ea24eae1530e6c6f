"""The report as its template sees it."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from hpsearch.analysis import Analysis
from hpsearch.report import prose, tables, winner
from hpsearch.report.figures import (
    draw_confusion,
    draw_curves,
    draw_importance,
    draw_progress,
    draw_residuals,
    fit_scale,
)
from hpsearch.report.tables import Table
from hpsearch.spec import print_spec, print_yaml
from hpsearch.store.record import StudyRecord
from hpsearch.store.winner import Looks


@dataclass(frozen=True)
class BestConfiguration:
    """The best configuration as YAML, and where its files are."""

    number: int
    yaml: str
    model_path: str
    yaml_path: str


@dataclass(frozen=True)
class Explained:
    """A figure or a table, or both, with the sentences that belong to them."""

    note: str
    figure: Markup | None = None
    table: Table | None = None


@dataclass(frozen=True)
class StudyPage:
    """Everything that the template may use; each field is one of its variables."""

    name: str
    answer: str
    best: BestConfiguration | None
    sure: Explained | None
    looks: Explained | None
    insides: Explained | None
    findings: Explained
    ranking: Table | None
    importance: Explained
    progress: Explained | None
    curves: Explained
    failures: Explained | None
    searched: Table | None
    data: Table | None
    study_file: str
    provenance: Table


def study_page(analysis: Analysis, record: StudyRecord) -> StudyPage:
    """Lay out the report of a study."""
    return StudyPage(
        name=analysis.name,
        answer=prose.answer(analysis),
        best=_best(analysis, record),
        sure=_sure(analysis),
        looks=_looks(record),
        insides=_insides(record),
        findings=_findings(analysis),
        ranking=tables.ranking_table(analysis) if analysis.ranking else None,
        importance=_importance(analysis),
        progress=_progress(analysis),
        curves=_curves(analysis),
        failures=_failures(analysis),
        searched=tables.searched_table(analysis.searched) if analysis.searched else None,
        data=None if analysis.data is None else tables.data_table(analysis.data),
        study_file=print_spec(record.spec),
        provenance=tables.provenance_table(record),
    )


def _best(analysis: Analysis, record: StudyRecord) -> BestConfiguration | None:
    if analysis.best is None:
        return None
    won = None if analysis.verdict is None else analysis.verdict.winner
    number = analysis.best.number if won is None else won
    trial = next(trial for trial in record.trials if trial.number == number)
    folder = f"runs/{record.name}"
    yaml = print_yaml(trial.configuration.dump())
    return BestConfiguration(trial.number, yaml, f"{folder}/best.keras", f"{folder}/best.yaml")


def _sure(analysis: Analysis) -> Explained | None:
    verdict = analysis.verdict
    if verdict is None or not verdict.conclusion.standings:
        return None
    table = tables.finalists_table(verdict, analysis.metric)
    return Explained(prose.confirmation_note(verdict), table=table)


def _looks(record: StudyRecord) -> Explained | None:
    looks = record.looks
    if looks == Looks():
        return None
    return Explained(winner.looks_note(looks), table=winner.looks_table(looks) if looks.looks else None)


def _insides(record: StudyRecord) -> Explained | None:
    insides = record.insides
    if insides is None:
        return None
    found, figure = insides.evaluation, None
    if found.confusion is not None:
        figure = draw_confusion(found.confusion, insides.labels)
    elif found.residuals is not None:
        figure = draw_residuals(found.residuals.pairs)
    return Explained(winner.insides_note(insides), figure, winner.insides_table(insides))


def _findings(analysis: Analysis) -> Explained:
    judgement = analysis.judgement
    table = tables.findings_table(judgement.findings) if judgement.findings else None
    return Explained(prose.findings_note(judgement), table=table)


def _importance(analysis: Analysis) -> Explained:
    importance = analysis.importance
    if importance.reason is not None:
        return Explained(importance.reason)
    figure = draw_importance(importance.parameters)
    return Explained(
        prose.importance_note(importance), figure, tables.importance_table(importance.parameters)
    )


def _progress(analysis: Analysis) -> Explained | None:
    if not analysis.counts.finished:
        return None
    values = [point.value for point in analysis.progress if point.value is not None]
    scale = fit_scale(values, minimize=analysis.minimize)
    figure = draw_progress(analysis.progress, scale, analysis.metric)
    return Explained(prose.progress_note(scale.outside), figure)


def _curves(analysis: Analysis) -> Explained:
    curves = analysis.curves
    note = prose.curves_note(curves, analysis.metric)
    if not curves.shown:
        return Explained(note)
    values = [value for curve in curves.shown for value in curve.values if value is not None]
    scale = fit_scale(values, minimize=analysis.minimize)
    return Explained(note, draw_curves(curves, scale, analysis.metric))


def _failures(analysis: Analysis) -> Explained | None:
    note = prose.failures_note(analysis.counts)
    if not note:
        return None
    return Explained(note, table=tables.failure_table(analysis.failures) if analysis.failures else None)
