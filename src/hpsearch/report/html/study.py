"""The report as its template sees it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from hpsearch.analysis import Analysis, EvaluatedAnalysis, Winner
from hpsearch.analysis.baselines import BaselineComparison
from hpsearch.analysis.curves import evenly
from hpsearch.report.figures import (
    draw_bands,
    draw_curves,
    draw_dots,
    draw_effects,
    draw_front,
    draw_importance,
    draw_progress,
    draw_spending,
    fit_scale,
)
from hpsearch.report.figures.effects import MOST_PANELS
from hpsearch.report.figures.parallel import Parallel, names_in_order, parallel_of
from hpsearch.report.figures.study import (
    effects_in_order,
    finalists_of,
    fit_finalists,
    fit_shown,
    fit_winner,
    shares_of,
    winner_of,
)
from hpsearch.report.html import error_analysis
from hpsearch.report.html.explained import Explained
from hpsearch.report.tables import study as study_tables
from hpsearch.report.tables import tables
from hpsearch.report.tables.tables import ReportTable
from hpsearch.report.words import ablation, baselines, ensemble, evaluation, front, prose, threshold
from hpsearch.report.words import study as study_prose
from hpsearch.report.words import verdict as verdict_words
from hpsearch.report.words.facts import Facts, facts_of
from hpsearch.spec import print_spec, print_yaml
from hpsearch.store.record import StudyRecord
from hpsearch.store.winner import HeldOutEvaluations
from hpsearch.training.ensemble import Ensemble

MOST_MARKS = 2_000
"""Trials that are marked in the figure of the progress; of more, an even sample."""


FIRST_ROWS = 100
"""Rows of the ranking that stand in the document when it is opened; a script adds the others as they are
scrolled to."""


@dataclass(frozen=True)
class BestConfiguration:
    """The best configuration as YAML, and where its files are."""

    number: int
    yaml: str
    model_path: str
    yaml_path: str


@dataclass(frozen=True)
class Following:
    """The study to run next: what it changes, and the study file to copy where there is one."""

    changes: Explained
    yaml: str | None


@dataclass(frozen=True)
class Joined:
    """The ensemble: its members, what it gives on the test set, and where its model is."""

    members: Explained
    tested: ReportTable | None
    decided: ReportTable | None
    model_path: str


@dataclass(frozen=True, kw_only=True)
class SearchPage:
    """What the page says of a search and its parts, whatever the evaluation of its winner gives."""

    name: str
    best: BestConfiguration | None
    front: Explained | None
    sure: Explained
    ranking: Explained | None
    first_rows: int = FIRST_ROWS
    parallel: Parallel | None
    importance: Explained
    effects: Explained
    interactions: Explained | None
    carried: str
    ablation: Explained
    beside: ReportTable | None
    progress: Explained | None
    curves: Explained
    spending: Explained | None
    rungs: Explained | None
    failures: Explained | None
    rules: tuple[str, ...]
    findings: Explained
    inside: Explained | None
    following: Following
    searched: ReportTable | None
    data: ReportTable | None
    columns: ReportTable | None
    commands: tuple[tuple[str, str], ...]
    study_file: str
    provenance: ReportTable


@dataclass(frozen=True, kw_only=True)
class StudyPage(SearchPage):
    """Everything that the template may use; each field is one of its variables."""

    answer: str
    facts: Facts
    looks: Explained | None
    threshold: Explained | None
    mistakes: Explained | None
    reliability: Explained | None
    slices: Explained | None
    relied_on: Explained | None
    moved_by: Explained | None
    joined: Joined | None
    baselines: Explained | None


def study_page(analysis: EvaluatedAnalysis, record: StudyRecord) -> StudyPage:
    """Lay out the report of a study."""
    return evaluated_page(search_page(analysis, record), analysis)


def evaluated_page(search: SearchPage, analysis: EvaluatedAnalysis) -> StudyPage:
    """Add to the page of a search what depends on the evaluation of its winner."""
    return StudyPage(
        **{field.name: getattr(search, field.name) for field in fields(SearchPage)},
        answer=prose.answer(analysis),
        facts=facts_of(analysis),
        looks=_looks(analysis.looks),
        threshold=error_analysis.threshold_part(analysis.insides),
        mistakes=error_analysis.mistakes_part(analysis.insides),
        reliability=error_analysis.reliability_part(analysis.insides),
        slices=error_analysis.slices_part(analysis.insides),
        relied_on=error_analysis.relied_on_part(analysis.insides),
        moved_by=error_analysis.moved_by_part(analysis.insides),
        joined=None if analysis.ensemble is None else _joined(analysis, analysis.ensemble),
        baselines=None if analysis.baselines is None else _baselines(analysis.baselines),
    )


def search_page(analysis: Analysis, record: StudyRecord) -> SearchPage:
    """Lay out and draw what does not depend on the evaluation of the winner; that takes a second."""
    return SearchPage(
        name=analysis.name,
        best=_best(analysis),
        front=front_part(analysis),
        sure=sure_part(analysis),
        ranking=_ranking(analysis),
        parallel=parallel_of(analysis, record.parameters),
        importance=importance_part(analysis),
        effects=_effects(analysis),
        interactions=_interactions(analysis),
        carried=_carried(analysis),
        ablation=_ablation(analysis),
        beside=None if analysis.ablation is None else ablation.others_table(analysis.ablation),
        progress=_progress(analysis),
        curves=curves_part(analysis),
        spending=_spending(analysis),
        rungs=_rungs(analysis),
        failures=_failures(analysis),
        rules=tuple(rule.told() for rule in analysis.failure_rules),
        findings=_findings(analysis),
        inside=_inside(analysis),
        following=_following(analysis),
        searched=tables.searched_table(analysis.searched) if analysis.searched else None,
        data=None if analysis.data is None else tables.data_table(analysis.data),
        columns=None if analysis.data is None else tables.columns_table(analysis.data),
        commands=study_prose.commands_of(analysis.name),
        study_file=print_spec(record.spec),
        provenance=tables.provenance_table(record),
    )


def _best(analysis: Analysis) -> BestConfiguration | None:
    if analysis.winner is None:
        return None
    folder, yaml = f"runs/{analysis.name}", print_yaml(analysis.winner.configuration)
    return BestConfiguration(analysis.winner.number, yaml, f"{folder}/best.keras", f"{folder}/best.yaml")


def front_part(analysis: Analysis) -> Explained | None:
    """Show the Pareto front of a search with several objectives."""
    found = analysis.front
    if found is None or not found.members:
        return None
    table = study_tables.front_table(found, names_in_order(analysis))
    return Explained(front.front_note(found), draw_front(found, analysis.ranking), table)


def sure_part(analysis: Analysis) -> Explained:
    """Show the finalists as fresh seeds have them, or say how to find that out."""
    verdict = analysis.verdict
    if verdict is None or not verdict.conclusion.standings:
        return Explained(study_prose.unconfirmed_note(analysis))
    table = tables.finalists_table(verdict, analysis.metric)
    plot = finalists_of(analysis, verdict)
    scale = fit_finalists(plot, minimize=analysis.minimize)
    figure = draw_dots(plot, scale, "finalists") if plot.drawable else None
    return Explained(verdict_words.confirmation_note(verdict), figure, table)


def _looks(looks: HeldOutEvaluations) -> Explained | None:
    if looks == HeldOutEvaluations():
        return None
    return Explained(
        evaluation.evaluations_note(looks), table=evaluation.evaluations_table(looks) if looks.looks else None
    )


def _joined(analysis: Analysis, found: Ensemble) -> Joined:
    members = Explained(ensemble.ensemble_note(found, analysis.metric), table=ensemble.ensemble_table(found))
    tested = None if found.evaluation is None else ensemble.measures_table(found.evaluation.measures)
    decided = () if found.evaluation is None else found.evaluation.decided
    title = "The ensemble at its threshold on the test set"
    at_threshold = threshold.decided_table(decided, title) if decided else None
    return Joined(members, tested, at_threshold, f"runs/{analysis.name}/ensemble.keras")


def _baselines(found: BaselineComparison) -> Explained:
    return Explained(baselines.baselines_note(found), table=baselines.baselines_table(found))


def _findings(analysis: Analysis) -> Explained:
    judgement = analysis.judgement
    table = tables.findings_table(judgement.findings) if judgement.findings else None
    return Explained(prose.findings_note(judgement), table=table)


def _ranking(analysis: Analysis) -> Explained | None:
    if not analysis.ranking:
        return None
    return Explained(study_prose.ranking_note(analysis), table=tables.ranking_table(analysis))


def importance_part(analysis: Analysis) -> Explained:
    """Show which parameters mattered, or say why that is not known."""
    importance = analysis.importance
    if importance.reason is not None:
        return Explained(importance.reason)
    known = any(row.told is not None for row in importance.parameters)
    figure = draw_importance(importance.parameters) if known else None
    return Explained(
        prose.importance_note(importance), figure, tables.importance_table(importance.parameters)
    )


def _effects(analysis: Analysis) -> Explained:
    effects = effects_in_order(analysis)
    note = study_prose.effects_note(analysis.effects, min(len(effects), MOST_PANELS), len(effects))
    if not effects:
        return Explained(note)
    figure = draw_effects(effects, analysis.effects.level)
    return Explained(note, figure, study_tables.effects_table(effects, analysis.metric))


def _interactions(analysis: Analysis) -> Explained | None:
    found = analysis.effects.interactions
    if not found:
        return None
    return Explained(study_prose.interactions_note(), table=study_tables.interactions_table(found))


def _carried(analysis: Analysis) -> str:
    path = analysis.ablation
    return "" if path is None else " ".join(ablation.sentences(path, analysis.name))


def _ablation(analysis: Analysis) -> Explained:
    path = analysis.ablation
    if path is None:
        return Explained(ablation.missing_note(analysis))
    note = ablation.path_note(path)
    if not path.steps:
        return Explained(note)
    plot = ablation.path_plot(path)
    scale = fit_finalists(plot, minimize=path.minimize)
    figure = draw_dots(plot, scale, "ablation") if plot.drawable else None
    return Explained(note, figure, ablation.steps_table(path))


def _progress(analysis: Analysis) -> Explained | None:
    if not analysis.counts.finished:
        return None
    values = [point.value for point in analysis.progress if point.value is not None]
    scale = fit_scale(values, minimize=analysis.minimize)
    points = evenly(analysis.progress, MOST_MARKS)
    figure = draw_progress(points, scale, analysis.metric)
    return Explained(prose.progress_note(scale.outside, len(points), len(analysis.progress)), figure)


def curves_part(analysis: Analysis) -> Explained:
    """Show the learning curves of the trials."""
    curves = analysis.curves
    note = prose.curves_note(curves, analysis.metric)
    if not curves.shown:
        return Explained(note)
    return Explained(note, draw_curves(curves, fit_shown(analysis), analysis.metric))


def _spending(analysis: Analysis) -> Explained | None:
    spending = analysis.spending
    if not spending.trained:
        return None
    figure = draw_spending(shares_of(spending))
    return Explained(study_prose.spending_note(spending), figure, study_tables.spending_table(spending))


def _rungs(analysis: Analysis) -> Explained | None:
    if not analysis.rungs:
        return None
    return Explained(study_prose.rungs_note(analysis.rungs), table=study_tables.rungs_table(analysis.rungs))


def _failures(analysis: Analysis) -> Explained | None:
    note = prose.failures_note(analysis.counts)
    if not note:
        return None
    return Explained(note, table=tables.failure_table(analysis.failures) if analysis.failures else None)


def _inside(analysis: Analysis) -> Explained | None:
    if analysis.winner is None:
        return None
    return winner_part(analysis.winner, analysis.metric, minimize=analysis.minimize)


def winner_part(winner: Winner, metric: str, *, minimize: bool) -> Explained:
    """Show how the runs of the winner, or of a trial in its place, have learned."""
    plot, table = winner_of(winner, metric), study_tables.replicates_table(winner, metric)
    figure = draw_bands(plot, fit_winner(plot, minimize=minimize)) if plot.values else None
    return Explained(study_prose.winner_note(winner), figure, table)


def _following(analysis: Analysis) -> Following:
    following = analysis.next_study
    table = study_tables.changes_table(following.changes) if following.changes else None
    yaml = None if following.spec is None else print_spec(following.spec)
    return Following(Explained(study_prose.next_note(following), table=table), yaml)
