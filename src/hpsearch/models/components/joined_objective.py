"""The objective of several outputs: the weighted sum of the losses of its parts, and the metric of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import keras

from hpsearch.data.named_targets import TargetLayout
from hpsearch.data.target_scaling import TargetScaling
from hpsearch.models.components.losses import Given, LossOfRows
from hpsearch.models.components.objectives import Objective


@dataclass(frozen=True)
class JoinedObjective(Objective):
    """What `Objective` is for rows of several targets, each of which an output of its own predicts.

    Targets stand as columns of one array, and so do logits and predictions.

    Attributes:
        layout: The targets.
        parts: The loss and the metric of each.
        loss_weights: What the loss of each is multiplied by.
    """

    layout: TargetLayout = field(default_factory=lambda: TargetLayout(()))
    parts: tuple[Objective, ...] = ()
    loss_weights: tuple[float, ...] = ()

    def of(self, scaling: TargetScaling | None) -> Self:
        """Return the objective of targets of which the quantities are transformed so."""
        if scaling is None:
            return self
        places = zip(self.layout.places(), self.parts, strict=True)
        parts = tuple(
            part.of(scaling.of(columns) if one.task == "regression" else None)
            for (one, columns), part in places
        )
        return replace(self, scaling=scaling, parts=parts)

    @property
    def penalty_unit(self) -> Any:
        """Return the mean of that of the parts, weighted as their losses are."""
        if self.scaling is None:
            return 1.0
        pairs = list(zip(self.loss_weights, self.parts, strict=True))
        return sum(weight * part.penalty_unit for weight, part in pairs) / sum(self.loss_weights)

    @property
    def units(self) -> int:
        """Return the number of units of all outputs together."""
        return sum(part.units for part in self.parts)

    @property
    def several(self) -> bool:
        """Return that each row has several targets."""
        return True

    @property
    def metrics(self) -> tuple[str, ...]:
        """Return the names of what is measured beside the loss: the loss and the metric of each output."""
        return self.layout.metrics

    def told(self) -> tuple[Any, ...]:
        """Return plain values that part what two objectives compute."""
        return self.task, self.loss_weights, *(part.told() for part in self.parts)

    def inner_loss(self, given: Given) -> Any:
        """Make the loss object of each part."""
        return [part.inner_loss(given) for part in self.parts]

    def keras_loss(self, *, from_logits: bool) -> Any:
        """Make the loss of a model that gives the logits of all parts, or else their predictions."""
        return LossOfRows(self, "logits" if from_logits else "predictions")

    @property
    def exported_loss(self) -> Any:
        """Return the loss of each output of an exported model by its name."""
        named = zip(self.layout.targets, self.parts, strict=True)
        return {one.name: part.exported_loss for one, part in named}

    def targets(self, y: Any) -> Any:
        """Return targets as they are; each part takes its own."""
        return y

    def losses_with(self, inner: Any, y: Any, given: Any, form: Given) -> Any:
        """Return the weighted sum of the losses of each row."""
        losses = [
            part.losses_with(loss, own, outputs, form)
            for loss, (_, part, own, outputs) in zip(inner, self._pieces(y, given), strict=True)
        ]
        return sum(weight * loss for weight, loss in zip(self.loss_weights, losses, strict=True))

    def losses(self, y: Any, logits: Any, weights: Any = None) -> Any:
        """Return the weighted sum of the losses of each row, each in the units of its target."""
        if self.scaling is None:
            return self.minimized(y, logits, weights)
        losses = [part.losses(own, given) for _, part, own, given in self._pieces(y, logits)]
        found = sum(weight * loss for weight, loss in zip(self.loss_weights, losses, strict=True))
        return found if weights is None else found * weights

    def predictions(self, logits: Any) -> Any:
        """Return the predictions of all parts."""
        parts = zip(self.layout.given(), self.parts, strict=True)
        given = [part.predictions(logits[:, place]) for (_, place), part in parts]
        return keras.ops.concatenate(given, axis=-1)

    def measures(self, y: Any, logits: Any, predictions: Any = None) -> dict[str, Any]:
        """Return the loss and the metric of each part, of each row."""
        given = self.predictions(logits) if predictions is None else predictions
        measured = {}
        of_logits, of_predictions = self._pieces(y, logits), self._pieces(y, given)
        for (name, part, own, outputs), (*_, predicted) in zip(of_logits, of_predictions, strict=True):
            measured[f"{name}_loss"] = part.losses(own, outputs)
            measured[f"{name}_{part.metric}"] = part.scores_of_logits(own, outputs, predicted)
        return measured

    def _pieces(self, y: Any, given: Any) -> Iterator[tuple[str, Objective, Any, Any]]:
        """Iterate over the name, the objective, the targets and the outputs of each part."""
        places = zip(self.layout.places(), self.layout.given(), self.parts, strict=True)
        for (one, columns), (_, units), part in places:
            own = y[:, columns] if part.several else y[:, columns.start]
            own = keras.ops.cast(own, "int32") if one.task == "classification" else own
            yield one.name, part, own, given[:, units]


def joined_objective(
    layout: TargetLayout, losses: Mapping[str, Any], weights: Mapping[str, float], *, own_rate: bool
) -> JoinedObjective:
    """Make the objective of several targets.

    Args:
        layout: The targets.
        losses: The losses of the study file by target; one that is left out has that of its task.
        weights: What losses are multiplied by; one that is left out counts once.
        own_rate: Whether a model gives the rate that a Poisson loss is of.
    """
    parts = tuple(
        Objective(one.task, one.outputs, losses.get(one.name), own_rate=own_rate) for one in layout.targets
    )
    given = tuple(float(weights.get(one.name, 1.0)) for one in layout.targets)
    return JoinedObjective("multitask", len(parts), layout=layout, parts=parts, loss_weights=given)
