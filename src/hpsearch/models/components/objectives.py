"""What is trained for and what is measured, by task; outputs are logits inside, probabilities outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Objective:
    """The loss and the metrics of a task.

    `outputs` is the number of classes, or 1 for a regression. Two classes are told apart by one sigmoid unit.
    Every loss, of training, validation and test rows, is that of the logits: it is not cut off. Keras' own
    `evaluate` of the exported model has the loss of its probabilities, which Keras clips to [1e-7, 1 - 1e-7]
    before it takes their logarithms: the two agree but for rounding where no probability is outside.
    """

    task: str
    outputs: int

    @property
    def units(self) -> int:
        """Count the units of the output layer."""
        return 1 if self.outputs <= 2 else self.outputs

    @property
    def activation(self) -> str:
        """Name the activation that turns the output layer into what the exported model gives."""
        if self.task == "regression":
            return "linear"
        return "sigmoid" if self.units == 1 else "softmax"

    @property
    def metric(self) -> str:
        """Name the metric that stands beside the loss."""
        return "mae" if self.task == "regression" else "accuracy"

    @property
    def _loss(self) -> Any:
        if self.task == "regression":
            return keras.losses.mean_squared_error
        if self.units == 1:
            return keras.losses.binary_crossentropy
        return keras.losses.sparse_categorical_crossentropy

    def keras_loss(self, *, from_logits: bool) -> keras.losses.Loss:
        """Make Keras' loss object."""
        if self.task == "regression":
            return keras.losses.MeanSquaredError()
        if self.units == 1:
            return keras.losses.BinaryCrossentropy(from_logits=from_logits)
        return keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)

    def targets(self, y: Any) -> Any:
        """Shape targets of one row each as the loss wants them."""
        if self.units == 1:
            return keras.ops.cast(keras.ops.expand_dims(y, -1), "float32")
        return y

    def losses(self, y: Any, logits: Any) -> Any:
        """Give the loss of each row, without penalties."""
        if self.task == "regression":
            return self._loss(self.targets(y), logits)
        return self._loss(self.targets(y), logits, from_logits=True)

    def predictions(self, logits: Any) -> Any:
        """Turn the output layer into what the exported model gives."""
        return keras.activations.get(self.activation)(logits)

    def scores(self, y: Any, predictions: Any) -> Any:
        """Give each row's part of the metric that stands beside the loss."""
        if self.task == "regression":
            return keras.ops.abs(keras.ops.squeeze(predictions, -1) - y)
        if self.units == 1:
            guess = keras.ops.squeeze(predictions, -1) > 0.5
        else:
            guess = keras.ops.argmax(predictions, -1)
        return keras.ops.cast(keras.ops.cast(guess, "int32") == keras.ops.cast(y, "int32"), "float32")
