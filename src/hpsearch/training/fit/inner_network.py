"""Networks of which training ends at an inner layer: what is behind it serves predictions alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import keras

from hpsearch.models.components.members import LossOfMembers, merged, of_members
from hpsearch.models.components.objectives import Objective
from hpsearch.models.sources.realmlp import OUTPUT, group_of, rate_factors
from hpsearch.models.sources.tabm import MEMBERS
from hpsearch.spec.sections.losses import LOSSES
from hpsearch.spec.sections.realmlp import RealMlp
from hpsearch.training.fit.network import FitNetwork


class InnerNetwork(FitNetwork):
    """A network that is trained at the outputs of the layer `inner`."""

    inner: str

    def _model(self, features: tuple[int, ...]) -> keras.Model:
        model = super()._model(features)
        self._trained = keras.Model(model.inputs, model.get_layer(self.inner).output)
        return model

    @property
    def trained(self) -> keras.Model:
        return self._trained


class RealMlpNetwork(InnerNetwork):
    """RealMLP: labels are smoothed, outputs not clamped, and groups of variables have their own rates."""

    inner = OUTPUT

    def _compile_with(self, optimizer: Any, **arguments: Any) -> None:
        model = cast("RealMlp", self.member.configuration.model)
        rate_factors(model, self.objective).put_into(optimizer, group_of)
        smoothed = smoothed_objective(self.objective, model.label_smoothing)
        super()._compile_with(optimizer, **{**arguments, "loss": smoothed.keras_loss(from_logits=True)})


class TabmNetwork(InnerNetwork):
    """TabM: the loss is the mean of those of its members, and all else is of their mean prediction."""

    inner = MEMBERS

    def _compile_with(self, optimizer: Any, **arguments: Any) -> None:
        super()._compile_with(optimizer, **{**arguments, "loss": LossOfMembers(self.objective)})

    def _bare_losses(self, y: Any, logits: Any) -> Any:
        return super()._bare_losses(y, self._merged(logits))

    def _told_losses(self, y: Any, logits: Any) -> Any:
        return super()._told_losses(y, self._merged(logits))

    def _scores(self, y: Any, logits: Any) -> Any:
        return super()._scores(y, self._merged(logits))

    def _measure(self, name: str) -> Callable[[Any, Any], Any]:
        of_all = super()._measure(name)

        def measured(y: Any, logits: Any) -> Any:
            return of_all(y, self._merged(logits))

        return measured

    def _merged(self, logits: Any) -> Any:
        return merged(self.objective, of_members(self.objective, logits))


def smoothed_objective(objective: Objective, smoothing: float) -> Objective:
    """Return an objective whose own cross-entropy is of smoothed labels; any other loss stays."""
    if objective.loss is not None or objective.function is not None or not smoothing:
        return objective
    name = objective.loss_name.removeprefix("sparse_")
    if not name.endswith("crossentropy"):
        return objective
    return replace(objective, loss=LOSSES[name].model_validate({"label_smoothing": smoothing}))
