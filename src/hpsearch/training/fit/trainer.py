"""The fit trainer: plain `model.fit`, on any backend of Keras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras

from hpsearch.data import Dataset, Split
from hpsearch.models.sources.kinds import LAYERED, Sources
from hpsearch.training.class_weights import with_class_weights
from hpsearch.training.fit.execution import Execution, FitExecution, StreamExecution
from hpsearch.training.fit.inner_network import RealMlpNetwork, TabmNetwork
from hpsearch.training.fit.nested_network import NestedNetwork
from hpsearch.training.fit.network import FitNetwork
from hpsearch.training.fit.own_fit_network import tuned_network
from hpsearch.training.fit.pretrained_network import PretrainedNetwork
from hpsearch.training.fit.python_network import PythonNetwork
from hpsearch.training.interface import Network
from hpsearch.training.messages import Member
from hpsearch.training.trainer import Trainer

NETWORKS: dict[str, Callable[..., FitNetwork]] = {
    "pretrained": PretrainedNetwork,
    "python": PythonNetwork,
    "keras_tuner": tuned_network,
    "realmlp": RealMlpNetwork,
    "tabm": TabmNetwork,
    "sequential": NestedNetwork,
}
"""The kinds of model that are trained otherwise than by `fit` alone."""


class FitTrainer(Trainer):
    """Trains each member by `model.fit`, one epoch per call.

    The models come from the `sources` of the study. With `stream` the rows are gathered batch by batch,
    without a second copy of the data.
    """

    def __init__(self, dataset: Dataset, *, stream: bool = False, sources: Sources = LAYERED) -> None:
        super().__init__(dataset)
        self.stream, self.sources = stream, sources
        self._notes: dict[str, bool] = {}

    def network(self, member: Member, split: Split) -> Network:
        model = member.configuration.model
        kind = NETWORKS.get(model.name, FitNetwork)
        source, objective = self.sources.of(model), self.objective_of(member.configuration, split)
        split = split.trained
        train = with_class_weights(member.configuration.training, split.train, self.dataset.labels)
        if train is not split.train:
            split = replace(split, train=train)
        network = kind(member, split, objective, source, stream=self.stream, run_by=self.run_by)
        for note in network.notes:
            self._note(note)
        return network

    def new_notes(self) -> tuple[str, ...]:
        new = tuple(note for note, told in self._notes.items() if not told)
        self._notes.update(dict.fromkeys(new, True))
        return (*super().new_notes(), *new)

    def _note(self, text: str) -> None:
        self._notes.setdefault(text, False)

    def run_by(self, network: FitNetwork) -> Execution:
        """Say how the epochs of a network run."""
        stream = self.dataset.stream
        return FitExecution(network) if stream is None else StreamExecution(network, stream)

    def close(self) -> None:
        super().close()
        keras.backend.clear_session()
