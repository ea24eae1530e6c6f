"""Why each pruned trial was pruned."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.store.events import Pruning
from hpsearch.store.record import StudyRecord


@dataclass(frozen=True)
class PrunedTrial:
    """A pruned trial, the epochs that it had, and what decided its end.

    `pruning` is None where the study was run before that was kept; `cause` says the same in words.
    """

    number: int
    epochs: int
    cause: str | None
    pruning: Pruning | None


def explain_pruning(record: StudyRecord) -> tuple[PrunedTrial, ...]:
    """List the pruned trials by number."""
    pruned = sorted((t for t in record.trials if t.state == "pruned"), key=lambda trial: trial.number)
    return tuple(PrunedTrial(t.number, t.epochs, t.cause, t.pruning) for t in pruned)
