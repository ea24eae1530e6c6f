"""The trainer that all trainers are: members take slots, and advance together epoch by epoch."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from hpsearch.data import Dataset, Split
from hpsearch.models.components.objectives import Objective
from hpsearch.models.sources.kinds import LAYERED, Sources
from hpsearch.models.weights import Weights
from hpsearch.spec import Configuration
from hpsearch.training.further_metrics import FurtherMetrics
from hpsearch.training.interface import EpochResult, Network, Work
from hpsearch.training.messages import EpochReport, Member, MemberState
from hpsearch.training.probes.due import probed_epochs
from hpsearch.training.schedules import run_length
from hpsearch.training.slot import Slot


class Trainer(ABC):
    """Trains members, one epoch at a time.

    The folds of a member advance together, and their metrics are averaged. With `probes`, the reports of a
    few epochs have a probe of the network of the first fold. `further` are the metrics that are
    recorded beside the study's own. With `predicts` the predictions of members for the validation rows are
    asked for after they have ended.
    """

    def __init__(self, dataset: Dataset, *, probes: bool = False) -> None:
        self.dataset, self.probes = dataset, probes
        self.objective = Objective(dataset.task, dataset.outputs)
        self.sources: Sources = LAYERED
        self.further: FurtherMetrics | None = None
        self.predicts = False
        self._slots: dict[int, Slot] = {}

    def objective_of(self, configuration: Configuration, split: Split) -> Objective:
        """Return the loss and the metric of a configuration on a split."""
        return self.sources.objective(configuration, self.dataset).of(split.target_scaling)

    @abstractmethod
    def network(self, member: Member, split: Split) -> Network:
        """Set up the network of a member on one split, with its initial weights."""

    def start(self, member: Member, state: MemberState | None = None, dataset: Dataset | None = None) -> None:
        """Start to train a member, or resume it.

        Args:
            member: The configuration and its seed.
            state: Where to resume; by default the member begins.
            dataset: The rows to train it on; by default those of the trainer.
        """
        dataset = dataset or self.dataset
        networks = [self.network(member, split) for split in dataset.splits]
        length = run_length(member.configuration.training, dataset.train_rows)
        slot = Slot(member, networks, dataset, length)
        slot.probed = probed_epochs(length) if self.probes else ()
        slot.further = self.further
        self.take(slot, state)

    def take(self, slot: Slot, state: MemberState | None = None) -> None:
        """Add a slot, at its beginning or restored to a state."""
        if state is not None:
            slot.restore(state)
        self._slots[slot.member.number] = slot

    def advance(self, number: int) -> EpochReport:
        """Train one member for one epoch."""
        return self.advance_all((number,))[0]

    def advance_all(self, numbers: Sequence[int]) -> tuple[EpochReport, ...]:
        """Train several members for one epoch each, side by side if the trainer can.

        Returns:
            Their reports, in the order of `numbers`. Each has the same share of the time that all took
            together.
        """
        slots = [self._slots[number] for number in numbers]
        begun = time.perf_counter()
        work = [slot.work() for slot in slots]
        results = iter(self.train([part for parts in work for part in parts]))
        heard = [[next(results) for _ in parts] for parts in work]
        seconds = (time.perf_counter() - begun) / max(len(slots), 1)
        return tuple(slot.report(own, seconds) for slot, own in zip(slots, heard, strict=True))

    def train(self, work: Sequence[Work]) -> list[EpochResult]:
        """Train networks for one epoch each; one after another, unless the trainer knows better."""
        return [network.train(plan) for network, plan in work]

    def state(self, number: int) -> MemberState:
        """Return everything that a member needs to go on later."""
        return self._slots[number].state()

    def weights(self, number: int, split: int = 0) -> Weights:
        """Return the present weights of a member on one split."""
        network = self._slots[number].networks[split]
        return network.arrays_of(network.weights())

    def best_weights(self, number: int, split: int = 0) -> Weights | None:
        """Return the weights of a member's best epoch on one split; None before it had one."""
        return self._slots[number].best_weights(split)

    def predictions_by(self, member: Member, weights: Weights, split: Split) -> NDArray[Any]:
        """Return a member's predictions (rows, units) for a validation part with given weights."""
        return self.network(member, split).predictions_by(weights)

    def has(self, number: int) -> bool:
        """Return whether a member is under way here."""
        return number in self._slots

    def stop(self, number: int) -> None:
        """Drop a member; one that is not being trained is ignored."""
        self._slots.pop(number, None)

    def new_notes(self) -> tuple[str, ...]:
        """Return what a person should know of how members are trained, each note once."""
        return () if self.further is None else self.further.new_notes()

    def close(self) -> None:
        """Release what the trainer holds."""
        self._slots.clear()
