"""The fit trainer: plain `model.fit`, on any backend of Keras."""

from __future__ import annotations

import keras

from hpsearch.datasets import Dataset, Split
from hpsearch.models import Bodies, Builders
from hpsearch.spec import Pretrained, PythonModel
from hpsearch.training.fit_network import FitNetwork
from hpsearch.training.member import Member
from hpsearch.training.pretrained_network import PretrainedNetwork
from hpsearch.training.python_network import PythonNetwork
from hpsearch.training.trainer import Network, Trainer


class FitTrainer(Trainer):
    """Trains each member by `model.fit`, one epoch a call.

    With `stream` the rows are gathered batch by batch, and no second copy of the data is made. `builders` has
    the functions that build a person's own models, `bodies` the donors of those that reuse saved ones.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        stream: bool = False,
        builders: Builders | None = None,
        bodies: Bodies | None = None,
    ) -> None:
        super().__init__(dataset)
        self.stream, self.builders, self.bodies = stream, builders, bodies

    def network(self, member: Member, split: Split) -> Network:
        model = member.configuration.model
        if self.bodies is not None and isinstance(model, Pretrained):
            return PretrainedNetwork(member, split, self.objective, self.bodies, stream=self.stream)
        if self.builders is not None and isinstance(model, PythonModel):
            return PythonNetwork(member, split, self.objective, self.builders, stream=self.stream)
        return FitNetwork(member, split, self.objective, stream=self.stream)

    def close(self) -> None:
        super().close()
        keras.backend.clear_session()
