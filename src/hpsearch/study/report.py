"""Write the report of a study that was begun, finished or not."""

from __future__ import annotations

from hpsearch.analysis import Conclusion, compare
from hpsearch.analysis.analysis import analyze_stored
from hpsearch.report.html.reports import Results, render_results
from hpsearch.store.disk import write_atomically
from hpsearch.store.identity import sealed_page
from hpsearch.store.layout import StudyFiles
from hpsearch.store.lease import Lease
from hpsearch.store.record import StudyRecord


def write_report(
    files: StudyFiles, record: StudyRecord, conclusion: Conclusion | None, lease: Lease | None = None
) -> None:
    """Write the report of a search or a comparison.

    Args:
        files: The study.
        record: Its record.
        conclusion: What the search has come to; None for a comparison.
        lease: If given, it is checked before the file is written.

    Raises:
        StudyLockedError: The lease was lost while the report was drawn.
    """
    if conclusion is None:
        write_results(files, record, compare(record), lease)
    else:
        write_results(files, record, analyze_stored(conclusion, files).evaluated(record), lease)


def write_results(
    files: StudyFiles, record: StudyRecord, results: Results, lease: Lease | None = None
) -> None:
    """Write a report in one step: readers see the old one or the new one.

    Args:
        files: The study.
        record: Its record.
        results: What to write.
        lease: If given, it is checked before the file is written, for drawing takes long enough to lose it.

    Raises:
        StudyLockedError: The lease was lost while the report was drawn.
    """
    page = sealed_page(render_results(results, record), record.identity)
    if lease is not None:
        lease.check()
    write_atomically(files.report, page)
