"""The winner on training and validation rows together: nothing is validated, so nothing stops it early."""

from __future__ import annotations

import math
from typing import Any

from hpsearch.data import Dataset
from hpsearch.models.weights import Weights
from hpsearch.spec import Training
from hpsearch.training.interface import EpochResult, Network
from hpsearch.training.messages import EpochReport, Failure, Member, RefitRun
from hpsearch.training.schedules import Plateau, RunLength, run_length
from hpsearch.training.slot import Slot
from hpsearch.training.trainer import Trainer


def refit_slot(trainer: Trainer, member: Member, dataset: Dataset, run: RefitRun) -> RefitSlot:
    """Set up the network of a winner for its refit.

    Args:
        trainer: The trainer of the study, whose data set the winner was found on.
        member: The winner.
        dataset: Training and validation rows together, without a validation set.
        run: For how many epochs, and where the learning rate drops.
    """
    network = trainer.network(member, dataset.splits[0])
    training = member.configuration.training
    length = refit_length(training, trainer.dataset.train_rows, dataset.train_rows)
    return RefitSlot(member, network, dataset, length, run)


def refit_length(training: Training, before: int, rows: int) -> RunLength:
    """Return the length of a run on other rows: as many epochs, with the steps that these take.

    A learning-rate schedule is then as far at the end of each epoch as it was on the original rows, also if
    the length of the run is given in steps.

    Args:
        training: The training section of the configuration.
        before: The number of rows that it was trained on.
        rows: The number of rows of the new run.
    """
    known, steps = run_length(training, before), math.ceil(rows / training.batch_size)
    return RunLength(steps, -(-known.steps * steps // known.steps_per_epoch))


class RefitSlot(Slot):
    """A winner that is trained for a known number of epochs; its last weights are what is wanted."""

    def __init__(
        self, member: Member, network: Network, dataset: Dataset, length: RunLength, run: RefitRun
    ) -> None:
        super().__init__(member, [network], dataset, length)
        self.run = run

    def work(self) -> list[tuple[Network, Any]]:
        self.plateau = Plateau(self.run.factor(self.epoch + 1))
        return super().work()

    def report(self, results: list[EpochResult], seconds: float) -> EpochReport:
        (result,) = results
        metrics = {name: value for name, value in result.metrics.items() if not name.startswith("val_")}
        last = self.epoch >= self.run.epochs
        return EpochReport(self.member.number, self.epoch, metrics, seconds, self._broken(result), last)

    def _broken(self, result: EpochResult) -> Failure | None:
        if result.cause is not None:
            return Failure(result.cause, self.epoch)
        if result.bad_step is not None:
            return Failure("the training loss is not finite", self.epoch, result.bad_step)
        return None

    def best_weights(self, split: int) -> Weights:
        network = self.networks[split]
        return network.arrays_of(network.weights())
