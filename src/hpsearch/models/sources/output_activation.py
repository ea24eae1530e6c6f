"""The output activation of a user's model, which is removed to obtain logits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from hpsearch.exceptions import ModelError
from hpsearch.models.components.objectives import Objective
from hpsearch.spec.sections.architecture import Shape

LOGITS = ("linear", "log_softmax")
PROBABILITIES = ("softmax", "sigmoid")

OWN_LAYERS: dict[type, str] = {
    keras.layers.Softmax: "softmax",
    keras.layers.ReLU: "relu",
    keras.layers.LeakyReLU: "leaky_relu",
    keras.layers.PReLU: "prelu",
    keras.layers.ELU: "elu",
}
"""Layers that are an activation, beside Activation, which has one."""

SAMPLE = 64
SCALES = (1.0, 1e3)
"""Rows that are drawn to test a model whose output activation cannot be read, and how large they are."""


@dataclass(frozen=True)
class OutputActivation:
    """The activation that a model ends in.

    Attributes:
        activation: Its name; None where it cannot be read.
        layer: The layer that has it as an attribute; None where it is an operation of its own.
    """

    activation: str | None
    layer: Any = None

    @property
    def probable(self) -> bool:
        """Return whether the model's outputs are probabilities."""
        return self.activation in PROBABILITIES

    @contextmanager
    def taken_off(self) -> Iterator[None]:
        """Make the layer return logits for what is traced or computed within the context."""
        if self.layer is None or not self.probable:
            yield
            return
        kept, self.layer.activation = self.layer.activation, keras.activations.linear
        try:
            yield
        finally:
            self.layer.activation = kept


def is_readable(model: Any) -> bool:
    """Return whether a model computes exactly what its graph of layers says."""
    kinds = (keras.Sequential, _FUNCTIONAL)
    return isinstance(model, kinds) and any(type(model).call is kind.call for kind in kinds)


_FUNCTIONAL = type(keras.Model(_rows := keras.Input((1,)), _rows))


def output_activation_of(model: Any) -> OutputActivation:
    """Return the output activation of a model that was called; if its last layer is a model, that model's."""
    if not is_readable(model):
        return OutputActivation(None)
    last, _ = _last(model)
    if isinstance(last, keras.Model):
        return output_activation_of(last)
    kind = type(last)
    if kind in OWN_LAYERS:
        along = getattr(last, "axis", -1)
        return OutputActivation(OWN_LAYERS[kind] if along in (-1, 1) else None)
    if isinstance(last, keras.layers.Layer):
        name = _name(getattr(last, "activation", None))
        return (
            OutputActivation(name, last) if kind.__module__.startswith("keras.") else OutputActivation(None)
        )
    # What is called on a tensor and is no layer, as in keras.ops.softmax(x).
    known = kind.__module__ == "keras.src.ops.nn" and getattr(last, "axis", -1) in (-1, 1)
    return OutputActivation(kind.__name__.lower() if known else None)


def _last(model: Any) -> tuple[Any, Any]:
    """Return the operation whose output is the model's, and the inputs of that call."""
    history = model.outputs[0]._keras_history  # noqa: SLF001 - the graph has no other door
    nodes = history.operation._inbound_nodes  # noqa: SLF001
    return history.operation, nodes[history.node_index].input_tensors


def _name(activation: Any) -> str | None:
    name = getattr(activation, "__name__", None)
    return name if name is not None and getattr(keras.activations, name, None) is activation else None


def logits_of(model: Any, output_activation: OutputActivation) -> Any:
    """Return a model of the same layers whose outputs are logits.

    If a layer has the activation as an attribute, the attribute is replaced permanently.
    """
    if not output_activation.probable:
        return model
    if output_activation.layer is not None:
        output_activation.layer.activation = keras.activations.linear
        return model
    return in_front(model)


def in_front(model: Any) -> Any:
    """Return the model without its last operation, which has no weights."""
    last, inputs = _last(model)
    tensor = inputs[0]
    if isinstance(last, keras.Model):
        tensor = in_front(last)(inputs[0] if len(inputs) == 1 else inputs)
    return keras.Model(model.inputs[0] if len(model.inputs) == 1 else model.inputs, tensor, name=model.name)


def check_output_activation(
    model: Any, output_activation: OutputActivation, objective: Objective, features: Shape
) -> None:
    """Check that a model's outputs suit the task.

    Raises:
        ModelError: They do not; the message says what to do.
    """
    problem = _read(output_activation, objective)
    if problem is None and objective.task not in ("regression", "multitask"):
        if output_activation.probable and output_activation.layer is not None:
            problem = _tied(output_activation.layer)
        elif output_activation.activation is None and _gives_probabilities(
            model, features, several=objective.activation == "softmax"
        ):
            problem = (
                "the model outputs probabilities from an activation that cannot be removed (in a custom "
                f"layer, a Lambda or a custom call): {_wanted(objective)}"
            )
    if problem is not None:
        raise ModelError(problem)


def _read(output_activation: OutputActivation, objective: Objective) -> str | None:
    """Return what is wrong with an activation that can be read, or None."""
    name, several = output_activation.activation, objective.units > 1
    if name in ("softmax", "log_softmax") and not several:
        return f"the model ends in {name} over one unit, whose output is constant: {_wanted(objective)}"
    if objective.task == "regression" or name is None:
        return None
    if objective.task == "multilabel" and name in ("softmax", "log_softmax"):
        return f"the model ends in {name}, but a row may have several labels: {_wanted(objective)}"
    if name == "sigmoid" and objective.activation == "softmax":
        return f"the model ends in sigmoid, but the classes are mutually exclusive: {_wanted(objective)}"
    if name not in (*LOGITS, *PROBABILITIES):
        return (
            f"the model ends in {name}, which outputs neither logits nor probabilities: {_wanted(objective)}"
        )
    return None


def _wanted(objective: Objective) -> str:
    if objective.task == "regression":
        return "end without an activation"
    return f"end without an activation, or in Keras' own {objective.activation}"


def _tied(layer: Any) -> str | None:
    if len(layer._inbound_nodes) > 1:  # noqa: SLF001 - a layer does not tell otherwise how often it is called
        return (
            f"the last layer, {layer.name}, is called more than once: put its activation into a separate "
            "layer"
        )
    if getattr(layer, "activity_regularizer", None) is not None:
        return (
            f"the activity_regularizer of the last layer, {layer.name}, acts on its activation: put the "
            "activation into a separate layer"
        )
    return None


def _gives_probabilities(model: Any, features: Shape, *, several: bool) -> bool:
    """Return whether a model gives probabilities for rows of any size, which logits would not be.

    Rows of 0 and 1 are for models that look up their inputs as indices, and give NaN for others.
    """
    generator, shape = np.random.default_rng(0), (SAMPLE, *features)
    drawn = [generator.normal(0, scale, shape) for scale in SCALES]
    rows = np.concatenate([*drawn, generator.integers(0, 2, shape)]).astype(np.float32)
    given = keras.ops.convert_to_numpy(model(rows, training=False)).astype(np.float64)
    given = given[np.isfinite(given).all(axis=-1)]
    if not given.size or given.min() < 0 or given.max() > 1 or np.ptp(given) == 0:
        return False
    return not several or np.allclose(given.sum(axis=-1), 1, atol=1e-4)
