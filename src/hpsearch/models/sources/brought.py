"""A model that a person's function built, and what of its own it trains by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from hpsearch.exceptions import ModelError
from hpsearch.models.components.objectives import Objective
from hpsearch.models.sources.ending import Ending, check_ending, ending_of, in_front, is_readable, logits_of
from hpsearch.spec.sections.architecture import Shape

HONOURED = (
    "train_step",
    "test_step",
    "compute_loss",
    "compute_metrics",
    "fit",
    "evaluate",
    "make_train_function",
    "make_test_function",
    "stateless_compute_loss",
)
"""Methods of a model's own that training goes through."""

REFUSED = ("compile", "predict", "predict_step", "make_predict_function")
"""Methods that cannot be gone through: hpsearch compiles the model, and predicts by calling it."""


@dataclass(frozen=True)
class Brought:
    """A model, its ending, and whether it trains by methods or a loss of its own.

    Raises ModelError where it cannot be trained as it asks for.
    """

    model: keras.Model
    ending: Ending
    objective: Objective
    features: Shape

    def __post_init__(self) -> None:
        check_ending(self.model, self.ending, self.objective, self.features)
        own = overridden(self.model, REFUSED)
        if own:
            raise ModelError(
                f"the model defines its own {own[0]}, which hpsearch would not use: it compiles the "
                "model from the training section, and predicts by calling it"
            )
        if self.model.compiled:
            self._check_compiled()

    @property
    def own(self) -> bool:
        """Tell whether the model trains by methods or by a loss of its own."""
        return bool(self.model.compiled) or bool(overridden(self.model, HONOURED))

    @property
    def loss(self) -> Any:
        """Give the loss on what the model gives: its own where it is compiled with one."""
        if self.model.compiled and self.model.loss is not None:
            return self.model.loss
        return self.objective.keras_loss(from_logits=not self.ending.probable)

    def compile_arguments(self) -> dict[str, Any]:
        """Give the arguments of a compile of its own that hold, beside its loss."""
        if not self.model.compiled:
            return {}
        weights = self.model.get_compile_config().get("loss_weights")
        return {
            "run_eagerly": self.model.run_eagerly,
            "jit_compile": self.model.jit_compile,
            **({} if weights is None else {"loss_weights": weights}),
        }

    def connect(self, inputs: Any) -> Any:
        """Give the logits of rows; the model stays as it is only where it trains by itself."""
        if not self.own:
            return logits_of(self.model, self.ending)(inputs)
        if self.ending.probable and self.ending.layer is None:
            return in_front(self.model)(inputs)
        with self.as_logits():
            return self.model(inputs)

    @contextmanager
    def as_logits(self) -> Iterator[None]:
        """Let what `connect` gave compute logits: around each of its predictions."""
        with self.ending.taken_off():
            yield

    def exported(self) -> Any:
        """Give the model as it is saved: its logits, without what it was compiled with.

        Where its graph says all that it computes, it is one of Keras' own.
        """
        self.model.compiled = False
        model = logits_of(self.model, self.ending)
        if not is_readable(model) or type(model).__module__.startswith("keras."):
            return model
        plain = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
        return plain if len(plain.weights) == len(model.weights) else model

    def _check_compiled(self) -> None:
        steps = self.model.steps_per_execution
        if steps != 1:
            raise ModelError(f"the model is compiled with steps_per_execution={steps}: remove it")
        takes = _takes_logits(self.model.loss)
        if self.objective.task == "regression" or takes is None or takes != self.ending.probable:
            return
        wanted = "logits" if takes else "probabilities"
        found = f"ends in {self.ending.activation}" if takes else "gives logits"
        raise ModelError(
            f"the loss in compile expects {wanted}, but the model {found}: compile the model "
            f"with from_logits={not takes}"
        )

    def check_optimizer(self, optimizer: Any) -> None:
        """Refuse an optimizer of its own that the training section contradicts; Keras' default is none."""
        found = self.model.optimizer if self.model.compiled else None
        if found is None:
            return
        known = (keras.optimizers.RMSprop(), type(optimizer)(), optimizer)
        if any(type(found) is type(one) and _settings(found) == _settings(one) for one in known):
            return
        raise ModelError(
            f"the model is compiled with {type(found).__name__} ({_differences(found)}), and the training "
            f"section has {type(optimizer).__name__}: give the optimizer and its settings there, and compile "
            "without one"
        )


def brought(model: keras.Model, objective: Objective, features: Shape) -> Brought:
    """Read a model that was called once on rows of so many features."""
    return Brought(model, ending_of(model), objective, features)


def overridden(model: keras.Model, names: tuple[str, ...]) -> tuple[str, ...]:
    """List the methods that the class of a model has of its own."""
    kind = type(model)
    stock = next(one for one in kind.__mro__ if one.__module__.startswith("keras."))
    return tuple(name for name in names if getattr(kind, name, None) is not getattr(stock, name, None))


def _takes_logits(loss: Any) -> bool | None:
    """Tell whether a cross-entropy of Keras takes logits; None for any other loss."""
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    flag = getattr(loss, "from_logits", None)
    if isinstance(flag, bool):
        return flag
    name = getattr(loss, "__name__", "")
    return False if "crossentropy" in name and getattr(keras.losses, name, None) is loss else None


def _settings(optimizer: Any) -> dict[str, Any]:
    config: dict[str, Any] = optimizer.get_config()
    config.pop("name", None)
    return config


def _differences(optimizer: Any) -> str:
    default = _settings(type(optimizer)())
    told = {name: value for name, value in _settings(optimizer).items() if value != default.get(name)}
    return ", ".join(f"{name}={value}" for name, value in told.items()) or "its defaults"
