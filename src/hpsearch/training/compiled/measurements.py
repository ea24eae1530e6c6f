"""What a program measures inside a network beside its training: one batch forward and backward."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hpsearch.models.components.objectives import Objective
from hpsearch.spec import Configuration
from hpsearch.training.compiled.forward.interface import Arguments, Array, Forward, Tensors
from hpsearch.training.compiled.row_weights import weights_of_rows
from hpsearch.training.probes.formulas import RANGES, dead, deviation, ends_of, norm, saturated
from hpsearch.training.probes.record import LayerSample, TrainingProbe

DIGITS = 6
"""Significant digits that are kept: more would only fill the log."""

STRENGTHS = {"clipvalue": 0, "clipnorm": 1, "global_clipnorm": 2}
"""What each kind of clipping compares with its threshold, by its place in `strengths`."""


class Measurer:
    """Measures networks of one forward pass; numeric hyperparameters are arguments here too.

    The measurement is compiled when it is first used, at level 1 of XLA's optimization: it runs a few times.
    """

    def __init__(self, forward: Forward, objective: Objective) -> None:
        self.forward, self.objective = forward, objective
        self.names = [kernel.removesuffix("/kernel") for kernel in forward.kernels]
        self._measured = jax.jit(self._measure, compiler_options={"xla_backend_optimization_level": 1})

    def probe(
        self, configuration: Configuration, state: Any, arguments: Arguments, key: Array, batch: list[Array]
    ) -> TrainingProbe:
        """Measure a network on a batch: one pass forward and backward.

        Args:
            configuration: The configuration of the member, by which activations and clipping are known.
            state: The state of the member, as `Program.epoch` returns it.
            arguments: The hyperparameters of the member.
            key: (2,) uint32, that of the noise of a step.
            batch: Inputs, targets and, where rows have some, their weights, of the same rows.

        Returns:
            The layers in order, the output layer last; a number that is not finite is None.
        """
        activations = self.forward.activations(configuration)
        told = self._measured(state, arguments, key, batch, _ends(activations))
        found = {name: np.asarray(value) for name, value in told.items()}
        return TrainingProbe(
            layers=tuple(self._layers(activations, found)),
            clipped=_clipped(configuration, found["strengths"]),
            broken=self._broken(found["finite"]),
        )

    def _layers(self, activations: list[str], found: dict[str, NDArray[Any]]) -> list[LayerSample]:
        flat = [name in RANGES for name in activations]
        samples = []
        for place, name in enumerate(self.names):
            own = {key: _number(found[key][place]) for key in ("gradient_norm", "weight_norm")}
            if place < len(flat):
                own |= {key: _number(found[key][place]) for key in ("deviation", "dead")}
                own["saturated"] = _number(found["saturated"][place]) if flat[place] else None
            samples.append(LayerSample(name, **own))
        return samples

    def _broken(self, finite: NDArray[np.bool_]) -> str | None:
        named = zip(self.names, finite, strict=True)
        return next((name for name, whole in named if not whole), None)

    def _measure(
        self, state: Any, arguments: Arguments, key: Array, batch: list[Array], ends: Array
    ) -> dict[str, Array]:
        gradients, (hidden, logits) = jax.grad(self._loss, has_aux=True)(
            state["weights"], state["moving"], arguments, key, batch
        )
        kernels = self.forward.kernels
        return {
            "gradient_norm": jnp.stack([_norm(gradients[kernel]) for kernel in kernels]),
            "weight_norm": jnp.stack([_norm(state["weights"][kernel]) for kernel in kernels]),
            "deviation": jnp.array([_deviation(values) for values in hidden]),
            "dead": jnp.array([dead(jnp, values) for values in hidden]),
            "saturated": jnp.array([saturated(jnp, *pair) for pair in zip(hidden, ends, strict=True)]),
            "finite": jnp.stack([jnp.isfinite(values).all() for values in (*hidden, logits)]),
            "strengths": _strengths([gradients[name] for name in self.forward.variables]),
        }

    def _loss(
        self, weights: Tensors, moving: Tensors, arguments: Arguments, key: Array, batch: list[Array]
    ) -> Any:
        x, y, *_ = batch
        passed = self.forward(weights, moving, x.astype(jnp.float32), arguments, key, training=True)
        of_rows = weights_of_rows(arguments, *batch[1:])
        loss = self.objective.total_loss(y, passed.logits, of_rows)
        penalties = self.forward.penalties(weights, arguments, passed.penalties)
        return loss + penalties, (passed.watched, passed.logits)


def _ends(activations: list[str]) -> NDArray[np.float32]:
    """Return values (layers, 2) beyond which an activation is saturated; infinite where it has no range."""
    return np.array([ends_of(name) for name in activations], np.float32)


def _norm(values: Array) -> Array:
    """Return a norm whose squares do not leave the range of a float32 before it does."""
    return norm(jnp, values, _largest(values))


def _deviation(values: Array) -> Array:
    return deviation(jnp, values, _largest(values))


def _largest(values: Array) -> Array:
    largest = jnp.max(jnp.abs(values))
    return jnp.where(largest == 0, 1.0, largest)


def _strengths(gradients: list[Array]) -> Array:
    """Return the largest entry of a gradient, the largest norm of a variable's, and the norm of the whole."""
    norms = jnp.stack([_norm(gradient) for gradient in gradients])
    largest = jnp.stack([jnp.max(jnp.abs(gradient)) for gradient in gradients])
    return jnp.stack([jnp.max(largest), jnp.max(norms), _norm(norms)])


def _clipped(configuration: Configuration, strengths: NDArray[np.float32]) -> bool | None:
    clipping = configuration.training.clipping
    if clipping.name not in STRENGTHS:
        return None
    return not strengths[STRENGTHS[clipping.name]] <= clipping.threshold  # type: ignore[attr-defined]


def _number(value: Any) -> float | None:
    return float(f"{float(value):.{DIGITS}g}") if math.isfinite(value) else None
