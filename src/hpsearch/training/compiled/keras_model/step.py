"""Pure functions of one model under Keras' own trainer: a step, an epoch of steps, a prediction, a test."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from hpsearch.training.compiled.keras_model.places import Numbers, Places

Array = Any
State = dict[str, Any]
"""What training moves: `trainable`, `other`, `optimizer` and `metrics` variables, the count of steps, and the
first step whose loss is not finite, 0 where none is."""


class TracedModel:
    """The functions of a compiled Keras model, to be traced while it is alive.

    `trained` is the model that is trained and evaluated, `predicted` the one that gives the logits; each
    function has the places of the numbers that it is fed.
    """

    def __init__(
        self,
        trained: keras.Model,
        predicted: keras.Model,
        training: Places,
        evaluation: Places,
        prediction: Places,
    ) -> None:
        self.trained, self.predicted = trained, predicted
        self.training, self.evaluation, self.prediction = training, evaluation, prediction
        self.rate_index = trained.optimizer.variables.index(
            trained.optimizer._learning_rate  # noqa: SLF001 - the only door to it
        )

    def build(self, *batch: Any) -> list[Any]:
        """Build what `fit` would build, and return the first values of the metrics' variables."""
        self.trained._symbolic_build(data_batch=batch)  # noqa: SLF001 - as `fit` does
        self.trained.reset_metrics()
        return [np.array(variable.value) for variable in self.trained.metrics_variables]

    def step(
        self,
        state: State,
        numbers: Numbers,
        order: Array,
        rates: Array,
        x: Array,
        *others: Array,
        size: int,
        batch: int,
    ) -> tuple[Any, State]:
        """Train one batch of `size` rows, where batches have `batch` rows.

        `others` are the targets, and the weights of the rows where they have some.
        """
        at = state["step"]
        rows = jax.lax.dynamic_slice(order, (at * batch,), (size,))
        optimizer = list(state["optimizer"])
        optimizer[self.rate_index] = rates[at]
        variables = (state["trainable"], state["other"], optimizer, state["metrics"])
        data = (x[rows].astype(jnp.float32), *(part[rows] for part in others))
        with self.training.put(numbers):
            logs, moved = self.trained.train_step(variables, data)
        trainable, other, optimizer, metrics = map(list, moved)
        bad = (state["bad"] == 0) & ~jnp.isfinite(logs.get("loss", 0.0))
        return logs, {
            "trainable": trainable,
            "other": other,
            "optimizer": optimizer,
            "metrics": metrics,
            "step": at + 1,
            "bad": jnp.where(bad, at + 1, state["bad"]),
        }

    def epoch(
        self,
        state: State,
        numbers: Numbers,
        order: Array,
        rates: Array,
        steps: Array,
        *data: Array,
        batch: int,
    ) -> tuple[Any, State]:
        """Train so many steps, of which the last of all may be smaller, in one call."""
        full, rest = divmod(len(order), batch)
        given = (numbers, order, rates, *data)
        # Traced once, for its form and for the loop.
        step = jax.jit(partial(self.step, size=batch, batch=batch))
        logs = jax.tree.map(
            lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(step, state, *given)[0]
        )
        carry = (logs, state)
        carry = jax.lax.fori_loop(
            jnp.int32(0), jnp.minimum(steps, full), lambda at, known: step(known[1], *given), carry
        )
        if rest:
            last = partial(self.step, size=rest, batch=batch)
            carry = jax.lax.cond(
                steps > full, lambda known: last(known[1], *given), lambda known: known, carry
            )
        logs, state = carry
        return logs, state

    def predict(
        self, trainable: list[Any], other: list[Any], numbers: Numbers, x: Array
    ) -> tuple[Any, list[Any]]:
        """Return the logits of rows, and what predicting moves."""
        with self.prediction.put(numbers):
            logits, other = self.predicted.stateless_call(trainable, other, x, training=False)
        return logits, list(other)

    def test(
        self, trainable: list[Any], other: list[Any], metrics: list[Any], numbers: Numbers, *batch: Array
    ) -> tuple[Any, tuple[list[Any], list[Any]]]:
        """Evaluate one batch as Keras does."""
        with self.evaluation.put(numbers):
            logs, moved = self.trained.test_step((trainable, other, metrics), batch)
        return logs, (list(moved[1]), list(moved[2]))
