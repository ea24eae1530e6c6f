"""Why each pruned trial was pruned."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.store.record import StudyRecord, Verdict


@dataclass(frozen=True)
class PrunedTrial:
    """A pruned trial, the epochs that it had, and the verdict of the pruner.

    `verdict` is None where the study was run before verdicts were kept; `cause` says the same in words.
    """

    number: int
    epochs: int
    cause: str | None
    verdict: Verdict | None


def explain_pruning(record: StudyRecord) -> tuple[PrunedTrial, ...]:
    """List the pruned trials by number."""
    pruned = sorted((t for t in record.trials if t.state == "pruned"), key=lambda trial: trial.number)
    return tuple(PrunedTrial(t.number, t.epochs, t.cause, t.verdict) for t in pruned)
