"""The end of a search: what follows its last run, in its order."""

from __future__ import annotations

from hpsearch.analysis import Conclusion
from hpsearch.engines import Worker
from hpsearch.exceptions import WorkerDiedError
from hpsearch.study.finish.export import leave_results
from hpsearch.study.finish.first_weights import explain
from hpsearch.study.finish.refit import refit_winner
from hpsearch.study.open_study import OpenStudy


def leave_search(study: OpenStudy, conclusion: Conclusion, *, ended: bool) -> Conclusion:
    """Write the results of a search; if the worker dies, once more with a new one.

    Returns:
        The conclusion with what was found meanwhile.
    """
    worker = study.pool.workers[0]
    try:
        return _leave(study, conclusion, worker, ended=ended)
    except WorkerDiedError:
        return _leave(study, conclusion, study.pool.renew(worker), ended=ended)


def _leave(study: OpenStudy, conclusion: Conclusion, worker: Worker, *, ended: bool) -> Conclusion:
    """Say why trials did not learn, refit the winner, and write the results."""
    conclusion = explain(study, conclusion, worker)
    if ended:
        conclusion = refit_winner(study, conclusion, worker)
    return leave_results(study, conclusion, worker, ended=ended)
