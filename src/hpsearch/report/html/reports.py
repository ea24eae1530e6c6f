"""The reports of a study, of a comparison and of probes: rendered, and written to a file."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from hpsearch.analysis import Analysis, ArmSummary, ComparisonResult, EvaluatedAnalysis
from hpsearch.report.html.comparison import compare_page
from hpsearch.report.html.document import render
from hpsearch.report.html.probe import probe_page
from hpsearch.report.html.study import evaluated_page, search_page, study_page
from hpsearch.store.disk import encoded, write_atomically
from hpsearch.store.record import StudyRecord
from hpsearch.store.results import StudyResults
from hpsearch.training.probes.record import StudyProbe

Results = EvaluatedAnalysis | ComparisonResult
"""What the report of a search, or of a comparison, is made of."""


def render_report(analysis: EvaluatedAnalysis, record: StudyRecord) -> str:
    """Render the report of a study as an HTML document."""
    return render(study_page(analysis, record))


def render_search(analysis: Analysis, record: StudyRecord, saving: Future[StudyResults]) -> str:
    """Render the report of a search while its results are being saved.

    What does not depend on the evaluation of the winner is laid out and drawn before it is waited for.
    """
    page = search_page(analysis, record)
    found = saving.result().record
    return render(evaluated_page(page, analysis.evaluated(found)))


def write_report(analysis: EvaluatedAnalysis, record: StudyRecord, path: Path) -> None:
    """Write the report of a study to a file, in one step: a reader sees the old one or the new one."""
    write_atomically(path, encoded(render_report(analysis, record)))


def render_probe(probe: StudyProbe, summaries: Sequence[ArmSummary]) -> str:
    """Render the probes of a study as an HTML document."""
    return render(probe_page(probe, summaries))


def write_probe(probe: StudyProbe, summaries: Sequence[ArmSummary], path: Path) -> None:
    """Write the probes of a study to a file, in one step, as `write_report` does."""
    write_atomically(path, encoded(render_probe(probe, summaries)))


def render_comparison(comparison: ComparisonResult, record: StudyRecord) -> str:
    """Render the results of a comparison as an HTML document."""
    return render(compare_page(comparison, record))


def write_comparison(comparison: ComparisonResult, record: StudyRecord, path: Path) -> None:
    """Write the results of a comparison to a file, in one step, as `write_report` does."""
    write_atomically(path, encoded(render_comparison(comparison, record)))


def render_results(results: Results, record: StudyRecord) -> bytes:
    """Render the report of a search, or of a comparison, as UTF-8."""
    if isinstance(results, ComparisonResult):
        return encoded(render_comparison(results, record))
    return encoded(render_report(results, record))
