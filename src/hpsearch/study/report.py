"""Write the report of a study that was begun, finished or not."""

from __future__ import annotations

from hpsearch.analysis import find_influence
from hpsearch.report.html.reports import study_report
from hpsearch.store.disk import write_atomically
from hpsearch.store.identity import sealed_page
from hpsearch.store.layout import StudyFiles
from hpsearch.store.reading import read_ablation, read_confirmation
from hpsearch.store.record import StudyRecord


def write_report(files: StudyFiles, record: StudyRecord) -> None:
    """Write the report of a search or of a comparison, as `hpsearch report` does."""
    influence = None if record.kind == "comparison" else find_influence(record, files)
    page = study_report(record, read_confirmation(files), influence, read_ablation(files))
    write_atomically(files.report, sealed_page(page, record.identity))
