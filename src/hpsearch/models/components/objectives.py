"""The loss and the metric of a task; models compute logits, exported models return probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import keras

from hpsearch.data.target_scaling import TargetScaling
from hpsearch.models.components.losses import (
    FROM_LOGITS,
    FROM_SCORES,
    LOSSES,
    OF_NUMBERS,
    Given,
    LossOfRows,
)
from hpsearch.models.components.target_units import in_deviations, own_units, told_losses
from hpsearch.spec import Component
from hpsearch.spec.sections.losses import LOSSES as TOLD

RowMeasures = tuple[Any, Any, dict[str, Any]]
"""Predictions for rows, their losses, and what is measured beside the loss, by the names of `metrics`."""


@dataclass(frozen=True)
class Objective:
    """The loss and the metric of a task.

    Two classes share one sigmoid unit. The loss of training, validation and test rows is computed from
    logits, without clipping, where Keras can. `evaluate` of the exported model computes it from
    probabilities, which Keras clips to [1e-7, 1 - 1e-7] before it takes their logarithms; where none is
    outside, the two agree up to rounding.

    Where targets are transformed, the network gives transformed ones, and what is minimized is the loss of
    these. Predictions, losses and metrics are told in the targets' own units. What takes `logits` takes
    transformed targets with them.

    Attributes:
        task: `classification`, `regression` or `multilabel`.
        outputs: The number of classes, or of targets.
        loss: The loss of the study file; None for the task's own.
        function: The user's own function where that is the loss: targets and predictions to losses of rows.
        own_rate: Whether a model gives the rate that a Poisson loss is of, and not its logarithm.
        scaling: The transform of the targets of a regression; None where they are as they are.
    """

    task: str
    outputs: int
    loss: Component | None = None
    function: Callable[[Any, Any], Any] | None = None
    own_rate: bool = False
    scaling: TargetScaling | None = None

    def of(self, scaling: TargetScaling | None) -> Self:
        """Return the objective of targets that are transformed so."""
        return self if scaling is None else replace(self, scaling=scaling.fed(scaling.numbers()))

    def of_numbers(self, numbers: Mapping[str, Any]) -> Self:
        """Return the objective of targets that are transformed alike, by other numbers."""
        return self if self.scaling is None else replace(self, scaling=self.scaling.fed(numbers))

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
            return "exponential" if self.loss_name == "poisson" and not self.own_rate else "linear"
        return "sigmoid" if self.units == 1 or self.several else "softmax"

    @property
    def metric(self) -> str:
        """Return the name of the metric that is reported with the loss."""
        return "mae" if self.task == "regression" else "accuracy"

    @property
    def metrics(self) -> tuple[str, ...]:
        """Return the names of what is measured beside the loss."""
        return (self.metric,)

    def told(self) -> tuple[Any, ...]:
        """Return plain values that part what two objectives compute."""
        known = self.task, self.outputs, None if self.loss is None else self.loss.dump(), self.own_rate
        return known if self.scaling is None else (*known, self.scaling.told())

    @property
    def loss_name(self) -> str:
        """Return the name of the loss in the study file."""
        if self.loss is not None:
            return self.loss.name
        if self.task == "regression":
            return "mean_squared_error"
        return "binary_crossentropy" if self.activation == "sigmoid" else "sparse_categorical_crossentropy"

    @property
    def penalty_unit(self) -> Any:
        """Return by what penalties are multiplied beside a loss that is told in the units of targets."""
        return 1.0 if self.scaling is None else (self.scaling.unit**self._power).mean()

    @property
    def _power(self) -> int:
        return TOLD[self.loss_name].unit  # type: ignore[attr-defined, no-any-return]  # of losses of differences

    def inner_loss(self, given: Given) -> Any:
        """Make Keras' own loss object, or return the function that is the loss.

        Args:
            given: What the loss will be computed from; where it takes no logits, from their predictions.
        """
        if self.function is not None:
            return self.function
        name = self.loss_name
        arguments = {} if self.loss is None else dict(self.loss.items())
        if name in FROM_LOGITS:
            arguments["from_logits"] = given == "logits"
        return LOSSES[name](**arguments)

    def keras_loss(self, *, from_logits: bool) -> Any:
        """Make the loss of a model that gives logits, or else predictions, for targets as data have them."""
        given: Given = "logits" if from_logits else "predictions"
        alike = self.units == 1 or self.several or self.loss_name in OF_NUMBERS
        if self.function is None and alike and (self.loss_name in FROM_LOGITS or self.activation == "linear"):
            return self.inner_loss(given)
        return LossOfRows(self, given)

    @property
    def exported_loss(self) -> Any:
        """Return the loss object that an exported model is compiled with; None where no stock loss fits.

        None too where a model would be loaded with another loss: Keras does not save the delta of Huber; and
        where a loss bends at so many deviations of transformed targets.
        """
        if self.function is not None or self.loss_name in FROM_SCORES:
            return None
        if self.scaling is not None and self.loss_name not in ("mean_squared_error", "mean_absolute_error"):
            return None
        loss = self.inner_loss("predictions")
        again = type(loss).from_config(loss.get_config())
        return loss if vars(again).get("_fn_kwargs") == vars(loss).get("_fn_kwargs") else None

    def targets(self, y: Any) -> Any:
        """Return targets in the form that the loss takes.

        Args:
            y: (n,) or (n, targets) targets.

        Returns:
            (n, units) float32 for a single unit and for several targets; else `y`, or (n, units) float32
            where the loss takes no numbers.
        """
        if self.several:
            return keras.ops.cast(y, "float32")
        if self.units == 1:
            return keras.ops.cast(keras.ops.expand_dims(y, -1), "float32")
        if self.loss_name in OF_NUMBERS or self.function is not None:
            return y
        return keras.ops.one_hot(y, self.outputs)

    def flat(self, y: Any) -> Any:
        """Return targets as the data have them, of which a trainer may have made a column."""
        return y if self.several else keras.ops.reshape(y, (-1,))

    def total_loss(self, y: Any, logits: Any, weights: Any = None) -> Any:
        """Return the mean loss of rows with their weights, as `fit` computes that of a batch."""
        loss = self.keras_loss(from_logits=True)
        targets = y if isinstance(loss, LossOfRows) else self.targets(y)
        return loss(targets, logits, sample_weight=weights)

    def losses(self, y: Any, logits: Any, weights: Any = None) -> Any:
        """Return the loss of each row, without penalties.

        Args:
            y: (n,) or (n, targets) targets.
            logits: (n, units) outputs of the model.
            weights: (n,) what the losses are multiplied by; None where it is nothing.

        Returns:
            (n,) losses.
        """
        if self.scaling is None:
            return self.minimized(y, logits, weights)
        pair = in_deviations(self.scaling, y, logits)
        found = told_losses(self.scaling, self.inner_loss("logits"), self._power, *pair)
        return found if weights is None else found * weights

    def minimized(self, y: Any, logits: Any, weights: Any = None) -> Any:
        """Return of each row what training minimizes, without penalties; with the arguments of `losses`."""
        found = self.losses_with(self.inner_loss("logits"), y, logits, "logits")
        return found if weights is None else found * weights

    def losses_of_predictions(self, y: Any, predictions: Any) -> Any:
        """Return the loss of each row as `losses` does, from predictions; hinges take them for scores."""
        inner = self.inner_loss("predictions")
        if self.scaling is None:
            return self.losses_with(inner, y, predictions, "predictions")
        pair = self.targets(y) / self.scaling.unit, predictions / self.scaling.unit
        return told_losses(self.scaling, inner, self._power, *pair)

    def losses_with(self, inner: Any, y: Any, given: Any, form: Given) -> Any:
        """Compute the losses of rows by what `inner_loss` made for the same form."""
        name = self.loss_name
        if form == "logits" and name not in FROM_LOGITS | FROM_SCORES:
            given = self._activated(given)
        targets = self.targets(y)
        if self.function is None:
            return inner.call(targets, given)
        found = keras.ops.cast(inner(targets, given), "float32")
        rows = keras.ops.shape(given)[0]
        return keras.ops.mean(keras.ops.reshape(found, (rows, -1)), axis=-1)

    def predictions(self, logits: Any) -> Any:
        """Return the exported model's predictions (n, units) for logits of this shape."""
        if self.scaling is not None:
            return own_units(self.scaling, logits)
        return self._activated(logits)

    def _activated(self, logits: Any) -> Any:
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

    def scores_of_logits(self, y: Any, logits: Any, predictions: Any = None) -> Any:
        """Return the metric of each row; `predictions` are those for the logits, where they are known."""
        if self.scaling is None:
            return self.scores(y, self.predictions(logits) if predictions is None else predictions)
        true, given = in_deviations(self.scaling, y, logits)
        return keras.ops.mean(keras.ops.abs(given - true) * self.scaling.unit, axis=-1)

    def measures(self, y: Any, logits: Any, predictions: Any = None) -> dict[str, Any]:
        """Return what is measured beside the loss, of each row, by the names of `metrics`.

        `predictions` are those for the logits, where they are known.
        """
        return {self.metric: self.scores_of_logits(y, logits, predictions)}

    def of_rows(self, y: Any, logits: Any, weights: Any = None) -> RowMeasures:
        """Return all that is told of rows; losses, those of several outputs too, with the rows' weights."""
        predictions = self.predictions(logits)
        measures = {
            name: values * weights if weights is not None and name.endswith("_loss") else values
            for name, values in self.measures(y, logits, predictions).items()
        }
        return predictions, self.losses(y, logits, weights), measures

    def _several_scores(self, y: Any, predictions: Any) -> Any:
        targets = self.targets(y)
        if self.task == "regression":
            return keras.ops.abs(predictions - targets)
        return keras.ops.cast(keras.ops.cast(predictions > 0.5, "float32") == targets, "float32")
