"""What is trained, and what training tells: members in, one report an epoch out.

Trainers know no store: whoever asks for an epoch hears the report, and decides whether the member goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from numpy.typing import NDArray

from hpsearch.spec import Configuration, read_configuration
from hpsearch.spec.sections.objectives import Direction
from hpsearch.training.probes.record import LOSS, TrainingProbe

SplitName = int | Literal["whole"] | None
"""Which rows: the study's own split, a new one drawn from a seed, or everything but the test set."""


@dataclass(frozen=True)
class Member:
    """One configuration with one seed.

    Attributes:
        number: The number of its trial.
        configuration: What is trained.
        seed: The seed of its weights, its order of rows and its noise.
        metric: What its best epoch is chosen by.
        direction: Of the metric.
        split: The rows that it is trained on.
    """

    number: int
    configuration: Configuration
    seed: int
    metric: str = "val_loss"
    direction: Direction = "minimize"
    split: SplitName = None

    def dump(self) -> dict[str, Any]:
        """Return the member as plain data, as it crosses to a worker."""
        return {**vars(self), "configuration": self.configuration.dump()}

    @classmethod
    def read(cls, raw: dict[str, Any]) -> Self:
        """Read what `dump` gave."""
        return cls(**{**raw, "configuration": read_configuration(raw["configuration"])})

    def improves(self, value: float, best: float | None) -> bool:
        """Return whether a value of the metric is better than the best so far.

        Args:
            value: The value of an epoch.
            best: The best value before; None before there was one.
        """
        if best is None:
            return True
        return value < best if self.direction == "minimize" else value > best


@dataclass(frozen=True)
class Failure:
    """Why a member cannot be trained further.

    Attributes:
        cause: The reason, as a sentence without its end.
        epoch: The epoch, from 1; 0 before the first.
        step: The step within the epoch, from 1, if it is known.
        layer: The first layer whose output was not finite in that step; `LOSS` if only the loss was not
            finite.
        violations: By how much it violates constraints, where that is why it is not trained.
    """

    cause: str
    epoch: int
    step: int | None = None
    layer: str | None = None
    violations: dict[str, float] | None = None

    @property
    def told(self) -> str:
        """Say why, and where it struck."""
        if not self.epoch:
            return self.cause
        step = "" if self.step is None else f", step {self.step}"
        layer = "" if self.layer is None else f", first in {self._named(self.layer)}"
        return f"{self.cause} (epoch {self.epoch}{step}{layer})"

    @staticmethod
    def _named(layer: str) -> str:
        return "the loss" if layer == LOSS else f"layer {layer}"


@dataclass(frozen=True)
class EpochReport:
    """One epoch of one member.

    Attributes:
        number: The number of its trial.
        epoch: The epoch, from 1.
        metrics: By Keras' names.
        seconds: The time that this member's epoch took; it is shown, and no decision depends on it.
        failure: What ended the training, if something did.
        last: Whether the run has had all its steps.
        probe: What was measured inside the network.
    """

    number: int
    epoch: int
    metrics: Mapping[str, float]
    seconds: float
    failure: Failure | None = None
    last: bool = False
    probe: TrainingProbe | None = None


@dataclass(frozen=True)
class RefitRun:
    """How a winner is trained on training and validation rows together.

    Attributes:
        epochs: How many epochs.
        drops: (epoch, factor): from that epoch on the factor multiplies the learning rate. It stands in for
            reduce_on_plateau, which needs a validation set.
    """

    epochs: int
    drops: tuple[tuple[int, float], ...] = ()

    def factor(self, epoch: int) -> float:
        """Return the factor of an epoch, from 1."""
        return next((factor for first, factor in reversed(self.drops) if epoch >= first), 1.0)


@dataclass(frozen=True)
class MemberState:
    """Everything that a member needs to go on where it was: arrays, and plain numbers beside them."""

    arrays: dict[str, NDArray[Any]]
    progress: dict[str, Any]

    def under(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Return the arrays whose names begin with a prefix, without it."""
        found = {name: value for name, value in self.arrays.items() if name.startswith(prefix)}
        return {name.removeprefix(prefix): value for name, value in found.items()}

    @property
    def best_weights(self) -> dict[str, NDArray[Any]]:
        """Return the weights of the best epoch on the first split; empty before there was one."""
        return self.under("0/best/")

    @property
    def bytes(self) -> int:
        """Count the bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays.values())
