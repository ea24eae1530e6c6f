"""Several networks in one: the loss of each member, and the prediction of all."""

from __future__ import annotations

import math
from typing import Any

import keras

from hpsearch.models.components.joined_objective import JoinedObjective
from hpsearch.models.components.losses import LossOfRows
from hpsearch.models.components.objectives import Objective


class LossOfMembers(LossOfRows):
    """The mean of the losses of members, of which a model gives the logits in one row."""

    def __init__(self, objective: Objective) -> None:
        super().__init__(objective, "logits")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row."""
        logits = of_members(self.objective, y_pred)
        members = logits.shape[1]
        y = keras.ops.repeat(self.objective.flat(y_true), members, axis=0)
        rows = keras.ops.reshape(logits, (-1, self.objective.units))
        losses = self.objective.losses_with(self.inner, y, rows, self.given)
        return keras.ops.mean(keras.ops.reshape(losses, (-1, members)), axis=1)


def of_members(objective: Objective, logits: Any) -> Any:
    """Return logits (rows, members * units) as (rows, members, units)."""
    return keras.ops.reshape(logits, (-1, logits.shape[-1] // objective.units, objective.units))


def merged(objective: Objective, logits: Any) -> Any:
    """Return the logits of the mean of the predictions of members.

    Args:
        objective: The loss and the metric.
        logits: (rows, members, units).

    Returns:
        (rows, units).
    """
    if isinstance(objective, JoinedObjective):
        pieces = zip(objective.layout.given(), objective.parts, strict=True)
        return keras.ops.concatenate(
            [merged(part, logits[:, :, place]) for (_, place), part in pieces], axis=-1
        )
    if objective.activation == "linear":
        return keras.ops.mean(logits, axis=1)
    if objective.activation == "sigmoid":
        inside, outside = (keras.ops.log_sigmoid(sign) for sign in (logits, -logits))
        return keras.ops.logsumexp(inside, axis=1) - keras.ops.logsumexp(outside, axis=1)
    logs = keras.ops.log_softmax(logits, axis=-1) if objective.activation == "softmax" else logits
    return keras.ops.logsumexp(logs, axis=1) - math.log(logits.shape[1])
