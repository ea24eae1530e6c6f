"""Why trials did not learn: their networks are probed at the first weights that they had."""

from __future__ import annotations

from dataclasses import replace

from hpsearch.analysis import Conclusion
from hpsearch.analysis.findings import unexplained
from hpsearch.engines import Worker
from hpsearch.engines.messages import ProbeOrder
from hpsearch.store.probes import read_probes, write_probes
from hpsearch.study.open_study import OpenStudy

PROBED = 5
"""Networks that are probed because they did not learn: each costs a compilation."""


def explain(study: OpenStudy, conclusion: Conclusion, worker: Worker) -> Conclusion:
    """Probe trials that did not learn, and give the conclusion with the probes."""
    files, record = study.files, conclusion.record
    chosen = unexplained(record, PROBED)
    if not chosen:
        return conclusion
    probes = dict(record.first_probes)
    for trial in chosen:
        probes[trial.number] = worker.do(ProbeOrder(trial.configuration.dump(), (trial.seed,)))
    study.lease.check()
    write_probes(
        files.probes, {number: layers for number, layers in probes.items() if layers}, record.identity.stamp()
    )
    return conclusion.with_record(replace(record, first_probes=read_probes(files.probes, record.identity)))
