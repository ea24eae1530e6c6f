"""The network of a configuration as Keras' calls, with the initial weights that it is trained from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import keras

from hpsearch.exceptions import UnsupportedError
from hpsearch.models.components.embeddings import FeatureLayout
from hpsearch.models.components.initializers import keras_initializer
from hpsearch.seeds import derive
from hpsearch.spec import Layered
from hpsearch.study.script.expression import call_of, expression
from hpsearch.study.script.first_weights import first_weights

NAME = re.compile(r"\W")


def network_lines(
    model: keras.Model, part: Any, seed: int, layout: FeatureLayout | None = None, rows: int = 0
) -> Iterator[str]:
    """Write the model that is trained, from scaled rows to logits, and its first weights.

    Args:
        model: The model with its first weights.
        part: The model section of its configuration.
        seed: The member's seed, from which the weights were drawn.
        layout: Which features are numbers, where a table says so.
        rows: The number of training rows.

    Raises:
        UnsupportedError: Something in it is not Keras' own, or no script can have its first weights.
    """
    if isinstance(part, Layered):
        _with_initializers(model, part, seed)
    drawn = first_weights(model, part, layout, rows)
    lines = _sequential(model) if _is_chain(inner(model)) else _functional(inner(model))
    return chain(lines, drawn.lines)


def inner(model: keras.Model) -> keras.Model:
    """Return the model that a model consists of, where it is nested as the only layer."""
    others = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    return others[0] if len(others) == 1 and isinstance(others[0], keras.Model) else model


def draws(model: keras.Model) -> bool:
    """Tell whether training draws numbers, as dropout does."""
    weights = {id(one) for one in (*model.weights, *model.metrics_variables)}
    return any(id(one) not in weights for one in model.variables)


def _with_initializers(model: keras.Model, part: Layered, seed: int) -> None:
    """Give layers the initializers by which their kernels were drawn."""
    places = {f"hidden_{index + 1}": index for index in range(len(part.architecture.hidden))}
    for layer in model.layers:
        if layer.name in places or layer.name == "output":
            index = places.get(layer.name)
            kind = part.output_initializer if index is None else part.of_layer("initializer", index)
            layer.kernel_initializer = keras_initializer(kind, derive(seed, "kernel", layer.name))


def _is_chain(model: keras.Model) -> bool:
    """Tell whether each layer is given what the one before gives, and nothing else."""
    operations = model.operations
    if not all(isinstance(one, keras.layers.Layer) for one in operations):
        return False
    nodes = [_node(layer) for layer in operations[1:]]
    return all(
        len(node.arguments.args) == 1 and node.arguments.args[0] is before.output and not _given(node)
        for before, node in zip(operations, nodes, strict=False)
    )


def _node(operation: Any) -> Any:
    """Return the one call of an operation."""
    return operation._inbound_nodes[0]  # noqa: SLF001 - Keras shows them nowhere else


def _given(node: Any) -> dict[str, Any]:
    """Return the arguments of a call by name that say something; `fit` says whether it is training."""
    given = node.arguments.kwargs.items()
    return {name: value for name, value in given if value is not None and name != "training"}


def _sequential(model: keras.Model) -> Iterator[str]:
    yield "model = keras.Sequential(["
    yield f"    {_input(model)},"
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            yield f"    {call_of(layer, 'seed')},"
    yield "])"


def _input(model: keras.Model) -> str:
    tensor = model.inputs[0]
    dtype = "" if tensor.dtype == "float32" else f", dtype={tensor.dtype!r}"
    return f"keras.Input({tuple(tensor.shape[1:])}{dtype})"


def _functional(model: keras.Model) -> Iterator[str]:
    names = {id(model.inputs[0]): "inputs"}
    yield f"inputs = {_input(model)}"
    for operation in model.operations:
        if isinstance(operation, keras.layers.InputLayer):
            continue
        node = _node(operation)
        name = NAME.sub("_", operation.name)
        written = [_argument(value, names) for value in node.arguments.args]
        written += [f"{key}={_argument(value, names)}" for key, value in _given(node).items()]
        yield f"{name} = {_called(operation, written)}"
        names[id(operation.output)] = name
    yield f"model = keras.Model(inputs, {names[id(model.outputs[0])]})"


def _called(operation: Any, written: list[str]) -> str:
    if isinstance(operation, keras.layers.Layer):
        return f"{call_of(operation, 'seed')}({', '.join(written)})"
    if type(operation).__name__ == "GetItem":
        tensor, key = written
        return f"{tensor}[{key}]"
    function = re.sub(r"(?<!^)(?=[A-Z])", "_", type(operation).__name__).lower()
    if not hasattr(keras.ops, function):
        raise UnsupportedError(f"the operation {type(operation).__name__} has no name in keras.ops")
    config = {key: value for key, value in operation.get_config().items() if key not in ("name", "dtype")}
    written += [f"{key}={expression(value)}" for key, value in config.items()]
    return f"keras.ops.{function}({', '.join(written)})"


def _argument(value: Any, names: dict[int, str]) -> str:
    if isinstance(value, keras.KerasTensor):
        return names[id(value)]
    if isinstance(value, tuple) and any(isinstance(one, slice) for one in value):
        return ", ".join(map(_slice, value))
    if isinstance(value, list | tuple):
        return f"[{', '.join(_argument(one, names) for one in value)}]"
    return expression(value)


def _slice(value: Any) -> str:
    if not isinstance(value, slice):
        return repr(value)
    step = "" if value.step is None else f":{value.step}"
    return ":".join("" if one is None else str(one) for one in (value.start, value.stop)) + step
