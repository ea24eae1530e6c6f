"""From typed results to one self-contained HTML file."""

from __future__ import annotations

from pathlib import Path

from hpsearch.analysis import Analysis
from hpsearch.report.document import render
from hpsearch.report.page import StudyPage, study_page
from hpsearch.store.disk import write_atomically
from hpsearch.store.record import StudyRecord

__all__ = ["StudyPage", "render_report", "study_page", "write_report"]


def render_report(analysis: Analysis, record: StudyRecord) -> str:
    """Render the report of a study as an HTML document."""
    return render(study_page(analysis, record))


def write_report(analysis: Analysis, record: StudyRecord, path: Path) -> None:
    """Write the report of a study to a file, in one step: a reader sees the old one or the new one.

    A letter that UTF-8 cannot hold (half of a surrogate pair) becomes a question mark.
    """
    write_atomically(path, render_report(analysis, record).encode("utf-8", "replace"))
