"""Why trials did not learn: their networks are probed at the first weights that they had."""

from __future__ import annotations

from dataclasses import replace

from hpsearch.engines import Worker
from hpsearch.engines.messages import ProbeOrder
from hpsearch.scheduling.conclusion import Conclusion
from hpsearch.store.record import TrialRecord
from hpsearch.training.probes.record import LayerProbe

PROBED = 5
"""Networks that are probed because they did not learn: each costs a compilation."""


def explain(conclusion: Conclusion, worker: Worker) -> Conclusion:
    """Probe trials that did not learn, and give the conclusion with the probes."""
    record = conclusion.record
    chosen = conclusion.unexplained(PROBED)
    if not chosen:
        return conclusion
    found = {trial.number: _probed(trial, worker) for trial in chosen}
    probes = {**record.first_probes, **{number: layers for number, layers in found.items() if layers}}
    return conclusion.with_record(replace(record, first_probes=probes))


def _probed(trial: TrialRecord, worker: Worker) -> tuple[LayerProbe, ...]:
    layers: tuple[LayerProbe, ...] = worker.do(ProbeOrder(trial.configuration.dump(), (trial.seed,)))
    return layers
