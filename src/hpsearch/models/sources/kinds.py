"""The sources of the Keras models of a study: a literal table from the kinds of the study file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import keras

from hpsearch.data import Dataset, Rows
from hpsearch.models.components.embeddings import FeatureLayout, fit_bins
from hpsearch.models.components.joined_objective import joined_objective
from hpsearch.models.components.objectives import Objective
from hpsearch.models.interface import ModelFiles, ModelSource
from hpsearch.models.sources.keras_tuner import KerasTunerSource
from hpsearch.models.sources.layered import connect, entering, first_weights
from hpsearch.models.sources.pretrained import PretrainedSource
from hpsearch.models.sources.python import PythonSource
from hpsearch.models.sources.realmlp import RealMlpSource
from hpsearch.models.sources.sequential import SequentialSource
from hpsearch.models.sources.tabm import TabmSource
from hpsearch.models.weights import Weights, weights_of
from hpsearch.spec import Configuration, Layered, Mlp, ModelComponent, OwnModel, StudySpec
from hpsearch.spec.sections.own_function import OwnFunction
from hpsearch.spec.study_file.distributions import alternatives

FOR_TABLES = "what a perceptron for tables has is trained by the programs of any Keras model"


class LayeredSource(ModelSource[Layered]):
    """Networks whose hidden layers the study file describes.

    Args:
        layout: The features of rows; None where no configuration embeds them.
        not_compiled: Why the programs of perceptrons cannot train a study's networks; empty if they can.
    """

    def __init__(self, layout: FeatureLayout | None = None, not_compiled: str = "") -> None:
        self.layout, self.not_compiled = layout, not_compiled  # type: ignore[misc]  # of the study

    @classmethod
    def of_study(cls, spec: StudySpec, files: ModelFiles, dataset: Dataset) -> Self:
        """Make the source; there are no files to read."""
        del files
        models = alternatives(spec.model)
        plain = all(model.is_plain for model in models if isinstance(model, Mlp))
        return cls(FeatureLayout.of(dataset), "" if plain else FOR_TABLES)

    def connect(self, model: Layered, inputs: Any, objective: Objective, seed: int, *, training: bool) -> Any:
        """Connect stock layers."""
        return connect(model, inputs, objective, seed, training=training, layout=self.layout)

    def first_weights(self, model: Layered, network: keras.Model, objective: Objective, seed: int) -> Weights:
        """Draw the weights of each layer from a seed of its own."""
        if isinstance(model, Mlp) and not model.is_plain:
            return weights_of(network) | first_weights(model, entering(network), objective, seed)
        return first_weights(model, network.input_shape[1:], objective, seed)

    def fit_to(
        self, model: Layered, network: keras.Model, rows: Rows, objective: Objective, seed: int
    ) -> None:
        """Put the edges of bins into a network."""
        del model, objective, seed
        if self.layout is not None:
            fit_bins(network, self.layout, rows.x)


SOURCES: dict[str, type[ModelSource[Any]]] = {
    "mlp": LayeredSource,
    "cnn": LayeredSource,
    "realmlp": RealMlpSource,
    "tabm": TabmSource,
    "sequential": SequentialSource,
    "python": PythonSource,
    "keras_tuner": KerasTunerSource,
    "pretrained": PretrainedSource,
}


class Sources:
    """The sources of a study by kind of model."""

    def __init__(self, by_kind: Mapping[str, ModelSource[Any]]) -> None:
        self._by_kind = dict(by_kind)

    def of(self, model: ModelComponent) -> ModelSource[Any]:
        """Return the source of a configuration's model."""
        return self._by_kind[model.name]

    def explored(self, spec: StudySpec) -> StudySpec:
        """Return a study with what only running its files tells of its search space.

        Raises:
            ModelCodeError: A file fails.
        """
        for source in self._by_kind.values():
            spec = source.explored(spec)
        return spec

    def objective(self, configuration: Configuration, dataset: Dataset) -> Objective:
        """Return the loss and the metric of a configuration on data.

        Raises:
            ModelCodeError: The loss is a function that its file lacks.
        """
        model, loss = configuration.model, configuration.training.loss
        function = None
        if isinstance(loss, OwnFunction):
            function = self.of(model).function(model, loss.function, "training.loss")
        own_rate = isinstance(model, OwnModel)
        if dataset.target_layout is not None:
            training = configuration.training
            losses, weights = (
                {} if given is None else dict(given.items())
                for given in (training.losses, training.loss_weights)
            )
            return joined_objective(dataset.target_layout, losses, weights, own_rate=own_rate)
        return Objective(dataset.task, dataset.outputs, loss, function, own_rate)

    @property
    def fingerprints(self) -> dict[str, str]:
        """Return the fingerprints of the models' files, by the study's setting that records each."""
        return {one.setting: one.fingerprint for one in self._by_kind.values() if one.files}

    @property
    def not_compiled(self) -> tuple[str, ...]:
        """Return the reasons why the compiled trainer cannot train the study's models; empty if it can."""
        return tuple(one.not_compiled for one in self._by_kind.values() if one.not_compiled)


LAYERED = Sources({"mlp": LayeredSource(), "cnn": LayeredSource()})
"""The sources of a study that needs no files."""


def sources_of(spec: StudySpec, files: ModelFiles, dataset: Dataset) -> Sources:
    """Read the files that the models of a study come from, each file once.

    Args:
        spec: The study.
        files: The paths and fingerprints known so far.
        dataset: The data, which a saved model must suit.

    Raises:
        HpsearchError: A file cannot be read, does not suit the data, or has changed.
    """
    wanted = {model.name for model in alternatives(spec.model)}
    return Sources(
        {name: kind.of_study(spec, files, dataset) for name, kind in SOURCES.items() if name in wanted}
    )
