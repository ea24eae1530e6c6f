"""What is trained, and what training tells: members in, one report an epoch out.

Trainers know no store: whoever asks for an epoch hears the report, and decides whether the member goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from numpy.typing import NDArray

from hpsearch.spec import Configuration, read_configuration
from hpsearch.training.probes.record import LOSS, TrainingProbe

SplitName = int | Literal["whole"] | None
"""Which rows: the study's own split, a new one drawn from a seed, or everything but the test set."""


@dataclass(frozen=True)
class Member:
    """One configuration with one seed.

    `number` is its trial's, `metric` is what its best epoch is chosen by, `split` names its rows.
    """

    number: int
    configuration: Configuration
    seed: int
    metric: str = "val_loss"
    direction: Literal["minimize", "maximize"] = "minimize"
    split: SplitName = None

    def dump(self) -> dict[str, Any]:
        """Return the member as plain data, as it crosses to a worker."""
        return {**vars(self), "configuration": self.configuration.dump()}

    @classmethod
    def read(cls, raw: dict[str, Any]) -> Self:
        """Read what `dump` gave."""
        return cls(**{**raw, "configuration": read_configuration(raw["configuration"])})

    def improves(self, value: float, best: float | None, min_delta: float = 0.0) -> bool:
        """Return whether a value of the metric beats the best so far by more than `min_delta`."""
        if best is None:
            return True
        return best - value > min_delta if self.direction == "minimize" else value - best > min_delta


@dataclass(frozen=True)
class Failure:
    """Why a member cannot go on.

    `step` counts from 1 within the epoch, and `layer` is the first whose output was not finite in it, or
    `LOSS` where only what is computed from the last one was not, where they are known.
    """

    cause: str
    epoch: int
    step: int | None = None
    layer: str | None = None

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
    """One epoch of one member: its metrics by Keras' names, and the failure that ended it, if one did.

    `last` tells that the run has had all its steps, `probe` what was measured inside the network. `seconds`
    is the time that this member's epoch took; it is for people, and nothing is decided by it.
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
    """How a winner is trained on training and validation rows together: for so many epochs.

    `drops` says from which epoch on a factor multiplies the learning rate, as (epoch, factor): nothing is
    validated that a plateau could be seen by.
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
