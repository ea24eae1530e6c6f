"""A model that a user's function built, and which of its own methods and losses it is trained with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from hpsearch.exceptions import ModelError
from hpsearch.models.components.objectives import Objective
from hpsearch.models.sources.output_activation import (
    OutputActivation,
    check_output_activation,
    in_front,
    is_readable,
    logits_of,
    output_activation_of,
)
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
class UserModel:
    """A model with its output activation, checked to be trainable.

    Attributes:
        model: The model, which was called once.
        output_activation: What it ends in.
        objective: The loss and the metric.
        features: The shape of a row.

    Raises:
        ModelError: It cannot be trained as its code asks for.
    """

    model: keras.Model
    output_activation: OutputActivation
    objective: Objective
    features: Shape

    def __post_init__(self) -> None:
        check_output_activation(self.model, self.output_activation, self.objective, self.features)
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
        """Return whether the model is trained by its own methods or loss."""
        return bool(self.model.compiled) or bool(overridden(self.model, HONOURED))

    @property
    def loss(self) -> Any:
        """Return the loss on the model's outputs: its own if it is compiled with one."""
        if self.model.compiled and self.model.loss is not None:
            softmax = self.objective.activation == "softmax"
            return _of_numbers(self.model.loss) if softmax else self.model.loss
        return self.objective.keras_loss(from_logits=not self.output_activation.probable)

    def compile_arguments(self) -> dict[str, Any]:
        """Return the arguments of the model's own `compile` that are kept, except its loss."""
        if not self.model.compiled:
            return {}
        weights = self.model.get_compile_config().get("loss_weights")
        return {
            "run_eagerly": self.model.run_eagerly,
            "jit_compile": self.model.jit_compile,
            **({} if weights is None else {"loss_weights": weights}),
        }

    def connect(self, inputs: Any) -> Any:
        """Return the symbolic logits of rows.

        A model that is trained by its own methods keeps its activation, which `as_logits` removes for a
        while.
        """
        if not self.own:
            return flat(logits_of(self.model, self.output_activation)(inputs))
        if self.output_activation.probable and self.output_activation.layer is None:
            return in_front(self.model)(inputs)
        with self.as_logits():
            return self.model(inputs)

    @contextmanager
    def as_logits(self) -> Iterator[None]:
        """Make the tensors of `connect` compute logits within the context, which each prediction needs."""
        with self.output_activation.taken_off():
            yield

    def exported(self) -> Any:
        """Return the model as it is saved: with logits as outputs, and not compiled.

        A model whose graph of layers says all that it computes becomes a plain `keras.Model`.
        """
        self.model.compiled = False
        model = logits_of(self.model, self.output_activation)
        if not is_readable(model) or type(model).__module__.startswith("keras."):
            return model
        plain = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
        return plain if len(plain.weights) == len(model.weights) else model

    def _check_compiled(self) -> None:
        steps = self.model.steps_per_execution
        if steps != 1:
            raise ModelError(f"the model is compiled with steps_per_execution={steps}: remove it")
        takes = _takes_logits(self.model.loss)
        if self.objective.task == "regression" or takes is None or takes != self.output_activation.probable:
            return
        wanted = "logits" if takes else "probabilities"
        found = f"ends in {self.output_activation.activation}" if takes else "gives logits"
        raise ModelError(
            f"the loss in compile expects {wanted}, but the model {found}: compile the model "
            f"with from_logits={not takes}"
        )

    def optimizer_beside(self, optimizer: Any) -> Any:
        """Return the optimizer of the model's own `compile`; None where it says nothing of its own.

        Args:
            optimizer: The optimizer of the training section. Keras' default, and one of the same class
                whose settings are Keras' or the same, say no more than it does.
        """
        found = self.model.optimizer if self.model.compiled else None
        if found is None:
            return None
        known = (keras.optimizers.RMSprop(), type(optimizer)(), optimizer)
        alike = any(type(found) is type(one) and _settings(found) == _settings(one) for one in known)
        return None if alike else found


def flat(outputs: Any) -> Any:
    """Return outputs of any shape as one list of numbers for each row."""
    return outputs if len(outputs.shape) == 2 else keras.layers.Flatten(name="flat")(outputs)


def user_model(model: keras.Model, objective: Objective, features: Shape) -> UserModel:
    """Return a model that was called once, checked for rows of this shape.

    Raises:
        ModelError: It cannot be trained as its code asks for.
    """
    return UserModel(model, output_activation_of(model), objective, features)


def overridden(model: keras.Model, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the named methods that the class of a model overrides."""
    kind = type(model)
    stock = next(one for one in kind.__mro__ if one.__module__.startswith("keras."))
    return tuple(name for name in names if getattr(kind, name, None) is not getattr(stock, name, None))


def _of_numbers(loss: Any) -> Any:
    """Return the same loss of the numbers of classes, where one is of a 1 among zeros.

    Raises:
        ModelError: It smooths the zeros and the 1.
    """
    if loss in ("categorical_crossentropy", keras.losses.categorical_crossentropy):
        return keras.losses.SparseCategoricalCrossentropy()
    if type(loss) is not keras.losses.CategoricalCrossentropy:
        return loss
    smoothing = loss.get_config()["label_smoothing"]
    if smoothing:
        raise ModelError(
            f"the loss in compile smooths labels by {smoothing:g}, which are numbers here: compile without "
            "a loss, and write in the training section "
            f"loss: {{categorical_crossentropy: {{label_smoothing: {smoothing:g}}}}}"
        )
    return keras.losses.SparseCategoricalCrossentropy(from_logits=loss.from_logits, name=loss.name)


def _takes_logits(loss: Any) -> bool | None:
    """Return whether a cross-entropy of Keras takes logits; None for any other loss."""
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
