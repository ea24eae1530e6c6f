"""How a network runs through compiled functions that it shares with all of its structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, Self

import jax
import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.training.compiled.forward.pooling import quick_pooling
from hpsearch.training.compiled.forward.shared_product import quick_members
from hpsearch.training.compiled.keras_model.key import losses_of, structure_key
from hpsearch.training.compiled.keras_model.places import NO_SHARES, Places
from hpsearch.training.compiled.keras_model.programs import Programs
from hpsearch.training.compiled.keras_model.step import State, TracedModel
from hpsearch.training.compiled.keras_model.table import CONVOLUTIONS, RECURRENT
from hpsearch.training.interface import Order

Rates = NDArray[np.float32]


class UntracedError(Exception):
    """JAX cannot trace a model."""


def is_scanned(model: keras.Model) -> bool:
    """Tell whether an epoch of a model is one compiled loop over its batches.

    On a CPU a convolution in a compiled loop loses its fast kernels, and so does a loop in the loop of a
    recurrent layer (`benchmarks/decisions.py`).
    """
    names = {type(layer).__name__ for layer in model._flatten_layers()}  # noqa: SLF001 - nested layers too
    return not names & (CONVOLUTIONS | RECURRENT)


@dataclass(frozen=True, eq=False)
class ModelStructure:
    """What models share whose functions of one kind are the same, and the numbers of one of them.

    `key` is None where the configuration does not say all that is computed.
    """

    places: Places
    key: str | None
    numbers: Any

    @classmethod
    def of(cls, model: keras.Model, optimizer: Any, loss: Any, *parts: Any, fed: bool) -> Self:
        """Take what the function of a model computes, beside its rows: with an optimizer, with a loss."""
        places = Places([model] if fed else (), optimizer if fed else None, losses_of(loss) if fed else ())
        key = structure_key([model], optimizer, loss, places, *parts)
        return cls(places, key, jax.device_put(places.numbers()))


class CompiledModel:
    """A compiled Keras model whose training, prediction and evaluation are shared by its structure.

    The variables of the model hold its state between calls. Raises UntracedError where JAX cannot trace what
    is asked for. Without `fed` every number is part of the structure. `parts` are plain values that part
    structures beside the model's own.
    """

    def __init__(
        self,
        trained: keras.Model,
        predicted: keras.Model,
        programs: Programs,
        *parts: Any,
        scanned: bool | None = None,
        fed: bool = True,
    ) -> None:
        self.trained, self.predicted, self.programs, self.is_fed = trained, predicted, programs, fed
        for layer in trained._flatten_layers():  # noqa: SLF001 - nested layers too
            quick_pooling(layer)
        quick_members(trained)
        arguments = trained.get_compile_config() or {}
        weights = arguments.get("loss_weights") if isinstance(arguments, dict) else None

        def structure(model: keras.Model, optimizer: Any = None, loss: Any = None) -> ModelStructure:
            return ModelStructure.of(model, optimizer, loss, weights, *parts, fed=fed)

        # What predicts and evaluates does not depend on the optimizer, and is compiled once for all of them.
        self.training = structure(trained, trained.optimizer, trained.loss)
        self.evaluation = structure(trained, loss=trained.loss)
        self.prediction = structure(predicted)
        known = self.training.key is not None
        self.scanned = (known and is_scanned(trained)) if scanned is None else scanned
        self.model = TracedModel(
            trained, predicted, self.training.places, self.evaluation.places, self.prediction.places
        )
        self._is_built = False
        self._own: dict[Any, Any] = {}

    @property
    def key(self) -> str | None:
        """The key of what trains; None where the configuration does not say all that is computed."""
        return self.training.key

    def fit(
        self,
        data: tuple[Any, ...],
        order: Order,
        rates: Rates,
        batch_size: int,
        shares: Mapping[str, float] = NO_SHARES,
    ) -> tuple[Any, int | None]:
        """Train an epoch of rows in an order, and the rates of its steps; return the logs and a bad step.

        Raises UntracedError where the numbers of a schedule, in `shares`, are part of the structure.
        """
        if shares and not self.is_fed:
            raise UntracedError("a schedule moves numbers that the model's code reads in Python")
        batch = min(batch_size, len(order))
        padded = np.zeros(-(-len(order) // batch), np.float32)
        padded[: len(rates)] = rates
        numbers = jax.device_put(self.training.places.numbers(shares)) if shares else self.training.numbers
        given = (numbers, jax.device_put(order), jax.device_put(padded), *data)
        state = self._state(data, batch)
        run = self._epoch if self.scanned else self._steps
        logs, state = run(state, given, len(rates), batch)
        self._take(state)
        self.trained.optimizer.finalize_variable_values(self.trained.trainable_weights)
        told = {name: [float(value)] for name, value in logs.items()}
        return SimpleNamespace(history=told), int(state["bad"]) or None

    def predict(self, batches: list[Any]) -> NDArray[np.float32]:
        """Return the logits of rows, batch by batch."""
        model, parts = self.predicted, []
        trainable = [variable.value for variable in model.trainable_variables]
        other = [variable.value for variable in model.non_trainable_variables]
        for x in batches:
            given = (trainable, other, self.prediction.numbers, x)
            run = self._compiled(self.prediction, "predict", self.model.predict, given, (x,))
            logits, other = run(*given)
            parts.append(np.asarray(logits))
        for variable, value in zip(model.non_trainable_variables, other, strict=True):
            variable.assign(value)
        return np.concatenate(parts)

    def evaluate(self, batches: list[tuple[Any, ...]]) -> dict[str, float]:
        """Evaluate rows batch by batch; return Keras' logs."""
        model, logs = self.trained, {}
        trainable = [variable.value for variable in model.trainable_variables]
        moved = (
            [variable.value for variable in model.non_trainable_variables],
            self._first_metrics(self.evaluation, batches[0], len(batches[0][0])),
        )
        for batch in batches:
            given = (trainable, *moved, self.evaluation.numbers, *batch)
            run = self._compiled(self.evaluation, "test", self.model.test, given, batch, fits=True)
            logs, moved = run(*given)
        for variable, value in zip(model.non_trainable_variables, moved[0], strict=True):
            variable.assign(value)
        return {name: float(value) for name, value in logs.items()}

    def _epoch(self, state: State, given: tuple[Any, ...], steps: int, batch: int) -> tuple[Any, State]:
        numbers, order, rates, *data = given
        inputs = (state, numbers, order, rates, np.int32(steps), *data)
        epoch = partial(self.model.epoch, batch=batch)
        name = ("epoch", batch, len(order))
        run = self._compiled(self.training, name, epoch, inputs, tuple(data), fits=True)
        logs, state = run(*inputs)
        return logs, state

    def _steps(self, state: State, given: tuple[Any, ...], steps: int, batch: int) -> tuple[Any, State]:
        rows = given[1].shape[0]
        full, logs = rows // batch, {}
        sizes = [batch] * min(steps, full) + [rows % batch] * (steps > full)
        runs = {
            size: self._compiled(
                self.training,
                ("step", size, batch, rows),
                partial(self.model.step, size=size, batch=batch),
                (state, *given),
                given[3:],
                fits=True,
            )
            for size in dict.fromkeys(sizes)
        }
        for size in sizes:
            logs, state = runs[size](state, *given)
        return logs, state

    def _state(self, data: tuple[Any, ...], batch: int) -> State:
        model = self.trained
        return {
            "trainable": [variable.value for variable in model.trainable_variables],
            "other": [variable.value for variable in model.non_trainable_variables],
            "optimizer": [variable.value for variable in model.optimizer.variables],
            "metrics": self._first_metrics(self.training, data, batch),
            "step": jax.device_put(np.int32(0)),
            "bad": jax.device_put(np.int32(0)),
        }

    def _take(self, state: State) -> None:
        model = self.trained
        for variables, name in (
            (model.trainable_variables, "trainable"),
            (model.non_trainable_variables, "other"),
            (model.optimizer.variables, "optimizer"),
        ):
            for variable, value in zip(variables, state[name], strict=True):
                variable.assign(value)

    def _first_metrics(self, structure: ModelStructure, rows: Any, size: int) -> list[Any]:
        """Return the metrics' variables as they are before an epoch; they are the same for a structure."""
        kept = self._own if structure.key is None else self.programs.of(structure.key)
        if "metrics" not in kept:
            kept["metrics"] = jax.device_put(self._build(rows, size))
        first: list[Any] = kept["metrics"]
        return first

    def _build(self, rows: Any, size: int) -> list[Any]:
        """Build what batches of so many rows need, of which Keras asks for shapes and types alone."""
        x, *others = (np.zeros((size, *part.shape[1:]), part.dtype) for part in rows)
        self._is_built = True
        try:
            return self.model.build(x.astype(np.float32), *others)
        except Exception as failure:
            raise UntracedError(str(failure)) from failure

    def _compiled(
        self,
        structure: ModelStructure,
        name: Any,
        function: Any,
        given: tuple[Any, ...],
        rows: tuple[Any, ...],
        *,
        fits: bool = False,
    ) -> Any:
        """Compile a function, or take it from another model.

        All that is given has the same forms in every call, but for the `rows`. What trains or evaluates
        `fits` them to metrics, which are built for such rows first.
        """
        own = (name, *((part.shape, part.dtype) for part in rows))
        if own in self._own:
            return self._own[own]
        shapes = tuple((leaf.shape, str(leaf.dtype)) for leaf in jax.tree.leaves(given))
        full = (name, shapes, jax.tree.structure(given))

        def traced() -> Any:
            if fits and not self._is_built:
                self._build(rows, 1)
            return self._traced(function, given)

        return self._own.setdefault(own, self.programs.compiled(structure.key, full, traced))

    @staticmethod
    def _traced(function: Any, given: tuple[Any, ...]) -> Any:
        try:
            return jax.jit(function).trace(*given)
        except Exception as failure:
            raise UntracedError(str(failure)) from failure
