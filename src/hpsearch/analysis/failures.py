"""What went wrong: the failed trials by cause."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.store.record import StudyRecord


@dataclass(frozen=True)
class CauseOfFailure:
    """The numbers of the trials that failed from one cause; None where no cause was recorded."""

    cause: str | None
    numbers: tuple[int, ...]


def group_failures(record: StudyRecord) -> tuple[CauseOfFailure, ...]:
    """Group the failed trials by cause, the most frequent first."""
    groups: dict[str | None, list[int]] = {}
    for trial in sorted(record.trials, key=lambda t: t.number):
        if trial.state == "failed":
            groups.setdefault(trial.cause, []).append(trial.number)
    causes = [CauseOfFailure(cause, tuple(numbers)) for cause, numbers in groups.items()]
    return tuple(sorted(causes, key=lambda c: (-len(c.numbers), c.numbers[0])))
