"""Models that reuse the first layers of donors; each donor is read once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self, cast

import keras

from hpsearch.data import Dataset
from hpsearch.exceptions import DonorError
from hpsearch.models.components.objectives import Objective
from hpsearch.models.interface import ModelFiles, ModelSource
from hpsearch.models.sources.donor import Donor
from hpsearch.models.sources.layered import connect, first_weights
from hpsearch.models.weights import Weights
from hpsearch.spec import Data, Mlp, Pretrained, StudySpec, pretrained_models
from hpsearch.spec.sources.donor_file import DonorFile, check_unchanged, donor_name
from hpsearch.spec.study_file.distributions import Choice, Numeric

BODY = "body"


class PretrainedSource(ModelSource[Pretrained]):
    """The donors of a study by name, each checked against the study's models and data.

    Args:
        files: The donors' files.
        model: The model section, with all its alternatives.
        data: The data section, whose scaling must agree with the donors' own.
        dataset: The data, whose rows the donors must take.

    Raises:
        DonorError: A donor does not suit the models or the data.
        StudyMismatchError: A file has changed.
    """

    setting = "donor"
    not_compiled = "the compiled trainer has no programs for the layers of a saved model"

    def __init__(self, files: Iterable[DonorFile], model: Any, data: Data, dataset: Dataset) -> None:
        files = tuple(files)
        self.files = tuple(Path(file.path) for file in files)
        self._donors = {file.name: _donor(file, data, dataset) for file in files}
        self.fingerprint = " ".join(donor.fingerprint for donor in self._donors.values())
        for _, pretrained in pretrained_models(model):
            self._donors[donor_name(pretrained)].body(self._most_layers(pretrained))

    @classmethod
    def of_study(cls, spec: StudySpec, files: ModelFiles, dataset: Dataset) -> Self:
        """Read the donors of a study."""
        return cls(files.donors, spec.model, spec.data, dataset)

    def _most_layers(self, model: Pretrained) -> int:
        return max(self._number(model, option) for option in _alternatives(model.layers))

    def _number(self, model: Pretrained, layers: Any) -> int:
        return self._donors[donor_name(model)].depth if layers == "all" else int(layers)

    def build(self, model: Pretrained) -> keras.Model:
        """Make new layers with the donor's weights."""
        return self._donors[donor_name(model)].body(self._number(model, model.layers)).build()

    def connect(
        self, model: Pretrained, inputs: Any, objective: Objective, seed: int, *, training: bool
    ) -> Any:
        """Connect a new copy of the reused layers and the head to rows."""
        body = self.build(model)
        return connect(_head(model), body(inputs), objective, seed, training=training)

    def first_weights(
        self, model: Pretrained, network: keras.Model, objective: Objective, seed: int
    ) -> Weights:
        """Return the donor's weights, and freshly drawn ones for the head."""
        body = body_of(network)
        kept = {f"model/{index}": weight for index, weight in enumerate(body.get_weights())}
        return kept | first_weights(_head(model), body.output_shape[1:], objective, seed)


def _donor(file: DonorFile, data: Data, dataset: Dataset) -> Donor:
    check_unchanged(file)
    donor = Donor(Path(file.path))
    if donor.features != dataset.features:
        raise DonorError(
            f"model.pretrained.donor: {file.path}: it takes rows of shape {donor.features}, but those of "
            f"{dataset.source} have shape {dataset.features}"
        )
    donor.agree_on_scaling(data.rescale, scaled=data.is_scaled)
    return donor


def _alternatives(value: Any) -> list[Any]:
    if isinstance(value, Choice):
        return [inner for option in value.options for inner in _alternatives(option)]
    return [value.high if isinstance(value, Numeric) else value]


def _head(model: Pretrained) -> Mlp:
    """Return the head as a perceptron, which may have no hidden layer here."""
    return Mlp.model_construct(
        hidden=model.hidden or (),
        initializer=model.initializer,
        activation=model.activation,
        input_dropout=model.dropout,
        dropout=model.dropout,
        output_initializer=model.output_initializer,
    )


def body_of(model: keras.Model) -> keras.Model:
    """Return the reused layers of a model that `connect` made."""
    return cast("keras.Model", model.get_layer(BODY))
