"""Networks that a person's own function builds, trained by `fit` like any other."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.components.objectives import Objective
from hpsearch.datasets import Split
from hpsearch.exceptions import ModelError
from hpsearch.models import Builders, training_model
from hpsearch.spec import PythonModel
from hpsearch.training.member import Member
from hpsearch.training.nested_network import NestedNetwork
from hpsearch.training.trainer import EpochPlan, EpochResult


class PythonNetwork(NestedNetwork):
    """A network whose layers are a person's own: what they raise is a result, and they are not reseeded.

    Their random states go on from epoch to epoch, as in `fit`, and are part of the network's state.
    """

    def __init__(
        self, member: Member, split: Split, objective: Objective, builders: Builders, *, stream: bool = False
    ) -> None:
        model = member.configuration.model
        assert isinstance(model, PythonModel)  # noqa: S101 - the trainer asked
        self.builders, self.python = builders, model
        with builders.blamed(model):
            super().__init__(member, split, objective, stream=stream)

    def _model(self, features: tuple[int, ...]) -> keras.Model:
        return training_model(
            self.member.configuration, features, self.objective, self.member.seed, self.builders
        )

    def _seed_noise(self, seed: int) -> None:
        """Seed what draws without a state in the model."""
        keras.utils.set_random_seed(seed % 2**32)

    def train(self, plan: EpochPlan) -> EpochResult:
        try:
            with self.builders.blamed(self.python):
                return super().train(plan)
        except ModelError as failure:
            score = self.objective.metric
            names = ("loss", "loss_with_penalties", score)
            lost = {f"{part}{name}": math.nan for part in ("", "val_") for name in names}
            return EpochResult(lost, None, cause=str(failure))

    def state(self) -> dict[str, NDArray[Any]]:
        states = self._random_states().items()
        return super().state() | {
            name: np.array(keras.ops.convert_to_numpy(state.value)) for name, state in states
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        with self.builders.blamed(self.python):
            super().restore(arrays)
            for name, state in self._random_states().items():
                state.assign(arrays[name])
