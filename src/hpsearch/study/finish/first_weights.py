"""Why trials did not learn: their networks are probed at the first weights that they had."""

from __future__ import annotations

from dataclasses import replace

from hpsearch.analysis.findings import unexplained
from hpsearch.engines import Worker
from hpsearch.engines.messages import ProbeOrder
from hpsearch.store.layout import StudyFiles
from hpsearch.store.lease import Lease
from hpsearch.store.probes import read_probes, write_probes
from hpsearch.store.record import StudyRecord

PROBED = 5
"""Networks that are probed because they did not learn: each costs a compilation."""


def explain(files: StudyFiles, record: StudyRecord, worker: Worker, lease: Lease) -> StudyRecord:
    """Probe trials that did not learn, as the holder of the lease, and give the record with the probes."""
    chosen = unexplained(record, PROBED)
    if not chosen:
        return record
    probes = dict(record.first_probes)
    for trial in chosen:
        probes[trial.number] = worker.do(ProbeOrder(trial.configuration.dump(), (trial.seed,)))
    lease.check()
    write_probes(
        files.probes, {number: layers for number, layers in probes.items() if layers}, record.identity.stamp()
    )
    return replace(record, first_probes=read_probes(files.probes, record.identity))
