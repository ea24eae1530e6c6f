"""What went wrong: the failed trials by cause."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.store.record import StudyRecord


@dataclass(frozen=True)
class CauseOfFailure:
    """The numbers of the trials that failed from one cause; None where no cause was recorded.

    The epoch and step at which it struck are no part of a cause; `first_epoch` and `last_epoch` are the least
    and the largest number of epochs after which it did.
    """

    cause: str | None
    numbers: tuple[int, ...]
    first_epoch: int = 0
    last_epoch: int = 0


def group_failures(record: StudyRecord) -> tuple[CauseOfFailure, ...]:
    """Group the failed trials by the kind of their failure, the most frequent first."""
    groups: dict[str, list[int]] = {}
    epochs = {trial.number: trial.epochs for trial in record.trials}
    for trial in sorted(record.trials, key=lambda t: t.number):
        if trial.state == "failed":
            groups.setdefault(trial.kind_of_failure, []).append(trial.number)
    causes = [
        CauseOfFailure(kind or None, tuple(numbers), *_ends([epochs[number] for number in numbers]))
        for kind, numbers in groups.items()
    ]
    return tuple(sorted(causes, key=lambda c: (-len(c.numbers), c.numbers[0])))


def total_failure(record: StudyRecord, what: str = "trial") -> str | None:
    """Say that all that was trained failed, and why; None where something did not, or nothing has ended."""
    over = [trial for trial in record.trials if trial.state != "running"]
    if over and all(trial.state == "infeasible" for trial in over):
        return f"every {what} violates search.constraints; of {what} {over[0].number}, {over[0].cause}"
    causes = group_failures(record)
    if not over or any(trial.state != "failed" for trial in over):
        return None
    first, count = causes[0], len(over)
    told = first.cause or "no cause was recorded"
    if count == 1:
        return f"the only {what} failed: {told}"
    if len(causes) == 1:
        return f"every {what} failed with the same error: {told}"
    return f"every {what} failed, {len(first.numbers):,} of {count:,} with this error: {told}"


def _ends(epochs: list[int]) -> tuple[int, int]:
    return min(epochs), max(epochs)
