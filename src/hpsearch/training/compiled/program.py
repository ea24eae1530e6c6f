"""A program: one epoch of training and its validation, compiled once for a forward pass and an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import ceil
from operator import add
from typing import Any

import jax
import jax.numpy as jnp
from numpy.typing import NDArray

from hpsearch.data import Split
from hpsearch.models.components.objectives import Objective
from hpsearch.training.compiled.forward.interface import Arguments, Array, Forward, Tensors
from hpsearch.training.compiled.optimization import (
    Optimization,
    clip,
    fed_with,
    first_values,
    places_of_averages,
)
from hpsearch.training.compiled.row_weights import weights_of_rows

VALIDATION_ROWS = 512, 1024
"""Rows that are validated at once: enough to fill the vector units, few enough to stay in the cache."""

Carry = tuple[Any, dict[str, Array], Array]
"""What goes from step to step: the state of a member, the totals, and the first bad step, or 0."""

TARGETS = "targets"
"""The argument with the numbers of the transform of targets, where they are transformed."""

TOTALS = ("loss", "loss_with_penalties", "score", "rows")


def validation_chunk(rows: int) -> int:
    """Choose how many rows are validated at once: a divisor if possible, for a rest is compiled by itself."""
    fewest, most = VALIDATION_ROWS
    divisors = (size for size in range(min(most, rows), fewest - 1, -1) if rows % size == 0)
    return next(divisors, min(most, rows))


class Program:
    """One compiled epoch for one forward pass, one optimizer, and the shapes of one split.

    It knows no layers: `forward` does.

    The state of a member is a dictionary of `weights`, `moving` and `optimizer` arrays.
    """

    def __init__(
        self,
        forward: Forward,
        optimization: Optimization,
        batch_size: int,
        split: Split,
        objective: Objective,
        *,
        keeps_predictions: bool,
    ) -> None:
        self.forward, self.optimization, self.batch_size = forward, optimization, batch_size
        self.objective, self.keeps_predictions = objective, keeps_predictions
        self.rows, self.validation_rows = len(split.train), len(split.validation)
        self.optimizer = optimization.make()
        self.optimizer.build(list(forward.variables.values()))
        self.names = list(forward.variables)
        self.rate_index = self.optimizer.variables.index(self.optimizer._learning_rate)  # noqa: SLF001
        self.average_places = places_of_averages(self.optimizer)
        self._compiled: Callable[..., Any] | None = None
        self.cohort_epoch = jax.jit(self._cohort_epoch)

    @property
    def steps(self) -> int:
        """Count the steps of a full epoch."""
        return ceil(self.rows / self.batch_size)

    def first_state(self, weights: dict[str, NDArray[Any]], accumulator: float | None) -> dict[str, Any]:
        """Return the state of a member before its first epoch."""
        return {
            "weights": {name: weights[name] for name in self.names},
            "moving": {name: weights[name] for name in self.forward.moving},
            "optimizer": first_values(self.optimizer, [weights[n] for n in self.names], accumulator),
        }

    def state_with(self, results: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        """Return a state that results in other weights, and in other moving variables."""
        optimizer = list(state["optimizer"])
        for place, name in zip(self.average_places, self.names, strict=False):
            optimizer[place] = results[name]
        weights = {name: results[name] for name in state["weights"]}
        moving = {name: results[name] for name in state["moving"]}
        return {"weights": weights, "moving": moving, "optimizer": optimizer}

    def results(self, state: Mapping[str, Any]) -> Tensors:
        """Return the weights that an epoch results in: their averages where the optimizer has them."""
        averages = [state["optimizer"][place] for place in self.average_places]
        return dict(zip(self.names, averages, strict=True)) if averages else state["weights"]

    @property
    def is_compiled(self) -> bool:
        """Return whether the epoch of a member is compiled already."""
        return self._compiled is not None

    def compile(self, *inputs: Any) -> None:
        """Compile the epoch of a member for inputs like these; what was traced for that is let go."""
        self._compiled = jax.jit(self._epoch).lower(*inputs).compile()

    def epoch(self, *inputs: Any) -> tuple[Any, Array, Array | None]:
        """Train a member for an epoch, and validate; compiled before, if need be."""
        if self._compiled is None:
            self.compile(*inputs)
        assert self._compiled is not None  # noqa: S101 - narrows the type
        state, numbers, predictions = self._compiled(*inputs)
        return state, numbers, predictions

    def _epoch(
        self,
        state: Any,
        arguments: Arguments,
        key: Array,
        order: Array,
        rates: Array,
        steps: Array,
        data: Any,
    ) -> tuple[Any, Array, Array | None]:
        train, validation = data
        # As with `fit`, a batch that is larger than the training set takes all of it.
        batch = min(self.batch_size, self.rows)
        full, rest = divmod(self.rows, batch)

        def step(t: Array, carry: Carry, size: int = batch) -> Carry:
            rows = jax.lax.dynamic_slice(order, (t * batch,), (size,))
            step_key = key + jnp.stack([t.astype(jnp.uint32), jnp.uint32(0)])
            return self._step(t, carry, [part[rows] for part in train], arguments, step_key, rates)

        carry: Carry = (state, dict.fromkeys(TOTALS, jnp.float32(0)), jnp.int32(0))
        carry = jax.lax.fori_loop(jnp.int32(0), jnp.minimum(steps, full), step, carry)
        if rest:
            last = jnp.int32(full)
            carry = jax.lax.cond(steps > full, lambda c: step(last, c, rest), lambda c: c, carry)
        state, totals, bad_step = carry
        measured, predictions = self._validate(state, arguments, validation)
        means = [totals[name] / totals["rows"] for name in TOTALS[:-1]]
        numbers = jnp.stack([*means, *measured, bad_step.astype(jnp.float32)])
        return state, numbers, predictions

    def _step(
        self, t: Array, carry: Carry, batch: list[Array], arguments: Arguments, key: Array, rates: Array
    ) -> Carry:
        """Train on one batch; remember the first step, from 1, whose loss is not finite."""
        state, totals, bad_step = carry
        slopes, moving, added = self._gradients(state, batch, arguments, key)
        weights, optimizer = self._apply(state["optimizer"], state["weights"], slopes, arguments, rates[t])
        bad = (bad_step == 0) & ~jnp.isfinite(added["loss_with_penalties"])
        totals = {name: totals[name] + added[name] for name in TOTALS}
        state = {"weights": weights, "moving": moving, "optimizer": optimizer}
        return state, totals, jnp.where(bad, t + 1, bad_step)

    def _cohort_epoch(self, *inputs: Any) -> tuple[Any, Array, Array | None]:
        """Train a cohort side by side; its members are stacked outside, or compiling would grow with them."""
        epoch: Any = jax.vmap(self._epoch, in_axes=(0, 0, 0, 0, 0, 0, None))
        states, numbers, predictions = epoch(*inputs)
        return states, numbers, predictions

    def _gradients(
        self, state: Any, batch: list[Array], arguments: Arguments, key: Array
    ) -> tuple[Tensors, Tensors, dict[str, Array]]:
        """Return the gradients, the moved variables, and what this batch adds to the totals."""
        x, y, *_ = batch
        row_weights, objective = weights_of_rows(arguments, *batch[1:]), self._objective(arguments)

        def minimized(weights: Tensors) -> Any:
            inputs = x.astype(jnp.float32)
            passed = self.forward(weights, state["moving"], inputs, arguments, key, training=True)
            loss = objective.total_loss(y, passed.logits, row_weights)
            penalties = self.forward.penalties(weights, arguments, passed.penalties)
            return loss + penalties, (loss, passed.logits, passed.moving)

        slope = jax.value_and_grad(minimized, has_aux=True)
        (total, (loss, logits, moving)), gradients = slope(state["weights"])
        if objective.scaling is not None:
            told = jnp.mean(objective.losses(y, logits, row_weights))
            loss, total = told, told + (total - loss) * objective.penalty_unit
        rows = x.shape[0]
        added = {
            "loss": loss * rows,
            "loss_with_penalties": total * rows,
            "score": jnp.sum(objective.scores_of_logits(y, logits)),
            "rows": jnp.float32(rows),
        }
        return gradients, moving, added

    def _objective(self, arguments: Arguments) -> Objective:
        """Return the objective with the numbers of a member's split."""
        scaling = self.objective.scaling
        return self.objective if scaling is None else self.objective.of_numbers(arguments[TARGETS])

    def _apply(
        self, moments: list[Array], weights: Tensors, gradients: Tensors, arguments: Arguments, rate: Array
    ) -> tuple[Tensors, list[Array]]:
        def clipped(listed: list[Array]) -> list[Array]:
            kinds, threshold = self.optimization.clipping, arguments["threshold"]
            return clip(arguments["clipping"], kinds, listed, threshold)

        listed = [gradients[name] for name in self.names]
        optimizer = fed_with(self.optimizer, arguments["coefficients"], clipped)
        variables = [*moments]
        variables[self.rate_index] = rate
        new, variables = optimizer.stateless_apply(variables, listed, [weights[n] for n in self.names])
        return dict(zip(self.names, new, strict=True)), variables

    def _validate(
        self, state: Any, arguments: Arguments, rows: tuple[Array, ...]
    ) -> tuple[list[Array], Array | None]:
        if not self.validation_rows:
            return [jnp.float32(jnp.nan)] * 3, None
        size = validation_chunk(self.validation_rows)
        full, rest = divmod(self.validation_rows, size)
        measure = partial(self._measure, {**state, "weights": self.results(state)}, arguments)

        def chunk(sums: Any, start: Array) -> Any:
            added, kept = measure(*(jax.lax.dynamic_slice_in_dim(part, start, size) for part in rows))
            return [*map(add, sums, added)], kept

        zeros = [jnp.float32(0) for _ in range(2 + self.forward.penalized)]
        sums, kept = jax.lax.scan(chunk, zeros, jnp.arange(full) * size)
        if self.keeps_predictions:
            kept = kept.reshape(full * size, -1)
        if rest:
            added, last = measure(*(part[full * size :] for part in rows))
            sums = [*map(add, sums, added)]
            kept = jnp.concatenate([kept, last]) if self.keeps_predictions else None
        loss, score, *activity = [total / self.validation_rows for total in sums]
        penalties = self.forward.penalties(state["weights"], arguments, activity)
        if self.objective.scaling is not None:
            penalties = penalties * self._objective(arguments).penalty_unit
        return [loss, loss + penalties, score], kept

    def _measure(
        self, state: Any, arguments: Arguments, inputs: Array, targets: Array, weights: Array | None = None
    ) -> tuple[list[Any], Any]:
        """Sum losses, scores and penalties over rows, and give the predictions if they are kept."""
        rows = inputs.astype(jnp.float32)
        passed = self.forward(state["weights"], state["moving"], rows, arguments, None, training=False)
        objective = self._objective(arguments)
        losses = objective.losses(targets, passed.logits, weights)
        scores = objective.scores_of_logits(targets, passed.logits)
        kept = objective.predictions(passed.logits) if self.keeps_predictions else None
        # Keras weighs the penalty of a batch by its rows, so the batches' sizes do not matter.
        penalties = [penalty * rows.shape[0] for penalty in passed.penalties]
        return [jnp.sum(losses), jnp.sum(scores), *penalties], kept
