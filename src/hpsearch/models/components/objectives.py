"""The loss and the metric of a task; models compute logits, exported models return probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Objective:
    """The loss and the metric of a task.

    Two classes share one sigmoid unit. The loss of training, validation and test rows is computed from
    logits, without clipping. `evaluate` of the exported model computes it from probabilities, which Keras
    clips to [1e-7, 1 - 1e-7] before it takes their logarithms; where none is outside, the two agree up to
    rounding.

    Attributes:
        task: `classification`, `regression` or `multilabel`.
        outputs: The number of classes, or of targets.
    """

    task: str
    outputs: int

    @property
    def units(self) -> int:
        """Return the number of units of the output layer."""
        return 1 if self.outputs <= 2 and not self.several else self.outputs

    @property
    def several(self) -> bool:
        """Return whether each row has several targets: labels, or quantities."""
        return self.task == "multilabel" or (self.task == "regression" and self.outputs > 1)

    @property
    def activation(self) -> str:
        """Return the name of the activation between the output layer and the exported model's predictions."""
        if self.task == "regression":
            return "linear"
        return "sigmoid" if self.units == 1 or self.several else "softmax"

    @property
    def metric(self) -> str:
        """Return the name of the metric that is reported with the loss."""
        return "mae" if self.task == "regression" else "accuracy"

    @property
    def _loss(self) -> Any:
        if self.task == "regression":
            return keras.losses.mean_squared_error
        if self.activation == "sigmoid":
            return keras.losses.binary_crossentropy
        return keras.losses.sparse_categorical_crossentropy

    def keras_loss(self, *, from_logits: bool) -> keras.losses.Loss:
        """Make Keras' loss object."""
        if self.task == "regression":
            return keras.losses.MeanSquaredError()
        if self.activation == "sigmoid":
            return keras.losses.BinaryCrossentropy(from_logits=from_logits)
        return keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)

    def targets(self, y: Any) -> Any:
        """Return targets in the form that the loss takes.

        Args:
            y: (n,) or (n, targets) targets.

        Returns:
            (n, units) float32 for a single unit and for several targets, else `y`.
        """
        if self.several:
            return keras.ops.cast(y, "float32")
        if self.units == 1:
            return keras.ops.cast(keras.ops.expand_dims(y, -1), "float32")
        return y

    def flat(self, y: Any) -> Any:
        """Return targets as the data have them, of which a trainer may have made a column."""
        return y if self.several else keras.ops.reshape(y, (-1,))

    def losses(self, y: Any, logits: Any) -> Any:
        """Return the loss of each row, without penalties.

        Args:
            y: (n,) or (n, targets) targets.
            logits: (n, units) outputs of the model.

        Returns:
            (n,) losses.
        """
        if self.task == "regression":
            return self._loss(self.targets(y), logits)
        return self._loss(self.targets(y), logits, from_logits=True)

    def predictions(self, logits: Any) -> Any:
        """Return the exported model's predictions (n, units) for logits of this shape."""
        return keras.activations.get(self.activation)(logits)

    def scores(self, y: Any, predictions: Any) -> Any:
        """Return the metric of each row.

        Args:
            y: (n,) or (n, targets) targets.
            predictions: (n, units) outputs of the exported model.

        Returns:
            (n,) absolute errors for a regression, else 1.0 where the class is right and 0.0 elsewhere; of
            several targets the mean.
        """
        if self.several:
            return keras.ops.mean(self._several_scores(y, predictions), axis=-1)
        if self.task == "regression":
            return keras.ops.abs(keras.ops.squeeze(predictions, -1) - y)
        if self.units == 1:
            guess = keras.ops.squeeze(predictions, -1) > 0.5
        else:
            guess = keras.ops.argmax(predictions, -1)
        return keras.ops.cast(keras.ops.cast(guess, "int32") == keras.ops.cast(y, "int32"), "float32")

    def _several_scores(self, y: Any, predictions: Any) -> Any:
        targets = self.targets(y)
        if self.task == "regression":
            return keras.ops.abs(predictions - targets)
        return keras.ops.cast(keras.ops.cast(predictions > 0.5, "float32") == targets, "float32")
