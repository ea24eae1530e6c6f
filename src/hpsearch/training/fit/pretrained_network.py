"""Networks on the body of a donor: frozen at first, and perhaps trained later."""

from __future__ import annotations

from typing import Any, cast

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Split
from hpsearch.models.components.objectives import Objective
from hpsearch.models.sources.pretrained import PretrainedSource, body_of
from hpsearch.spec import Pretrained
from hpsearch.training.fit.execution import FitExecution
from hpsearch.training.fit.nested_network import NestedNetwork
from hpsearch.training.fit.network import RunBy
from hpsearch.training.interface import EpochPlan, EpochResult
from hpsearch.training.messages import Member

UNFROZEN = "phase/unfrozen"


class PretrainedNetwork(NestedNetwork):
    """A network whose body is frozen for some epochs.

    Between the phases it is compiled again, because only then does Keras train the body; the optimizer begins
    anew (keras.io/guides/transfer_learning, "Fine-tuning").
    """

    def __init__(
        self,
        member: Member,
        split: Split,
        objective: Objective,
        source: PretrainedSource,
        *,
        stream: bool = False,
        run_by: RunBy = FitExecution,
    ) -> None:
        # The table of networks names this one for such models only.
        self.pretrained = cast("Pretrained", member.configuration.model)
        self.frozen = self.pretrained.is_frozen(1)
        super().__init__(member, split, objective, source, stream=stream, run_by=run_by)

    def _model(self, features: tuple[int, ...]) -> keras.Model:
        model = super()._model(features)
        body_of(model).trainable = not self.frozen
        return model

    def _unfreeze(self) -> None:
        self.frozen = False
        body_of(self.model).trainable = True
        self._compile()

    def train(self, plan: EpochPlan) -> EpochResult:
        if self.frozen and not self.pretrained.is_frozen(plan.epoch):
            self._unfreeze()
        return super().train(plan)

    def state(self) -> dict[str, NDArray[Any]]:
        return {**super().state(), UNFROZEN: np.array(not self.frozen)}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        if self.frozen and arrays[UNFROZEN]:
            self._unfreeze()
        super().restore(arrays)
