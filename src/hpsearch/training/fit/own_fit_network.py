"""Networks that a hypermodel trains by a `fit` of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.models.sources.keras_tuner import KerasTunerSource
from hpsearch.models.weights import Weights, put_weights, weights_of
from hpsearch.seeds import derive
from hpsearch.spec import KerasTunerModel
from hpsearch.training.fit.execution import FitExecution
from hpsearch.training.fit.network import FitNetwork
from hpsearch.training.fit.python_network import PythonNetwork
from hpsearch.training.interface import EpochPlan, EpochResult

KERAS_BATCH = 32
"""The batch size of Keras' `fit`: a `fit` that has one of its own is given none beside it."""

DONE = "done"


@dataclass(frozen=True)
class Epoch:
    """What an epoch gave, and the weights at its end."""

    result: EpochResult
    weights: Weights


class AtEpochEnd(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Calls a function at the end of each epoch, also where a loop of the user's own calls its callbacks."""

    def __init__(self, call: Callable[[], None]) -> None:
        super().__init__()
        self.call = call

    def __deepcopy__(self, memo: Any) -> AtEpochEnd:
        return self

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras calls it
        self.call()


class OwnFitNetwork(PythonNetwork):
    """A network of a hypermodel with a `fit`, which trains all epochs in one call and decides how many.

    Each epoch is measured when its callbacks are called; a `fit` that calls none has one epoch. What it
    returns says nothing that is not measured. A member that goes on is trained from its beginning.
    """

    functions: KerasTunerSource

    def _compile(self) -> None:
        self.own_optimizer, self.own_loss = None, False
        self.execution = FitExecution(self)
        self._epochs: list[Epoch] = []
        self._done = 0

    @property
    def notes(self) -> tuple[str, ...]:
        told = "the hypermodel trains by its own fit, which is given the epochs and the batch_size alone"
        return (told,)

    def _train(self, plan: EpochPlan) -> EpochResult:
        del plan  # the loop is not ours
        if not self._epochs:
            self._fit()
        epoch = self._epochs[self._done]
        self._done += 1
        put_weights(self.model, epoch.weights)
        return replace(epoch.result, last=self._done == len(self._epochs))

    def _fit(self) -> None:
        """Train all epochs."""
        training, split = self.member.configuration.training, self.split
        given: dict[str, Any] = {"callbacks": [AtEpochEnd(self._measure_epoch)]}
        if len(split.validation):
            given["validation_data"] = _fed(split.validation)
        if split.train.weights is not None:
            given["sample_weight"] = split.train.weights
        if (training.epochs or 1) > 1:
            given["epochs"] = training.epochs
        if training.batch_size != KERAS_BATCH:
            given["batch_size"] = training.batch_size
        model = cast("KerasTunerModel", self.python)
        # Not the seed of an epoch: a member that goes on trains its first epochs once more.
        self._seed_noise(derive(self.member.seed, "fit"))
        self.functions.fit(model, self.user_model.model, *_fed(split.train)[:2], **given)
        if not self._epochs:
            self._measure_epoch()

    def _measure_epoch(self) -> None:
        metrics = self._of_training_rows({})
        validation, predictions = self._validate(self.split.validation, metrics)
        optimizer = getattr(self.user_model.model, "optimizer", None)
        if optimizer is not None:
            metrics["learning_rate"] = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
        found = EpochResult(metrics | validation, predictions)
        self._epochs.append(Epoch(found, weights_of(self.model)))

    def state(self) -> dict[str, NDArray[Any]]:
        return {DONE: np.array(self._done)}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._done = int(arrays[DONE])


def _fed(rows: Any) -> tuple[Any, ...]:
    x, *others = rows.arrays
    return x.astype(np.float32, copy=False), *others


def tuned_network(member: Any, split: Any, objective: Any, source: Any, **options: Any) -> FitNetwork:
    """Make a network of a function of Keras Tuner, or of a hypermodel that may train by itself."""
    own = source.has_fit(member.configuration.model)
    kind = OwnFitNetwork if own else PythonNetwork
    return kind(member, split, objective, source, **options)
