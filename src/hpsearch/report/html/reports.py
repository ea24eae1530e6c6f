"""The reports of a study, of a comparison and of probes: rendered, and written to a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.analysis import Analysis, ArmSummary, Comparison
from hpsearch.report.html.comparison import compare_page
from hpsearch.report.html.document import render
from hpsearch.report.html.probe import probe_page
from hpsearch.report.html.study import StudyPage, study_page, with_evaluation
from hpsearch.store.disk import encoded, write_atomically
from hpsearch.store.record import StudyRecord
from hpsearch.training.probes.record import StudyProbe

if TYPE_CHECKING:
    from hpsearch.analysis import Influence


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


def study_report(
    record: StudyRecord,
    confirmation: StudyRecord | None = None,
    influence: Influence | None = None,
    ablation: StudyRecord | None = None,
) -> bytes:
    """Render the report of a study, of its search or of its comparison, as UTF-8.

    `influence` is what mattered in a search, which is found out where it is not given.
    """
    from hpsearch.analysis import analyze

    if record.kind == "comparison":
        from hpsearch.analysis import compare

        page = render_comparison(compare(record), record)
    else:
        page = render_report(analyze(record, confirmation, influence, ablation), record)
    return encoded(page)
