"""How a network's epochs and predictions run: by Keras' own `fit`, `predict` and `evaluate`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Rows
from hpsearch.data.stream import Stream, seed_generators
from hpsearch.models.components.objectives import RowMeasures
from hpsearch.training.interface import EpochPlan, Order

if TYPE_CHECKING:
    from hpsearch.training.fit.network import FitNetwork


DROPOUT_RATES = ("rate", "dropout", "recurrent_dropout", "_dropout")
"""The attributes in which Keras' layers have rates."""


class StepRates(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Set the learning rate of each step, and note the first step whose loss is not finite."""

    def __init__(self, rates: NDArray[np.float32]) -> None:
        super().__init__()
        self.rates = rates
        self.bad_step: int | None = None

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras calls it
        # A stream may give more batches than it said.
        rate = self.rates[min(batch, len(self.rates) - 1)]
        if batch == 0 or rate != self.rates[min(batch, len(self.rates)) - 1]:
            if keras.backend.backend() == "jax":
                self.model.jax_state_sync()
            self.model.optimizer.learning_rate.assign(rate)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.bad_step is None and not math.isfinite((logs or {}).get("loss", 0.0)):
            self.bad_step = batch + 1


class SeededSteps(StepRates):
    """Seeds the generators that others draw from when an epoch begins: `fit` may read a batch before."""

    def __init__(self, rates: NDArray[np.float32], seed: int) -> None:
        super().__init__(rates)
        self.seed = seed

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras calls it
        seed_generators(self.seed)


class OrderedBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Rows in an order, gathered batch by batch, with their weights where they have some."""

    def __init__(self, rows: Rows, order: Order, size: int) -> None:
        super().__init__()
        self.rows, self.order, self.size = rows, order, size

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.size)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], ...]:
        chosen = self.order[index * self.size : (index + 1) * self.size]
        x, *others = (part[chosen] for part in self.rows.arrays)
        return x.astype(np.float32, copy=False), *others


@contextmanager
def _multiplied(model: keras.Model, shares: Mapping[str, float]) -> Iterator[None]:
    """Have `fit` train with the numbers of a schedule, which it traces anew."""
    if not shares:
        yield
        return
    sites = [
        (vars(layer), name, shares.get("dropout", 1.0))
        for layer in model._flatten_layers()  # noqa: SLF001 - nested layers too
        for name in DROPOUT_RATES
        if isinstance(vars(layer).get(name), float)
    ]
    if isinstance(model.optimizer.weight_decay, float):
        sites.append((vars(model.optimizer), "weight_decay", shares.get("weight_decay", 1.0)))
    kept = [held[name] for held, name, _ in sites]
    try:
        for held, name, share in sites:
            held[name] *= share
        model.make_train_function(force=True)
        yield
    finally:
        for (held, name, _), value in zip(sites, kept, strict=True):
            held[name] = value


class Execution(ABC):
    """What trains, predicts and evaluates the model of one network, whose variables hold its state.

    Where `rows_at_hand` is false, the training rows of the split are not those that it trains on.
    """

    rows_at_hand = True

    @abstractmethod
    def fit(self, plan: EpochPlan) -> tuple[Any, int | None]:
        """Train the rows of a plan; return what `fit` gives, and the first step whose loss is not finite."""

    @abstractmethod
    def predict(self, batches: OrderedBatches) -> NDArray[np.float32]:
        """Return the logits of rows."""

    @abstractmethod
    def evaluate(self, batches: OrderedBatches) -> dict[str, float]:
        """Return the losses and metrics of rows, as Keras evaluates them."""

    @abstractmethod
    def measure(self, *rows: Any) -> RowMeasures:
        """Measure rows by the objective: tensors of targets, of logits, of weights where they have some."""


class FitExecution(Execution):
    """Keras' own methods, which trace and compile a model for itself."""

    def __init__(self, network: FitNetwork) -> None:
        self.network = network

    def fit(self, plan: EpochPlan) -> tuple[Any, int | None]:
        steps, fed = self._steps(plan), self._fed(plan)
        with _multiplied(self.network.trained, plan.shares):
            told = self.network.trained.fit(**fed, epochs=1, shuffle=False, verbose=0, callbacks=[steps])
        return told, steps.bad_step

    def _steps(self, plan: EpochPlan) -> StepRates:
        return StepRates(plan.rates)

    def _fed(self, plan: EpochPlan) -> dict[str, Any]:
        """Return the rows of an epoch as `fit` takes them."""
        size, rows = self.network.batch_size, self.network.split.train
        order = plan.order[: len(plan.rates) * size]
        if self.network.stream:
            return {"x": OrderedBatches(rows, order, size)}
        x = rows.x[order].astype(np.float32, copy=False)
        weighted = {} if rows.weights is None else {"sample_weight": rows.weights[order]}
        return {"x": x, "y": rows.y[order], "batch_size": size, **weighted}

    def predict(self, batches: OrderedBatches) -> NDArray[np.float32]:
        return np.asarray(self.network.model.predict(batches, verbose=0))

    def evaluate(self, batches: OrderedBatches) -> dict[str, float]:
        return dict(self.network.trained.evaluate(batches, verbose=0, return_dict=True))

    def measure(self, *rows: Any) -> RowMeasures:
        return self.network.objective.of_rows(*rows)


class StreamExecution(FitExecution):
    """Keras' own methods on the batches of a stream, in the order in which it gives them."""

    rows_at_hand = False

    def __init__(self, network: FitNetwork, stream: Stream) -> None:
        super().__init__(network)
        self.given = stream

    def _steps(self, plan: EpochPlan) -> StepRates:
        return SeededSteps(plan.rates, plan.seed)

    def _fed(self, plan: EpochPlan) -> dict[str, Any]:
        steps = len(plan.rates)
        return {"x": self.given.batches, "steps_per_epoch": steps if steps < self.given.steps else None}
