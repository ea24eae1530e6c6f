"""A trial under way: its curve so far, and whether it should stop early."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isclose
from typing import Any, Literal

from hpsearch.spec.space.parameter import Value
from hpsearch.store.events import Reported
from hpsearch.store.identity import digest
from hpsearch.store.record import finite
from hpsearch.training.messages import EpochReport, Member

CaughtUp = Literal["equal", "rounded", "contradictory"]
"""How what is trained again agrees with what the tick log knows."""

LOSSES = ("loss", "val_loss")
"""Metrics that a rounding changes by as little; one row that falls on the other side changes an accuracy."""

ROUNDING = 1e-3
"""The relative difference of a loss that another machine or library may make since a checkpoint."""


@dataclass
class RunningTrial:
    """What the coordinator knows of a trial that is being trained.

    A trial that resumes from a checkpoint, or from its beginning, first repeats the epochs that were
    reported, and nothing is decided again meanwhile.

    Attributes:
        member: What is trained.
        values: The values of its parameters.
        epochs: The metrics of each epoch that was reported, and its `seconds`.
        trained: How many epochs the trainer's state has behind it.
        best_value: The best value of the metric so far.
        best_epoch: Its epoch, from 1.
        patient_value: The value from which early stopping counts.
        waited: The epochs since then.
        lost: How many workers died while they trained it.
        alone: Whether it has to train its next epoch alone, to show whether it was the cause.
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
        """Return the number of the trial."""
        return self.member.number

    @property
    def stamp(self) -> dict[str, Any]:
        """Return what its checkpoints say of themselves, but the epoch."""
        return {"seed": self.member.seed, "of": digest(self.values)}

    @property
    def behind(self) -> bool:
        """Return whether the trainer has yet to reach what was reported."""
        return self.trained < len(self.epochs)

    def curve(self, name: str) -> tuple[float | None, ...]:
        """Return a metric of each epoch so far."""
        return tuple(epoch.get(name) for epoch in self.epochs)

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

    def catch_up(self, report: EpochReport) -> CaughtUp:
        """Take in a report that was heard before, and tell whether it says the same."""
        before = self.epochs[self.trained]
        self.trained += 1
        told = {name: _plain(value) for name, value in report.metrics.items()}
        known = {name: _plain(value) for name, value in before.items()}
        differing = [name for name, value in told.items() if known.get(name, value) != value]
        if not differing:
            return "equal"
        losses = [name for name in differing if name in LOSSES]
        return "rounded" if all(_nearly(known[name], told[name]) for name in losses) else "contradictory"

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
        """Return whether the trial has waited long enough for a better epoch."""
        early = self.member.configuration.training.early_stopping
        return early is not None and self.waited >= early.patience

    def lose(self) -> None:
        """Note that a worker was lost with this trial."""
        self.lost += 1
        self.alone = True
        self.trained = 0


def _plain(value: float | None) -> float | None:
    """Return a number as the tick log holds it."""
    return None if value is None else finite(value)


def _nearly(known: float | None, told: float | None) -> bool:
    return known is not None and told is not None and isclose(known, told, rel_tol=ROUNDING, abs_tol=1e-6)
