"""A trial under way: its curve so far, and whether it should stop early."""

from __future__ import annotations

from dataclasses import dataclass, field

from hpsearch.search_space import Value
from hpsearch.store.events import Reported
from hpsearch.training.member import EpochReport, Member


@dataclass
class RunningTrial:
    """What the coordinator knows of a trial under way.

    `epochs` holds the metrics of each epoch that was reported, and its `seconds`; `trained` counts those that
    the trainer's state has behind it. A trial that goes on from a checkpoint, or from its beginning, catches
    up with its reports first, and nothing is decided again meanwhile. One that a worker was `lost` with has
    to report its next epoch `alone`, to show whether it was the cause.
    """

    member: Member
    values: dict[str, Value]
    epochs: list[dict[str, float | None]] = field(default_factory=list)
    trained: int = 0
    best_value: float | None = None
    best_epoch: int | None = None
    patient_value: float | None = None
    waited: int = 0
    lost: int = 0
    alone: bool = False

    @property
    def number(self) -> int:
        """Give the number of the trial."""
        return self.member.number

    @property
    def behind(self) -> bool:
        """Tell whether the trainer has yet to reach what was reported."""
        return self.trained < len(self.epochs)

    @property
    def seconds(self) -> float:
        """Sum the time that the trial's epochs took."""
        return sum(epoch["seconds"] or 0.0 for epoch in self.epochs)

    def apply(self, event: Reported) -> None:
        """Take in an epoch, as it was reported or as the log has it."""
        self.alone = False
        if event.metrics:
            self.epochs.append({**event.metrics, "seconds": event.seconds})
        if event.value is not None:
            self._improve(event.value, event.epoch)

    def catch_up(self, report: EpochReport) -> bool:
        """Take in a report that was heard before, and tell whether it says the same."""
        known = self.epochs[self.trained]
        self.trained += 1
        return known[self.member.metric] == report.metrics.get(self.member.metric)

    def _improve(self, value: float, epoch: int) -> None:
        early = self.member.configuration.training.early_stopping
        if self.member.improves(value, self.best_value):
            self.best_value, self.best_epoch = value, epoch
        if self.member.improves(value, self.patient_value, early.min_delta if early else 0.0):
            self.patient_value, self.waited = value, 0
        else:
            self.waited += 1

    @property
    def stops_early(self) -> bool:
        """Tell whether the trial has waited long enough for a better epoch."""
        early = self.member.configuration.training.early_stopping
        return early is not None and self.waited >= early.patience

    def lose(self) -> None:
        """Note that a worker was lost with this trial."""
        self.lost += 1
        self.alone = True
        self.trained = 0
