"""A trial under way: its curve so far, and whether it should stop early."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isclose, isnan
from typing import Any, Literal

from hpsearch.spec import EarlyStopping
from hpsearch.spec.sections.objectives import Direction
from hpsearch.spec.space.parameter import Value
from hpsearch.store.events import Ended, Origin, Pruning, Reported, State
from hpsearch.store.identity import digest
from hpsearch.store.record import finite
from hpsearch.training.messages import EpochReport, Member

CaughtUp = Literal["equal", "rounded", "contradictory"]
"""How what is trained again agrees with what the tick log knows."""

LOSSES = ("loss", "val_loss")
"""Metrics that a rounding changes by as little; one row that falls on the other side changes an accuracy."""

ROUNDING = 1e-3
"""The relative difference of a loss that another machine or library may make since a checkpoint."""


@dataclass(frozen=True)
class Patience:
    """The state of early stopping, which follows Keras' EarlyStopping.

    Attributes:
        best: The best value, in the sense of "smaller is better".
        waited: Epochs since the last improvement that counts.
        exhausted: Whether the run ends here.
    """

    best: float | None = None
    waited: int = 0
    exhausted: bool = False

    def after(self, early: EarlyStopping, epoch: int, seen: float, direction: Direction) -> Patience:
        """Return the state after an epoch.

        Args:
            early: What the study file says.
            epoch: The epoch, from 1.
            seen: The metric, turned so that smaller is better; NaN is no improvement.
            direction: The direction of the metric of the study.
        """
        if epoch <= early.start_from_epoch:
            return self
        improved = self.best - seen > early.min_delta if self.best is not None else not isnan(seen)
        if not improved:
            return Patience(self.best, self.waited + 1, self.waited + 1 >= early.patience)
        if early.baseline is None or early.turned(early.baseline, direction) - seen > early.min_delta:
            return Patience(seen)
        return Patience(seen, self.waited + 1)


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
        origin: Where its values come from, as in `Asked`.
    """

    member: Member
    values: dict[str, Value]
    epochs: list[dict[str, float | None]] = field(default_factory=list)
    trained: int = 0
    best_value: float | None = None
    best_epoch: int | None = None
    patience: Patience = Patience()
    lost: int = 0
    alone: bool = False
    origin: Origin | None = None

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
            self._improve(event.value, event)

    def reported(self, report: EpochReport) -> Reported:
        """Make the event of an epoch's report."""
        return Reported(
            number=self.number,
            epoch=report.epoch,
            value=report.metrics[self.member.metric] if report.failure is None else None,
            metrics={name: finite(number) for name, number in report.metrics.items()},
            seconds=round(report.seconds, 6),
            probe=None if report.probe is None else report.probe.dump(),
        )

    def ended(
        self, state: State, cause: str | None, pruning: Pruning | None, violations: dict[str, float] | None
    ) -> Ended:
        """Make the event of the trial's end."""
        best = self.best_value if state in ("complete", "pruned") else None
        value = None if best is None else finite(best)
        best_epoch = None if value is None else self.best_epoch
        told = (len(self.epochs), best_epoch, round(self.seconds, 3), cause, pruning, violations)
        return Ended(self.number, state, value, *told)

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

    def _improve(self, value: float, event: Reported) -> None:
        member = self.member
        if member.improves(value, self.best_value):
            self.best_value, self.best_epoch = value, event.epoch
        early = member.configuration.training.early_stopping
        if early is not None:
            seen = early.seen_in(event.metrics, member.metric, member.direction)
            self.patience = self.patience.after(early, event.epoch, seen, member.direction)

    @property
    def stops_early(self) -> bool:
        """Return whether the trial has waited long enough for a better epoch."""
        return self.patience.exhausted

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
