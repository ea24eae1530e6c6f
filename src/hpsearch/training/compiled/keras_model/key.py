"""What parts the structures of models: their configuration minus the numbers that a program is fed."""

from __future__ import annotations

import functools
import hashlib
import json
import types
from collections.abc import Iterable, Iterator
from typing import Any

import keras

from hpsearch.models.components.losses import LossOfRows
from hpsearch.models.components.rate_factors import told_of_factors
from hpsearch.training.compiled.forward.pooling import QuickPooling
from hpsearch.training.compiled.forward.shared_product import Passed, SharedProduct
from hpsearch.training.compiled.keras_model.places import Places
from hpsearch.training.compiled.keras_model.table import (
    CONFIGURED,
    FIRST_VALUES,
    LOSSES,
    OPTIMIZERS,
    is_configured,
)

OWN_FUNCTIONS = ("build", "quantize", "call_signature_parameters")
"""What Keras itself puts into the dictionary of a layer."""
QUICK = QuickPooling, Passed, SharedProduct
"""What stands for the `call` of stock layers, and computes what their configuration says."""


class ForeignError(Exception):
    """Something is not Keras' own, or does not tell its configuration."""


def structure_key(
    models: Iterable[keras.Model], optimizer: Any, loss: Any, places: Places, *others: Any
) -> str | None:
    """Return the key of a structure; None where the configuration does not say all that is computed.

    `others` are plain values that part structures too.
    """
    models = tuple(models)
    try:
        _check_own(models)
        with places.hidden():
            parts = {
                "models": [_told_of_model(model) for model in models],
                "variables": [_variable(variable) for model in models for variable in model.variables],
                "optimizer": None if optimizer is None else _told_of_optimizer(optimizer, models[0]),
                "loss": _told_of_loss(loss),
                "pattern": places.pattern,
                "keras": [keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()],
                "attention": keras.config.is_flash_attention_enabled(),
                "others": others,
            }
            text = json.dumps(parts, sort_keys=True)
    except (ForeignError, TypeError, ValueError, NotImplementedError):
        return None
    return hashlib.sha256(text.encode()).hexdigest()


def _check_own(models: tuple[keras.Model, ...]) -> None:
    for model in models:
        for layer in model._flatten_layers():  # noqa: SLF001 - the nested layers have no other door
            if not is_configured(layer):
                raise ForeignError(f"{layer.name} ({type(layer).__name__})")
            for name, value in vars(layer).items():
                if name in OWN_FUNCTIONS or isinstance(value, QUICK):
                    continue
                if _is_foreign(value) or _shadows(layer, name, value):
                    raise ForeignError(f"{layer.name} ({name})")


def _shadows(layer: Any, name: str, value: Any) -> bool:
    """Tell whether a method of the class was replaced on this layer alone."""
    return callable(value) and callable(getattr(type(layer), name, None))


def _is_foreign(value: Any) -> bool:
    """Tell whether a value holds code that is not Keras' own."""
    if isinstance(value, functools.partial):
        return True
    if isinstance(value, types.FunctionType | types.MethodType | types.BuiltinFunctionType):
        return not (value.__module__ or "").startswith("keras.")
    return False


def _told_of_model(model: keras.Model) -> Any:
    names: dict[str, str] = {}
    return _canonical(keras.saving.serialize_keras_object(model), names)


def _canonical(told: Any, names: dict[str, str], *, named: bool = True) -> Any:
    """Leave out what decides nothing but first values, and number the names in their order."""
    if isinstance(told, list | tuple):
        return [_canonical(one, names) for one in told]
    if not isinstance(told, dict):
        return told
    _check_module(told)
    kind = told.get("class_name")
    if kind == "DTypePolicy":
        return told["config"]
    if kind == "__keras_tensor__":
        history = told["config"]["keras_history"]
        return [_numbered(history[0], names), *history[1:]]
    kept = {}
    for name, value in told.items():
        if name in ("compile_config", "registered_name") or name.endswith("initializer"):
            continue
        if name == "config" and isinstance(value, dict):
            kept[name] = _canonical(_without_seed(kind, value), names)
        elif name == "name" and isinstance(value, str):
            kept[name] = _numbered(value, names)
        elif name in ("input_layers", "output_layers"):
            kept[name] = _places_in(value, names)
        else:
            kept[name] = _canonical(value, names)
    return kept


def _places_in(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, list | tuple):
        return [_places_in(one, names) for one in value]
    if isinstance(value, dict):
        return {name: _places_in(one, names) for name, one in value.items()}
    return _numbered(value, names) if isinstance(value, str) else value


def _numbered(name: str, names: dict[str, str]) -> str:
    return names.setdefault(name, f"#{len(names)}")


def _without_seed(kind: Any, config: dict[str, Any]) -> dict[str, Any]:
    if kind not in CONFIGURED:
        return config
    return {name: value for name, value in config.items() if name != "seed"}


def _check_module(told: dict[str, Any]) -> None:
    module, kind = told.get("module"), told.get("class_name")
    if module is not None and not str(module).startswith("keras"):
        raise ForeignError(f"{kind} of {module}")
    if kind in ("function", "__lambda__"):
        raise ForeignError(str(told.get("config")))


def _variable(variable: Any) -> Any:
    named = [_object(getattr(variable, name, None)) for name in ("regularizer", "constraint")]
    return [list(variable.shape), str(variable.dtype), bool(variable.trainable), *named]


def _object(one: Any) -> Any:
    if one is None:
        return None
    told = keras.saving.serialize_keras_object(one)
    if not isinstance(told, dict):
        raise ForeignError(str(told))
    return _canonical(told, {})


def _told_of_optimizer(optimizer: Any, model: keras.Model) -> Any:
    if type(optimizer) not in OPTIMIZERS:
        raise ForeignError(f"optimizer {type(optimizer).__name__}")
    config = {
        name: value
        for name, value in optimizer.get_config().items()
        if name not in ("name", "learning_rate", *FIRST_VALUES)
    }
    trained = model.trainable_variables
    return [
        type(optimizer).__name__,
        config,
        [
            [_purpose(variable.name), list(variable.shape), str(variable.dtype)]
            for variable in optimizer.variables
        ],
        [optimizer._use_weight_decay(variable) for variable in trained],  # noqa: SLF001 - names decide it
        isinstance(optimizer._learning_rate, keras.Variable),  # noqa: SLF001 - the only door to it
        told_of_factors(optimizer, trained),
    ]


def _purpose(name: str) -> str:
    """Return the last word of a name, which tells momenta from velocities, without the number behind it.

    What is before is the name of a layer. Nadam's product has no name, and is Keras' `variable_12`.
    """
    return name.rstrip("0123456789").rstrip("_").rsplit("_", 1)[-1]


def _told_of_loss(loss: Any) -> Any:
    if isinstance(loss, list | tuple):
        return [_told_of_loss(one) for one in loss]
    if isinstance(loss, dict):
        return {name: _told_of_loss(one) for name, one in loss.items()}
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    if loss is None:
        return None
    if isinstance(loss, types.FunctionType):
        if _is_foreign(loss):
            raise ForeignError(f"loss {loss.__name__}")
        return f"{loss.__module__}.{loss.__qualname__}"
    if isinstance(loss, LossOfRows):
        return [type(loss).__name__, loss.given, _told_of_loss(loss.inner)]
    if not type(loss).__module__.startswith("keras."):
        raise ForeignError(f"loss {type(loss).__name__}")
    if type(loss).__name__ == "LossFunctionWrapper":
        raise ForeignError("loss of a function")
    config = _canonical(loss.get_config(), {})
    told = {name: value for name, value in config.items() if name != "name"}
    # What it computes with: the configuration of Huber does not tell its delta.
    return [type(loss).__name__, told, vars(loss).get("_fn_kwargs")]


def losses_of(loss: Any) -> Iterator[Any]:
    """Iterate over the loss objects in what a model is compiled with."""
    if isinstance(loss, dict):
        loss = list(loss.values())
    for one in loss if isinstance(loss, list | tuple) else [loss]:
        if type(one) in LOSSES:
            yield one
