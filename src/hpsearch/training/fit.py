"""The fit trainer: plain `model.fit`, on any backend of Keras."""

from __future__ import annotations

import keras

from hpsearch.datasets import Dataset, Split
from hpsearch.models import Builders
from hpsearch.spec import PythonModel
from hpsearch.training.fit_network import FitNetwork
from hpsearch.training.member import Member
from hpsearch.training.python_network import PythonNetwork
from hpsearch.training.trainer import Network, Trainer


class FitTrainer(Trainer):
    """Trains each member by `model.fit`, one epoch a call.

    With `stream` the rows are gathered batch by batch, and no second copy of the data is made. `builders` has
    the functions that build a person's own models.
    """

    def __init__(self, dataset: Dataset, *, stream: bool = False, builders: Builders | None = None) -> None:
        super().__init__(dataset)
        self.stream, self.builders = stream, builders

    def network(self, member: Member, split: Split) -> Network:
        if self.builders is not None and isinstance(member.configuration.model, PythonModel):
            return PythonNetwork(member, split, self.objective, self.builders, stream=self.stream)
        return FitNetwork(member, split, self.objective, stream=self.stream)

    def close(self) -> None:
        super().close()
        keras.backend.clear_session()
