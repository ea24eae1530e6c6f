"""A donor: a saved model as a flat graph of stock layers, from which the first ones can be cut."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.data.archives import ArchiveError
from hpsearch.exceptions import DonorError, spoken
from hpsearch.models.saved import NO_MODEL, foreign_classes, load_measured, saved_configuration

SCALING = (keras.layers.Rescaling, keras.layers.Normalization)
"""What scales rows in front of a donor's first layer."""

ACCOMPANYING = (
    *SCALING,
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
    keras.layers.PReLU,
)
"""Layers with weights that belong to the layer before them, and are not counted."""


@dataclass(frozen=True, eq=False)
class Body:
    """The first layers of a donor as plain data, from which any number of models can be made."""

    config: dict[str, Any]
    weights: tuple[NDArray[Any], ...]

    def build(self) -> keras.Model:
        """Make new layers with the donor's weights."""
        model = keras.Model.from_config(deepcopy(self.config))  # because Keras takes it apart
        model.set_weights(self.weights)
        return model


class Donor:
    """A saved model, whose file is read once and never written.

    Attributes:
        features: The shape of the rows that it takes.
        depth: The number of its hidden layers.
        fingerprint: The SHA-256 of its layers and weights; names and dates of the file do not count.

    Raises:
        DonorError: The file is not a model of Keras' own layers with one input, one output and a hidden
            layer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._flat = self._loaded()
        self.features = tuple(self._flat.input_shape[1:])
        self.fingerprint = _fingerprint(self._flat)
        self.depth = len(_counted(self._flat)) - 1
        if self.depth < 1:
            raise self._problem("it has no hidden layer to reuse")
        self._bodies: dict[int, Body] = {}

    def _problem(self, cause: str) -> DonorError:
        return DonorError(f"model.pretrained.donor: {self.path}: {cause}")

    def _loaded(self) -> keras.Model:
        self._check_stock()
        with self._blamed():
            model = load_measured(self.path)
        if not _is_straight(model):
            raise self._problem("expected a model with one input and one output")
        with self._blamed():
            flat = _flat(model)
        if any(len(layer["inbound_nodes"]) > 1 for layer in flat.get_config()["layers"]):
            raise self._problem("one of its layers is called more than once, and cannot be reused")
        return flat

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        try:
            yield
        except Exception as failure:  # noqa: BLE001 - Keras raises whatever a layer raises
            raise self._problem(f"it cannot be loaded in Keras' safe mode: {spoken(failure)}") from None

    def _check_stock(self) -> None:
        """Refuse classes that are not part of Keras, before anything is loaded."""
        try:
            config = saved_configuration(self.path)
        except ArchiveError as failure:
            raise self._problem(f"its archive is refused: {failure}") from None
        except NO_MODEL:
            raise self._problem("expected a model as Keras saves it (.keras)") from None
        for name in foreign_classes(config):
            raise self._problem(f"{name} is not one of Keras' own layers, and only those can be reused")

    @property
    def _scaling(self) -> list[keras.layers.Layer]:
        """Return the layers that scale the rows, which precede all hidden layers."""
        operations = self._flat.operations
        first = operations.index(_counted(self._flat)[0])
        return [layer for layer in operations[:first] if isinstance(layer, SCALING)]

    def agree_on_scaling(self, factor: float | None, *, scaled: bool) -> None:
        """Make sure that rows are scaled once, by removing the donor's layers if the study does the same.

        Args:
            factor: The study's `data.rescale`.
            scaled: Whether the study's `data.standardize` or `data.scaling` scales, too.

        Raises:
            DonorError: Both scale, and not in the same way.
        """
        if not self._scaling or (factor is None and not scaled):
            return
        if scaled or factor is None or not math.isclose(self._factor, factor, rel_tol=1e-6):
            raise self._problem(
                f"its own layers scale the rows ({self._scaling_names}), so that data.rescale, "
                "data.standardize and data.scaling would scale them twice: remove them"
                + ("" if math.isnan(self._factor) else f", or rescale by {self._factor:g}")
            )
        self._flat = _flat(self._flat, without=self._scaling)
        self._bodies.clear()

    @property
    def _factor(self) -> float:
        """Return the factor by which the donor's layers multiply rows; NaN if they do anything else."""
        plain = all(
            isinstance(one, keras.layers.Rescaling) and np.ndim(one.scale) == 0 and np.all(one.offset == 0)
            for one in self._scaling
        )
        return math.prod(float(one.scale) for one in self._scaling) if plain else math.nan

    @property
    def _scaling_names(self) -> str:
        return " and ".join(type(layer).__name__ for layer in self._scaling)

    def body(self, layers: int) -> Body:
        """Return the first hidden layers, with the layers between them and the next one.

        Raises:
            DonorError: The donor has fewer, or branches around the cut.
        """
        if not 1 <= layers <= self.depth:
            raise DonorError(
                f"model.pretrained.layers: expected at most {self.depth}, the number of hidden layers of "
                f"{self.path}; found {layers}"
            )
        if layers not in self._bodies:
            self._bodies[layers] = self._cut(layers)
        return self._bodies[layers]

    def _cut(self, layers: int) -> Body:
        end = _counted(self._flat)[layers].input
        if not isinstance(end, keras.KerasTensor):
            raise self._branches(layers)
        body = keras.Model(self._flat.input, end, name="body")
        inside = set(body.operations)
        through = {id(t) for op in self._flat.operations if op not in inside for t in _inputs(op)}
        own = {id(op.output) for op in inside}
        if len(_counted(body)) != layers or through & own != {id(end)}:
            raise self._branches(layers)
        return Body(body.get_config(), tuple(map(np.asarray, body.get_weights())))

    def _branches(self, layers: int) -> DonorError:
        return self._problem(f"it branches behind its hidden layer {layers} and cannot be cut there")


def _is_straight(model: Any) -> bool:
    tensors = [getattr(model, name, None) for name in ("inputs", "outputs")]
    return isinstance(model, keras.Model) and all(found and len(found) == 1 for found in tensors)


def _flat(model: keras.Model, without: Iterable[keras.layers.Layer] = ()) -> keras.Model:
    """Copy a model into one flat graph: layers of nested models become its own, named by kind and position.

    Args:
        model: The model.
        without: Layers to leave out.
    """
    copies = _Copies(frozenset(map(id, without)))
    copied = copies.graph(model)
    copies.fill()
    # Once more, because layers of models inside have been called twice: alone, and here.
    flat = keras.Model.from_config({**copied.get_config(), "name": "donor"})
    flat.set_weights(copied.get_weights())
    return flat


@dataclass(frozen=True)
class _Copies:
    """Copies of operations by the identity of the original; those in `left_out` are skipped."""

    left_out: frozenset[int]
    known: dict[int, tuple[Any, Any]] = field(default_factory=dict)

    def graph(self, model: keras.Model) -> keras.Model:
        """Copy the operations of a model and of the models nested in it."""
        functional = keras.Model(model.inputs[0], model.outputs[0])
        rows = keras.Input(batch_shape=model.inputs[0].shape, dtype=model.inputs[0].dtype, name="rows")
        return keras.models.clone_model(
            functional, input_tensors=rows, clone_function=self._copy, call_function=self._call
        )

    def fill(self) -> None:
        """Set the weights of every copy to those of its original."""
        for operation, copy in self.known.values():
            if isinstance(operation, keras.layers.Layer):
                copy.set_weights(operation.get_weights())

    def _copy(self, operation: Any) -> Any:
        if isinstance(operation, keras.Model) or id(operation) in self.left_out:
            return operation
        if id(operation) not in self.known:
            name = f"{type(operation).__name__.lower()}_{len(self.known) + 1}"
            copy = type(operation).from_config({**operation.get_config(), "name": name})
            self.known[id(operation)] = operation, copy
        return self.known[id(operation)][1]

    def _call(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        if id(operation) in self.left_out:
            return args[0]
        if isinstance(operation, keras.Model):
            inner = self.graph(operation)
            return keras.Function(inner.input, inner.output).call(args[0])
        return operation(*args, **kwargs)


def _counted(model: keras.Model) -> list[Any]:
    """Return the layers that count as hidden ones, and the output layer after them."""
    layers = [op for op in model.operations if isinstance(op, keras.layers.Layer)]
    return [layer for layer in layers if layer.weights and not isinstance(layer, ACCOMPANYING)]


def _inputs(operation: Any) -> list[Any]:
    return list(keras.tree.flatten(operation.input)) if hasattr(operation, "input") else []


def _fingerprint(model: keras.Model) -> str:
    digest = sha256(json.dumps(model.get_config(), sort_keys=True, default=str).encode())
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()
