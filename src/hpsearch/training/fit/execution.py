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
        rate = self.rates[batch]
        if batch == 0 or rate != self.rates[batch - 1]:
            if keras.backend.backend() == "jax":
                self.model.jax_state_sync()
            self.model.optimizer.learning_rate.assign(rate)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.bad_step is None and not math.isfinite((logs or {}).get("loss", 0.0)):
            self.bad_step = batch + 1


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
    """What trains, predicts and evaluates the model of one network, whose variables hold its state."""

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
        size, rows = self.network.batch_size, self.network.split.train
        order = plan.order[: len(plan.rates) * size]
        steps = StepRates(plan.rates)
        if self.network.stream:
            fed: dict[str, Any] = {"x": OrderedBatches(rows, order, size)}
        else:
            x = rows.x[order].astype(np.float32, copy=False)
            fed = {"x": x, "y": rows.y[order], "batch_size": size}
            if rows.weights is not None:
                fed["sample_weight"] = rows.weights[order]
        with _multiplied(self.network.trained, plan.shares):
            told = self.network.trained.fit(**fed, epochs=1, shuffle=False, verbose=0, callbacks=[steps])
        return told, steps.bad_step

    def predict(self, batches: OrderedBatches) -> NDArray[np.float32]:
        return np.asarray(self.network.model.predict(batches, verbose=0))

    def evaluate(self, batches: OrderedBatches) -> dict[str, float]:
        return dict(self.network.trained.evaluate(batches, verbose=0, return_dict=True))

    def measure(self, *rows: Any) -> RowMeasures:
        return self.network.objective.of_rows(*rows)
