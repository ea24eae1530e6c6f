"""What trainers and their networks agree on: the plan of an epoch, what it gave, and the network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.models.weights import Weights
from hpsearch.seeds import derive
from hpsearch.training.probes.record import TrainingProbe

Order = NDArray[np.int32]


def epoch_order(seed: int, epoch: int, rows: int) -> Order:
    """Shuffle the rows of an epoch, the same for every trainer and backend."""
    return np.random.default_rng(derive(seed, "order", epoch)).permutation(rows).astype(np.int32)


@dataclass(frozen=True)
class EpochPlan:
    """What one epoch of one network needs: rows in order, learning rates, steps, and a seed for dropout.

    `order` has all rows of the training set (rows,); `rates` one learning rate for each step (steps,).
    """

    epoch: int
    order: Order
    rates: NDArray[np.float32]
    seed: int


@dataclass(frozen=True)
class EpochResult:
    """What one epoch of one network gave.

    `bad_step` is the first step (from 1) with a non-finite loss; `cause` says why the network cannot go on.
    """

    metrics: dict[str, float]
    predictions: NDArray[Any] | None
    bad_step: int | None = None
    cause: str | None = None


class Network(ABC):
    """One network on one split of the data, being trained."""

    @abstractmethod
    def train(self, plan: EpochPlan) -> EpochResult:
        """Train one epoch and validate."""

    @abstractmethod
    def measure(self, plan: EpochPlan) -> TrainingProbe | None:
        """Probe the network as it is after an epoch, on a batch of its rows; None where it cannot be."""

    @abstractmethod
    def diagnose(self, plan: EpochPlan, step: int) -> TrainingProbe | None:
        """Train the last epoch once more up to its first bad step, from 1, and probe the step before.

        Tells too in which layer the bad step broke; one more than the epoch has stands for what came after
        it. None where the network cannot be probed.
        """

    @abstractmethod
    def weights(self) -> Any:
        """Hold the present weights; cheap, in the trainer's own form."""

    @abstractmethod
    def arrays_of(self, weights: Any) -> Weights:
        """Turn held weights into named arrays."""

    @abstractmethod
    def state(self) -> dict[str, NDArray[Any]]:
        """Return everything that training changes, as named arrays."""

    @abstractmethod
    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` gave."""

    @abstractmethod
    def hold(self, weights: Weights) -> Any:
        """Turn named arrays into held weights."""


Work = tuple[Network, EpochPlan]
