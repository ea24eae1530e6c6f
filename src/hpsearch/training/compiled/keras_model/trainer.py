"""The trainer of any Keras model on JAX: members of one structure share what is compiled for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import jax
import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Dataset, Split
from hpsearch.models.components.objectives import RowMeasures
from hpsearch.models.sources.kinds import LAYERED, Sources
from hpsearch.models.sources.user_model import overridden
from hpsearch.training.compiled.keras_model.execution import CompiledModel, UntracedError
from hpsearch.training.compiled.keras_model.measures import Measures
from hpsearch.training.compiled.keras_model.programs import Programs
from hpsearch.training.fit.execution import Execution, FitExecution, OrderedBatches
from hpsearch.training.fit.network import FitNetwork
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.interface import EpochPlan

LOOPS = ("fit", "evaluate", "make_train_function", "make_test_function")
"""Methods of a model that run the loop over batches, which no compiled step goes through."""

Result = TypeVar("Result")


class KerasModelTrainer(FitTrainer):
    """Trains members as the fit trainer does, through functions that are compiled once for a structure.

    A model that JAX cannot trace is trained by `model.fit`, and a note says why, once.
    """

    def __init__(self, dataset: Dataset, *, sources: Sources = LAYERED) -> None:
        super().__init__(dataset, sources=sources)
        self.programs, self.measures = Programs(), Measures()
        # A split that no network trains on any more takes its copy on the device with it.
        self._data: WeakKeyDictionary[Split, Any] = WeakKeyDictionary()

    def run_by(self, network: FitNetwork) -> Execution:
        data = self._on_device(network.split)
        return CompiledExecution(network, self.programs, self.measures, data, self._note)

    def _on_device(self, split: Split) -> Any:
        if split not in self._data:
            self._data[split] = tuple(map(jax.device_put, split.train.arrays))
        return self._data[split]


class CompiledExecution(Execution):
    """Runs a network through compiled functions of its structure, each by `fit` where JAX cannot trace it.

    Numbers are fed in where the code allows that, and else are part of the structure. How each function runs
    depends on the model alone, so a member that goes on from a checkpoint has the same bits.
    """

    def __init__(
        self,
        network: FitNetwork,
        programs: Programs,
        measures: Measures,
        data: Any,
        note: Callable[[str], None],
    ) -> None:
        self.network, self.programs, self.measures = network, programs, measures
        self.data, self.note = data, note
        self.plain = FitExecution(network)
        self._models: dict[bool, CompiledModel] = {}
        self._ways: dict[str, tuple[bool, ...]] = {}
        self._reason = _own_loop(network)

    def fit(self, plan: EpochPlan) -> tuple[Any, int | None]:
        return self._run(
            "training",
            lambda model: model.fit(self.data, plan.order, plan.rates, self.network.batch_size, plan.shares),
            lambda: self.plain.fit(plan),
        )

    def predict(self, batches: OrderedBatches) -> NDArray[np.float32]:
        return self._run(
            "prediction",
            lambda model: model.predict([batches[index][0] for index in range(len(batches))]),
            lambda: self.plain.predict(batches),
        )

    def evaluate(self, batches: OrderedBatches) -> dict[str, float]:
        return self._run(
            "evaluation",
            lambda model: model.evaluate([batches[index] for index in range(len(batches))]),
            lambda: self.plain.evaluate(batches),
        )

    def measure(self, *rows: Any) -> RowMeasures:
        return self.measures.of(self.network.objective, rows)

    def _run(
        self, what: str, compiled: Callable[[CompiledModel], Result], plain: Callable[[], Result]
    ) -> Result:
        """Run in the first way that can be traced: with numbers fed in, with all of them held, by `fit`."""
        ways = self._ways.setdefault(what, () if self._reason else (True, False))
        reason = self._reason
        for fed in ways:
            try:
                result = compiled(self._model(fed=fed))
            except UntracedError as failure:
                reason = reason or str(failure)
                self._ways[what] = self._ways[what][1:]
            else:
                return result
        result = plain()
        if reason:
            self.note(f"{what} of the model runs by Keras' own fit, which compiles each trial anew: {reason}")
        return result

    def _model(self, *, fed: bool) -> CompiledModel:
        if fed not in self._models:
            network = self.network
            self._models[fed] = CompiledModel(
                network.trained, network.model, self.programs, *network.told(), fed=fed
            )
        return self._models[fed]


def _own_loop(network: FitNetwork) -> str | None:
    """Say why the loop over the batches is the model's own; None where it is Keras'."""
    model = network.trained
    own = overridden(model, LOOPS)
    if own:
        return f"{type(model).__name__} has a {own[0]} of its own"
    if model.run_eagerly or not model.jit_compile:
        return f"{type(model).__name__} is compiled to run eagerly"
    return None
