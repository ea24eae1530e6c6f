"""One member that is trained: its networks, its epochs, its best weights."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Dataset, Split
from hpsearch.models.weights import Weights
from hpsearch.seeds import derive
from hpsearch.training.further_metrics import FurtherMetrics
from hpsearch.training.interface import EpochPlan, EpochResult, Network, Work, epoch_order
from hpsearch.training.messages import EpochReport, Failure, Member, MemberState
from hpsearch.training.probes.record import TrainingProbe
from hpsearch.training.schedules import Plateau, RunLength, learning_rates, scheduled_shares
from hpsearch.training.scorers import score, undefined


class Slot:
    """One member: its networks, one for each fold, and what is known of its run."""

    def __init__(self, member: Member, networks: list[Network], dataset: Dataset, length: RunLength) -> None:
        self.member, self.networks, self.dataset, self.length = member, networks, dataset, length
        self.probed: tuple[int, ...] = ()
        self.further: FurtherMetrics | None = None
        self.epoch = 0
        self.plans: list[EpochPlan] = []
        self.rates = np.zeros(1, np.float32)
        self.plateau = Plateau()
        self.best_value: float | None = None
        self.best_epoch = 0
        self.best: list[Any] = []

    def work(self) -> list[Work]:
        """Begin an epoch: say what each network has to do."""
        self.epoch += 1
        if self.epoch <= self.length.epochs:  # a network that decides its length may go on
            self.rates = self._rates()
        self.plans = [self._plan(fold) for fold in range(len(self.networks))]
        return list(zip(self.networks, self.plans, strict=True))

    def report(self, results: list[EpochResult], seconds: float) -> EpochReport:
        """End an epoch: measure it and remember the best."""
        metrics = self._mean([self._measured(fold, result) for fold, result in enumerate(results)])
        metrics.setdefault("learning_rate", float(self.rates[-1]))
        failure = self._failure(metrics, results)
        if failure is None:
            self._keep_best(metrics)
        probe = self._probe(results, failure)
        if failure is not None and probe is not None:
            failure = replace(failure, layer=probe.broken)
        told = [result.last for result in results if result.last is not None]
        last = any(told) if told else self.epoch >= self.length.epochs
        return EpochReport(self.member.number, self.epoch, metrics, seconds, failure, last, probe)

    def _probe(self, results: list[EpochResult], failure: Failure | None) -> TrainingProbe | None:
        """Probe what diverged, and else the first fold where it is time for that."""
        for network, plan, result in zip(self.networks, self.plans, results, strict=True):
            if result.bad_step is not None:
                return network.diagnose(plan, result.bad_step)
            if not math.isfinite(result.metrics["val_loss"]) and result.cause is None:
                return network.diagnose(plan, len(plan.rates) + 1)
        due = failure is None and self.epoch in self.probed
        return self.networks[0].measure(self.plans[0]) if due else None

    def _rates(self) -> NDArray[np.float32]:
        first = (self.epoch - 1) * self.length.steps_per_epoch
        count = self.length.steps_of(self.epoch)
        training = self.member.configuration.training_at(self.epoch)
        rates = learning_rates(training, self.length, first, count)
        return (rates * np.float32(self.plateau.factor)).astype(np.float32)

    def _plan(self, fold: int) -> EpochPlan:
        seed = derive(self.member.seed, "fold", fold) if fold else self.member.seed
        order = epoch_order(seed, self.epoch, len(self.dataset.splits[fold].train))
        shares = scheduled_shares(self.member.configuration.training, self.length, self.epoch)
        return EpochPlan(self.epoch, order, self.rates, derive(seed, "noise", self.epoch), shares)

    def _measured(self, fold: int, result: EpochResult) -> dict[str, float]:
        metric, metrics, split = self.member.metric, dict(result.metrics), self.dataset.splits[fold]
        if result.predictions is None:
            return metrics
        if not metric.startswith("val_"):
            metrics[metric] = self._scored(split, result.predictions)
        if self.further is not None:
            metrics |= self.further.of(split.validation.y, result.predictions)
        return metrics

    @staticmethod
    def _mean(folds: list[dict[str, float]]) -> dict[str, float]:
        if len(folds) == 1:
            return dict(folds[0])
        return {name: float(np.mean([fold[name] for fold in folds])) for name in folds[0]}

    def _failure(self, metrics: dict[str, float], results: list[EpochResult]) -> Failure | None:
        cause = next((result.cause for result in results if result.cause is not None), None)
        if cause is not None:
            return Failure(cause, self.epoch)
        bad = next((result.bad_step for result in results if result.bad_step is not None), None)
        if bad is not None:
            return Failure("the training loss is not finite", self.epoch, bad)
        if not math.isfinite(metrics["val_loss"]):
            return Failure("val_loss is not finite", self.epoch)
        if not math.isfinite(metrics[self.member.metric]):
            return Failure(self._undefined(results), self.epoch)
        return None

    def _undefined(self, results: list[EpochResult]) -> str:
        """Return why the metric is no number, though the network gives numbers: that is no divergence."""
        metric, told = self.member.metric, "its value is too large"
        for split, result in zip(self.dataset.splits, results, strict=True):
            if result.predictions is not None and not math.isfinite(self._scored(split, result.predictions)):
                told = undefined(metric, split.validation.y, result.predictions, self.dataset.labels)
        return (
            f"{metric} is undefined for what the network predicts ({told}): choose another metric, or a "
            "model whose predictions it takes"
        )

    def _scored(self, split: Split, predictions: NDArray[Any]) -> float:
        return score(self.member.metric, split.validation.y, predictions, self.dataset.labels)

    def _keep_best(self, metrics: dict[str, float]) -> None:
        member, value = self.member, metrics[self.member.metric]
        training = member.configuration.training_at(self.epoch + 1)
        self.plateau = self.plateau.after(training, metrics, member.metric, member.direction)
        if member.improves(value, self.best_value):
            self.best_value, self.best_epoch = value, self.epoch
            self.best = [network.weights() for network in self.networks]

    def best_weights(self, split: int) -> Weights | None:
        return self.networks[split].arrays_of(self.best[split]) if self.best else None

    def state(self) -> MemberState:
        arrays: dict[str, NDArray[Any]] = {}
        for fold, network in enumerate(self.networks):
            arrays |= {f"{fold}/now/{name}": value for name, value in network.state().items()}
            if self.best:
                best = network.arrays_of(self.best[fold])
                arrays |= {f"{fold}/best/{name}": value for name, value in best.items()}
        plateau = self.plateau
        progress = {
            "epoch": self.epoch,
            "best_value": self.best_value,
            "best_epoch": self.best_epoch,
            "plateau": [plateau.factor, plateau.best if self.epoch else None, plateau.wait, plateau.cooldown],
        }
        return MemberState(arrays, progress)

    def restore(self, state: MemberState) -> None:
        progress = state.progress
        self.epoch = progress["epoch"]
        self.best_value, self.best_epoch = progress["best_value"], progress["best_epoch"]
        factor, best, wait, cooldown = progress["plateau"]
        self.plateau = Plateau(factor, math.inf if best is None else best, wait, cooldown)
        for fold, network in enumerate(self.networks):
            network.restore(state.under(f"{fold}/now/"))
        if self.best_epoch:
            self.best = [
                network.hold(state.under(f"{fold}/best/")) for fold, network in enumerate(self.networks)
            ]
