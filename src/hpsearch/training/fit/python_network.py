"""Networks that the user's own function builds, trained by `fit` like any other."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any, cast

import keras
import numpy as np
from keras.src.backend.common.global_state import set_global_attribute
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR, global_seed_generator
from numpy.typing import NDArray

from hpsearch.data import Split
from hpsearch.exceptions import ModelError
from hpsearch.models.components.objectives import Objective
from hpsearch.models.components.precision import as_float32
from hpsearch.models.sources.python import PythonSource
from hpsearch.spec import OwnModel
from hpsearch.training.fit.execution import FitExecution
from hpsearch.training.fit.nested_network import NestedNetwork
from hpsearch.training.fit.network import RunBy, mean_of
from hpsearch.training.fit.own_optimizer import OwnOptimizer
from hpsearch.training.interface import EpochPlan, EpochResult
from hpsearch.training.messages import Member

SMALLEST = 1e-30
"""The smallest probability that is distinguished from 0."""


class PythonNetwork(NestedNetwork):
    """A network whose layers are the user's own: what they raise is a result, and they are not reseeded.

    Their random states go on from epoch to epoch, as in `fit`, and are part of the network's state.
    """

    def __init__(
        self,
        member: Member,
        split: Split,
        objective: Objective,
        source: PythonSource,
        *,
        stream: bool = False,
        run_by: RunBy = FitExecution,
    ) -> None:
        # The table of networks names this one for such models only.
        self.python = cast("OwnModel", member.configuration.model)
        self.functions = source
        with source.blamed(self.python):
            super().__init__(member, split, objective, source, stream=stream, run_by=run_by)

    def _model(self, features: tuple[int, ...]) -> keras.Model:
        self.user_model = self.functions.build(self.python, features, self.objective, self.member.seed)
        self.unseeded = global_seed_generator()
        inputs = keras.Input(features, name="rows")
        return keras.Model(inputs, as_float32(self.user_model.connect(inputs)))

    @property
    def trained(self) -> keras.Model:
        """The user's model itself where it trains by methods or a loss of its own."""
        return self.user_model.model if self.user_model.own else self.model

    def told(self) -> tuple[Any, ...]:
        ending = self.user_model.output_activation
        return *super().told(), self.user_model.own, ending.activation, ending.layer is None

    def _compile_with(self, optimizer: Any, **arguments: Any) -> None:
        self.own_optimizer: OwnOptimizer | None = None
        model = self.user_model.model
        self.own_loss = bool(model.compiled) and model.loss is not None
        if self.user_model.own:
            found = self.user_model.optimizer_beside(optimizer)
            if found is not None:
                self.own_optimizer = OwnOptimizer.of(found)
                optimizer = self.own_optimizer.optimizer
            arguments = {"loss": self.user_model.loss, **self.user_model.compile_arguments()}
        super()._compile_with(optimizer, **arguments)

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what of the training section the model's own `compile` replaces."""
        told = []
        if self.own_optimizer is not None:
            told.append(
                f"the model is compiled with {type(self.own_optimizer.optimizer).__name__}, which trains it: "
                "optimizer, learning_rate, schedule and clipping of the training section are not used"
            )
        if self.own_loss and self.objective.loss is not None:
            told.append(
                "the model is compiled with a loss, which trains it: loss of the training section says only "
                "what val_loss is"
            )
        return tuple(told)

    def _bare_losses(self, y: Any, logits: Any) -> Any:
        return super()._bare_losses(y, self._as_logits(logits))

    def _told_losses(self, y: Any, logits: Any) -> Any:
        return super()._told_losses(y, self._as_logits(logits))

    def _scores(self, y: Any, logits: Any) -> Any:
        return super()._scores(y, self._as_logits(logits))

    def _as_logits(self, given: Any) -> Any:
        """Turn what the trained model gives into logits, as far as probabilities tell them."""
        if not (self.user_model.own and self.user_model.output_activation.probable):
            return given
        known = keras.ops.clip(given, SMALLEST, 1.0)
        if self.objective.activation == "softmax":
            return keras.ops.log(known)
        return keras.ops.log(known) - keras.ops.log(keras.ops.clip(1.0 - given, SMALLEST, 1.0))

    def _logits(self, batches: Any) -> NDArray[np.float32]:
        with self.user_model.as_logits():
            return super()._logits(batches)

    def _measured(self, told: Any) -> dict[str, float]:
        history = getattr(told, "history", None)
        if not isinstance(history, dict):
            raise ModelError("the model's own fit returns no History, as that of Keras does")
        if {"bare", "loss", *self.names_in_history.values()} <= history.keys():
            return super()._measured(told)
        return self._of_training_rows(history)

    def _of_training_rows(self, history: dict[str, Any]) -> dict[str, float]:
        """Measure after the epoch what the model's own methods leave out of what `fit` tells."""
        if not self.execution.rows_at_hand:
            loss = float(history["loss"][-1]) if "loss" in history else math.nan
            unknown = dict.fromkeys(self.objective.metrics, math.nan)
            return {"loss": loss, "loss_with_penalties": loss, **unknown}
        rows = self.split.train
        _, losses, measures = self._of_rows(rows, self._in_batches(rows))
        loss = mean_of(losses)
        scores = {name: mean_of(of) for name, of in measures.items()}
        unit = float(self.objective.penalty_unit)
        total = float(history["loss"][-1]) * unit if "loss" in history else loss
        return {"loss": loss, "loss_with_penalties": total, **scores}

    def _evaluated_penalties(self, batches: Any) -> float:
        """Return what the model's own loss adds to the study's; nothing where its methods do not tell."""
        if not self.user_model.own:
            return super()._evaluated_penalties(batches)
        told = self.execution.evaluate(batches)
        return float(told["loss"] - told["bare"]) if {"loss", "bare"} <= set(told) else 0.0

    def _seed_noise(self, seed: int) -> None:
        """Seed what draws without a state in the model, as Keras does, but in the variable that it has.

        Keras would make another one at the next draw, which a function that is traced already does not know,
        and which TensorFlow refuses in one that is being traced.
        """
        keras.utils.set_random_seed(seed % 2**32)
        # Keras draws the state from Python's generator when it is first asked for, in most models never.
        drawn = random.Random(seed % 2**32).randint(1, 10**9)  # noqa: S311 - as Keras does
        state = self.unseeded.state
        state.assign(np.array([drawn, 0], keras.backend.standardize_dtype(state.dtype)))
        set_global_attribute(GLOBAL_SEED_GENERATOR, self.unseeded)

    def train(self, plan: EpochPlan) -> EpochResult:
        try:
            with self.functions.blamed(self.python):
                return self._train(plan)
        except ModelError as failure:
            names = ("loss", "loss_with_penalties", *self.objective.metrics)
            lost = {f"{part}{name}": math.nan for part in ("", "val_") for name in names}
            return EpochResult(lost, None, cause=str(failure))

    def _train(self, plan: EpochPlan) -> EpochResult:
        if self.own_optimizer is None:
            return super().train(plan)
        plan = replace(plan, rates=self.own_optimizer.rates(len(plan.rates)))
        found = super().train(plan)
        return replace(found, metrics=found.metrics | {"learning_rate": float(plan.rates[-1])})

    def state(self) -> dict[str, NDArray[Any]]:
        states = self._random_states().items()
        return super().state() | {
            name: np.array(keras.ops.convert_to_numpy(state.value)) for name, state in states
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        with self.functions.blamed(self.python):
            super().restore(arrays)
            for name, state in self._random_states().items():
                state.assign(arrays[name])
