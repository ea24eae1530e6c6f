"""A trial under way: its curve so far, and whether it should stop early."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hpsearch.search_space import Value
from hpsearch.training.member import EpochReport, Member


@dataclass
class RunningTrial:
    """What the coordinator knows of a trial under way.

    `known` holds the metric of each epoch that the tick log has; a resumed trial catches up with it first,
    and nothing is decided again meanwhile.
    """

    member: Member
    values: dict[str, Value]
    known: list[float | None] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    best_value: float | None = None
    best_epoch: int | None = None
    patient_value: float | None = None
    waited: int = 0
    complete: bool = False

    @property
    def number(self) -> int:
        """Give the number of the trial."""
        return self.member.number

    @property
    def behind(self) -> bool:
        """Tell whether the trial has yet to reach what the tick log knows."""
        return len(self.epochs) < len(self.known)

    @property
    def seconds(self) -> float:
        """Sum the time that the trial's epochs took."""
        return sum(epoch["seconds"] for epoch in self.epochs)

    def hear(self, report: EpochReport) -> None:
        """Take in a report."""
        self.epochs.append({**report.metrics, "seconds": report.seconds})
        self.complete = report.last
        if report.failure is None:
            self._improve(report.metrics[self.member.metric], report.epoch)

    def _improve(self, value: float, epoch: int) -> None:
        early = self.member.configuration.training.early_stopping
        if self.member.improves(value, self.best_value):
            self.best_value, self.best_epoch = value, epoch
        if self.member.improves(value, self.patient_value, early.min_delta if early else 0.0):
            self.patient_value, self.waited = value, 0
        else:
            self.waited += 1

    @property
    def finished(self) -> bool:
        """Tell whether the trial has had all its epochs, or waited long enough for a better one."""
        early = self.member.configuration.training.early_stopping
        return self.complete or (early is not None and self.waited >= early.patience)

    def progress(self) -> dict[str, Any]:
        """Give what a checkpoint keeps beside the trainer's state."""
        return {"epochs": self.epochs}

    def restore(self, epochs: list[dict[str, float]]) -> None:
        """Go on behind the epochs of a checkpoint."""
        for index, epoch in enumerate(epochs):
            metrics = {name: value for name, value in epoch.items() if name != "seconds"}
            self.hear(EpochReport(self.number, index + 1, metrics, epoch["seconds"]))
