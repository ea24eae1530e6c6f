"""What trainers and their networks agree on: the plan of an epoch, what it gave, and the network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.models.weights import Weights
from hpsearch.seeds import derive
from hpsearch.training.probes.record import TrainingProbe

Order = NDArray[np.int32]


def epoch_order(seed: int, epoch: int, rows: int) -> Order:
    """Shuffle the rows of an epoch, identically for every trainer and backend.

    Args:
        seed: The seed of the member, or of its fold.
        epoch: The epoch, from 1.
        rows: The number of training rows.

    Returns:
        (rows,) int32, a permutation of the rows.
    """
    return np.random.default_rng(derive(seed, "order", epoch)).permutation(rows).astype(np.int32)


@dataclass(frozen=True)
class EpochPlan:
    """The inputs of one epoch of one network.

    Attributes:
        epoch: Its number, from 1.
        order: (rows,) the training rows in the order of this epoch.
        rates: (steps,) the learning rate of each step.
        seed: The seed of dropout and other noise.
        shares: By how much rates of dropout and the weight decay are multiplied, where they have schedules.
    """

    epoch: int
    order: Order
    rates: NDArray[np.float32]
    seed: int
    shares: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class EpochResult:
    """The outputs of one epoch of one network.

    Attributes:
        metrics: By Keras' names.
        predictions: (rows, units) for the validation rows; None if the metric does not need them.
        bad_step: The first step, from 1, with a non-finite loss.
        cause: Why the network cannot be trained further.
        last: Whether it was the last epoch, where the network decides that.
    """

    metrics: dict[str, float]
    predictions: NDArray[Any] | None
    bad_step: int | None = None
    cause: str | None = None
    last: bool | None = None


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
        """Repeat the last epoch up to its first bad step, and probe the network before that step.

        Args:
            plan: The plan of the epoch.
            step: The first step, from 1, with a non-finite loss. One more than the epoch has stands for the
                validation.

        Returns:
            The probe, which also names the first layer whose output was not finite; None if the network
            cannot be probed.
        """

    @abstractmethod
    def weights(self) -> Any:
        """Hold the present weights; cheap, in the trainer's own form."""

    @abstractmethod
    def predictions_by(self, weights: Weights) -> NDArray[Any]:
        """Return the predictions (rows, units) for the validation rows with the weights of an epoch.

        The network is not to be trained on afterwards.
        """

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
