"""The end of a search: what follows its last run, in its order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hpsearch.engines import Worker
from hpsearch.exceptions import WorkerDiedError
from hpsearch.scheduling.conclusion import Conclusion
from hpsearch.study.finish.first_weights import explain
from hpsearch.study.finish.refit import refit_winner
from hpsearch.study.finish.results import leave_results
from hpsearch.study.open_study import OpenStudy

Step = Callable[[OpenStudy, Conclusion, Worker], Conclusion]


def leave_search(study: OpenStudy, conclusion: Conclusion, *, ended: bool) -> Conclusion:
    """Refit the winner of a search that has ended, which is its last run, and write the results.

    Returns:
        The conclusion with what was found meanwhile.
    """
    if ended:
        conclusion = _by_a_worker(refit_winner, study, conclusion)
    return _by_a_worker(partial(_leave, ended=ended), study, conclusion)


def _by_a_worker(step: Step, study: OpenStudy, conclusion: Conclusion) -> Conclusion:
    """Take a step; if the worker dies, once more with a new one."""
    worker = study.pool.workers[0]
    try:
        return step(study, conclusion, worker)
    except WorkerDiedError:
        return step(study, conclusion, study.pool.renew(worker))


def _leave(study: OpenStudy, conclusion: Conclusion, worker: Worker, *, ended: bool) -> Conclusion:
    """Say why trials did not learn, and write the results."""
    explained = explain(conclusion, worker)
    probes = None if explained is conclusion else explained.record.first_probes
    return leave_results(study, explained, worker, ended=ended, probes=probes)
