"""Write the report of a study that was begun, finished or not."""

from __future__ import annotations

from hpsearch.analysis import compare
from hpsearch.analysis.analysis import analyze_stored
from hpsearch.report.html.reports import Results, render_results
from hpsearch.scheduling.conclusion import Conclusion
from hpsearch.store.layout import StudyFiles
from hpsearch.store.lease import Lease
from hpsearch.store.record import StudyRecord
from hpsearch.store.results import write_page


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
        write_page_of(files, record, compare(record), lease)
    else:
        write_page_of(files, record, analyze_stored(conclusion, files).evaluated(record), lease)


def write_page_of(
    files: StudyFiles, record: StudyRecord, results: Results, lease: Lease | None = None
) -> None:
    """Draw a report and write it, as `write_page` does.

    Raises:
        StudyLockedError: The lease was lost while the report was drawn.
    """
    write_page(files, render_results(results, record), record.identity, lease)
