"""What a notebook shows in place of a page: its answer and some of its figures, as one piece of HTML."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from hpsearch.analysis import ArmSummary, ComparisonResult, EvaluatedAnalysis, look_into_trial
from hpsearch.report.figures import alone
from hpsearch.report.html import comparison as compared
from hpsearch.report.html import probe as probed
from hpsearch.report.html import study as searched
from hpsearch.report.html.explained import Explained
from hpsearch.report.words import comparison as comparison_prose
from hpsearch.report.words import probe as probe_prose
from hpsearch.report.words import prose
from hpsearch.report.words.numbers import short
from hpsearch.report.words.trials import ending_words, value_words
from hpsearch.spec.space.parameter import Value
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.training.probes.record import StudyProbe


@dataclass(frozen=True)
class Picture:
    """A figure as a file inside of the document, out of the reach of its style, and what is said of it."""

    source: str
    note: str


@dataclass(frozen=True)
class Excerpt:
    """Everything that the template may use; each field is one of its variables."""

    title: str
    answer: str
    values: tuple[tuple[str, str], ...]
    pictures: tuple[Picture, ...]
    page: str | None


def excerpt_of_search(analysis: EvaluatedAnalysis, page: Path) -> Excerpt:
    """Show the answer of a search, its finalists, what mattered where known, and how trials learned."""
    rows = {row.number: row.parameters for row in analysis.ranking}
    best = {} if analysis.winner is None else rows[analysis.winner.number]
    parts = (
        searched.sure_part(analysis),
        searched.importance_part(analysis),
        searched.curves_part(analysis),
    )
    return _excerpt(f"Study {analysis.name}", prose.answer(analysis), parts, best, page)


def excerpt_of_comparison(comparison: ComparisonResult, page: Path | None) -> Excerpt:
    """Show the answer of a comparison, the means of its arms, and how they learned."""
    parts = (compared.means_part(comparison), compared.curves_part(comparison))
    answer = comparison_prose.answer(comparison)
    return _excerpt(f"Comparison {comparison.name}", answer, parts, page=page)


def excerpt_of_probe(probe: StudyProbe, summaries: Sequence[ArmSummary], page: Path) -> Excerpt:
    """Show what was found in the networks of a study, and all of its figures."""
    parts = (probed.histograms_part(probe), probed.deviations_part(probe), probed.gradients_part(probe))
    return _excerpt(f"Probes of {probe.spec.name}", probe_prose.answer(probe, summaries), parts, page=page)


def excerpt_of_trial(trial: TrialRecord, record: StudyRecord) -> Excerpt:
    """Show how a trial ended, its values, and how it learned."""
    part = searched.winner_part(
        look_into_trial(trial, record.metric), record.metric, minimize=record.minimize
    )
    words = " ".join(filter(None, (value_words(trial, record.metric), ending_words(trial))))
    return _excerpt(f"Trial {trial.number} of {record.name}", words, (part,), trial.parameters)


def _excerpt(
    title: str,
    answer: str,
    parts: Sequence[Explained | None],
    values: Mapping[str, Value | None] | None = None,
    page: Path | None = None,
) -> Excerpt:
    written = tuple((name, short(value)) for name, value in (values or {}).items())
    drawn = [(part.figure, part.note) for part in parts if part is not None]
    pictures = [Picture(_source(figure), note) for figure, note in drawn if figure is not None]
    existing = str(page) if page is not None and page.exists() else None
    return Excerpt(title, answer, written, tuple(pictures), existing)


def _source(figure: Markup) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(alone(figure)).decode()}"
