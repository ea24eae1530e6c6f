"""What a model of a person's own ends in: logits, or an activation that is taken off to have them."""

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
"""Rows that are drawn to see what an ending gives that cannot be read, and how large they are."""


@dataclass(frozen=True)
class Ending:
    """The activation by which a model ends; None where it cannot be read.

    `layer` is the one that has it as an attribute; without one it is an operation of its own.
    """

    activation: str | None
    layer: Any = None

    @property
    def probable(self) -> bool:
        """Tell whether the model gives probabilities."""
        return self.activation in PROBABILITIES

    @contextmanager
    def taken_off(self) -> Iterator[None]:
        """Let the layer give logits for what is traced or computed inside."""
        if self.layer is None or not self.probable:
            yield
            return
        kept, self.layer.activation = self.layer.activation, keras.activations.linear
        try:
            yield
        finally:
            self.layer.activation = kept


def is_readable(model: Any) -> bool:
    """Tell whether a model computes what its graph of layers says."""
    kinds = (keras.Sequential, _FUNCTIONAL)
    return isinstance(model, kinds) and any(type(model).call is kind.call for kind in kinds)


_FUNCTIONAL = type(keras.Model(_rows := keras.Input((1,)), _rows))


def ending_of(model: Any) -> Ending:
    """Read what a model that was called ends in, also where its last layer is a model."""
    if not is_readable(model):
        return Ending(None)
    last, _ = _last(model)
    if isinstance(last, keras.Model):
        return ending_of(last)
    kind = type(last)
    if kind in OWN_LAYERS:
        along = getattr(last, "axis", -1)
        return Ending(OWN_LAYERS[kind] if along in (-1, 1) else None)
    if isinstance(last, keras.layers.Layer):
        name = _name(getattr(last, "activation", None))
        return Ending(name, last) if kind.__module__.startswith("keras.") else Ending(None)
    # What is called on a tensor and is no layer, as in keras.ops.softmax(x).
    known = kind.__module__ == "keras.src.ops.nn" and getattr(last, "axis", -1) in (-1, 1)
    return Ending(kind.__name__.lower() if known else None)


def _last(model: Any) -> tuple[Any, Any]:
    """Give the operation whose output a model gives, and what it is called on."""
    history = model.outputs[0]._keras_history  # noqa: SLF001 - the graph has no other door
    nodes = history.operation._inbound_nodes  # noqa: SLF001
    return history.operation, nodes[history.node_index].input_tensors


def _name(activation: Any) -> str | None:
    name = getattr(activation, "__name__", None)
    return name if name is not None and getattr(keras.activations, name, None) is activation else None


def logits_of(model: Any, ending: Ending) -> Any:
    """Give the model whose outputs are the logits, of the same layers.

    Where a layer has the activation as an attribute it is changed for good.
    """
    if not ending.probable:
        return model
    if ending.layer is not None:
        ending.layer.activation = keras.activations.linear
        return model
    return in_front(model)


def in_front(model: Any) -> Any:
    """Give the model that ends in front of its last operation, which has no weights."""
    last, inputs = _last(model)
    tensor = in_front(last)(*inputs) if isinstance(last, keras.Model) else inputs[0]
    return keras.Model(model.inputs[0], tensor, name=model.name)


def check_ending(model: Any, ending: Ending, objective: Objective, features: Shape) -> None:
    """Refuse an ending that the task has no use for, with what to do.

    Raises ModelError.
    """
    problem = _read(ending, objective)
    if problem is None and objective.task == "classification":
        if ending.probable and ending.layer is not None:
            problem = _tied(ending.layer)
        elif ending.activation is None and _gives_probabilities(model, features, several=objective.units > 1):
            problem = (
                "the model outputs probabilities from an activation that cannot be removed (in a custom "
                f"layer, a Lambda or a custom call): {_wanted(objective)}"
            )
    if problem is not None:
        raise ModelError(problem)


def _read(ending: Ending, objective: Objective) -> str | None:
    """Say what is wrong with an activation that can be read."""
    name, several = ending.activation, objective.units > 1
    if name in ("softmax", "log_softmax") and not several:
        return f"the model ends in {name} over one unit, whose output is constant: {_wanted(objective)}"
    if objective.task == "regression" or name is None:
        return None
    if name == "sigmoid" and several:
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
    """Tell whether a model gives probabilities for rows of any size, as logits are not.

    Rows of 0 and 1 are for models that take numbers for names, and give NaN for others.
    """
    generator, shape = np.random.default_rng(0), (SAMPLE, *features)
    drawn = [generator.normal(0, scale, shape) for scale in SCALES]
    rows = np.concatenate([*drawn, generator.integers(0, 2, shape)]).astype(np.float32)
    given = keras.ops.convert_to_numpy(model(rows, training=False)).astype(np.float64)
    given = given[np.isfinite(given).all(axis=-1)]
    if not given.size or given.min() < 0 or given.max() > 1 or np.ptp(given) == 0:
        return False
    return not several or np.allclose(given.sum(axis=-1), 1, atol=1e-4)
