"""What an experiment leaves behind: its models, its configuration, its table and its report."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from hpsearch.analysis import compare
from hpsearch.analysis.analysis import analyze_stored
from hpsearch.engines import Worker
from hpsearch.report.html.reports import render_comparison, render_search
from hpsearch.scheduling.conclusion import Conclusion
from hpsearch.store.probes import Probes
from hpsearch.store.record import StudyRecord
from hpsearch.store.results import StudyResults, write_results
from hpsearch.study.baselines import with_baselines
from hpsearch.study.finish.export import best_export, save_best, save_others
from hpsearch.study.open_study import OpenStudy


def leave_results(
    study: OpenStudy, conclusion: Conclusion, worker: Worker, *, ended: bool, probes: Probes | None = None
) -> Conclusion:
    """Write the best models, the best configuration, the table of trials and the report.

    The worker saves the best model while the search is analyzed and drawn here; the report waits for it last.
    What came of all is then written at once.

    Args:
        study: The search.
        conclusion: What it has come to.
        worker: A worker of its pool.
        ended: Whether the search has ended; only then the worker evaluates the model on the test set.
        probes: What else is to be written: the probes of trials that did not learn, where there are new ones.

    Returns:
        The conclusion with the evaluation.

    Raises:
        HpsearchError: Something cannot be saved or written; of a model beside the best, after all else is.
    """
    beside = ThreadPoolExecutor(1)

    chosen = best_export(study.files, conclusion, worker)

    def saved() -> StudyResults:
        found = save_best(study.files, conclusion.record, chosen, worker, ended=ended)
        return with_baselines(study, replace(found, probes=probes))

    saving = beside.submit(saved)
    beside.shutdown(wait=False)  # Ctrl-C does not wait for the worker
    page = render_search(analyze_stored(conclusion, study.files), conclusion.record, saving)
    results, failure = save_others(study.files, saving.result(), worker)
    # Drawing ignores warnings, those of other threads too.
    if results.best is not None and results.best.problem is not None:
        told = f"the best model was not evaluated on the test set: {results.best.problem}"
        warnings.warn(told, RuntimeWarning, stacklevel=2)
    write_results(study.files, results, page, study.lease)
    if failure is not None:
        raise failure
    return conclusion.with_record(results.record)


def leave_comparison(study: OpenStudy, record: StudyRecord) -> None:
    """Write the table and the report of a comparison."""
    page = render_comparison(compare(record), record)
    write_results(study.files, StudyResults(record), page, study.lease)
