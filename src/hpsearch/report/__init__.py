"""From typed results to one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpsearch.analysis import Analysis, ArmSummary, Comparison
from hpsearch.probes.record import StudyProbe
from hpsearch.report.compare_page import ComparePage, compare_page
from hpsearch.report.document import render
from hpsearch.report.page import StudyPage, study_page, with_evaluation
from hpsearch.report.probe_page import ProbePage, probe_page
from hpsearch.store.disk import encoded, write_atomically
from hpsearch.store.record import StudyRecord

__all__ = [
    "ComparePage",
    "ProbePage",
    "StudyPage",
    "compare_page",
    "probe_page",
    "render_comparison",
    "render_probe",
    "render_report",
    "study_page",
    "write_comparison",
    "write_probe",
    "write_report",
]


def render_report(analysis: Analysis, record: StudyRecord, drawn: StudyPage | None = None) -> str:
    """Render the report of a study as an HTML document.

    `drawn` is its page from before the winner's model was evaluated, if there is one: drawing takes a second.
    """
    return render(study_page(analysis, record) if drawn is None else with_evaluation(drawn, analysis))


def write_report(analysis: Analysis, record: StudyRecord, path: Path) -> None:
    """Write the report of a study to a file, in one step: a reader sees the old one or the new one."""
    write_atomically(path, encoded(render_report(analysis, record)))


def render_probe(probe: StudyProbe, summaries: Sequence[ArmSummary]) -> str:
    """Render the probes of a study as an HTML document."""
    return render(probe_page(probe, summaries))


def write_probe(probe: StudyProbe, summaries: Sequence[ArmSummary], path: Path) -> None:
    """Write the probes of a study to a file, in one step, as `write_report` does."""
    write_atomically(path, encoded(render_probe(probe, summaries)))


def render_comparison(comparison: Comparison, record: StudyRecord) -> str:
    """Render the results of a comparison as an HTML document."""
    return render(compare_page(comparison, record))


def write_comparison(comparison: Comparison, record: StudyRecord, path: Path) -> None:
    """Write the results of a comparison to a file, in one step, as `write_report` does."""
    write_atomically(path, encoded(render_comparison(comparison, record)))
