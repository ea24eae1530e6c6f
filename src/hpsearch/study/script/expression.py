"""Keras' objects as the calls that make them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from hpsearch.exceptions import UnsupportedError

KINDS = ("activations", "constraints", "initializers", "layers", "losses", "optimizers", "regularizers")
"""The parts of Keras that have the classes of a network."""

UNTOLD = ("data_format", "dtype")
"""Arguments that no study sets."""

FIRST = ("activation", "filters", "rate", "target_shape", "units")
"""Arguments that are written without their names, where they are the first."""


def call_of(made: Any, *left_out: str, **others: Any) -> str:
    """Return the call that makes an object of Keras, with the arguments that are not the defaults.

    Args:
        made: A layer, a loss, an optimizer, ...
        left_out: Names of arguments that are not to be written.
        others: Arguments to be written as they are given, in the place of those of the object.

    Raises:
        UnsupportedError: It is of a class that is not Keras' own.
    """
    return _call(type(made), made.get_config(), left_out, others)


def _call(kind: type, config: Mapping[str, Any], left_out: tuple[str, ...], others: Mapping[str, Any]) -> str:
    name, parameters = public_name(kind), inspect.signature(kind).parameters
    told = dict(others)
    for argument, value in config.items():
        known = argument in (*UNTOLD, *left_out, *others)
        if not known and not _is_default(value, parameters.get(argument)):
            told[argument] = expression(value)
    first = next(iter(parameters), "")
    written = [told.pop(first)] if first in told and first in FIRST else []
    ordered = sorted(told, key=lambda argument: argument == "name")
    return f"{name}({', '.join([*written, *(f'{argument}={told[argument]}' for argument in ordered)])})"


def public_name(kind: type) -> str:
    """Return the name under which Keras has a class.

    Raises:
        UnsupportedError: It has none.
    """
    for part in KINDS:
        if getattr(getattr(keras, part), kind.__name__, None) is kind:
            return f"keras.{part}.{kind.__name__}"
    raise UnsupportedError(f"{kind.__name__} is not a class of Keras' own, so no plain script can make it")


def expression(value: Any) -> str:
    """Return a value of the configuration of an object as Python writes it."""
    if isinstance(value, Mapping) and "class_name" in value:
        kind = _class_of(value)
        return f'"{kind}"' if isinstance(kind, str) else _call(kind, value["config"], ("name",), {})
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {expression(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        inner = ", ".join(map(expression, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    if isinstance(value, np.ndarray | np.generic):
        return repr(value.tolist())
    return repr(value)


def _class_of(serialized: Mapping[str, Any]) -> type | str:
    """Return the class of a serialized object; of a function of Keras its name."""
    name = serialized["class_name"]
    if name == "function":
        return str(serialized["config"])
    for part in KINDS:
        found = getattr(getattr(keras, part), name, None)
        if isinstance(found, type) and str(serialized.get("module")).startswith("keras"):
            return found
    raise UnsupportedError(f"{name} is not a class of Keras' own, so no plain script can make it")


def _is_default(value: Any, parameter: inspect.Parameter | None) -> bool:
    """Tell whether an argument has its default, which may be the name of an object without arguments."""
    if parameter is None:
        return value is None or value is True  # of the arguments of every layer `trainable` is on
    default = "linear" if parameter.name == "activation" and parameter.default is None else parameter.default
    if isinstance(value, Mapping) and isinstance(default, str):
        known = str(value.get("class_name", "")).lower() == default.replace("_", "")
        return known and expression(value).endswith("()")
    if isinstance(value, list | tuple) and isinstance(default, list | tuple):
        return list(value) == list(default)
    return bool(value == default) and isinstance(value, bool) == isinstance(default, bool)
