"""Why trials did not learn: what probes say of their configuration at its first weights."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.analysis.probe import summarize
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.training.probes.record import ArmProbe

REMEDIES = {
    "symmetry": "start from random weights, such as glorot_uniform or he_normal",
    "vanishing gradient": "use fewer layers, batch normalization, or relu with he_normal",
    "saturation": "start from smaller weights, or use an activation that does not saturate, such as relu",
    "dead units": "use leaky_relu or elu, or another initializer",
    "exploding gradient": "start from smaller weights, or clip the gradient",
    "exploding activations": "start from smaller weights, or use batch normalization",
    "vanishing activations": "start from larger weights, or use batch normalization",
    "rows alike": "use fewer layers, batch normalization, or another initializer",
}
"""What a probe may find, the deepest cause first, with what may help."""


@dataclass(frozen=True)
class Why:
    """A cause by its name, its evidence in the network of one trial, and what may help."""

    cause: str
    evidence: str
    number: int

    @property
    def sentence(self) -> str:
        """Say it."""
        return (
            f"{self.cause} at the initial weights of trial {self.number}: {self.evidence}; "
            f"{REMEDIES[self.cause]}"
        )


def explanations(record: StudyRecord) -> dict[tuple[str, ...], Why | None]:
    """Explain each network that was probed at its first weights; None where nothing was found."""
    trials = [trial for trial in record.trials if trial.number in record.first_probes]
    return {trial.configuration.model.initial_network: _why(record, trial) for trial in trials}


def _why(record: StudyRecord, trial: TrialRecord) -> Why | None:
    layers = record.first_probes[trial.number]
    found = {one.kind: one.sentence for one in summarize(ArmProbe("", "", "none", layers)).findings}
    return next((Why(kind, found[kind], trial.number) for kind in REMEDIES if kind in found), None)
