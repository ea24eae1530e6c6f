"""The model section: which network, and how its layers are set up."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from hpsearch.spec.sections.architecture import Architecture, Dense
from hpsearch.spec.sections.cnn import Cnn
from hpsearch.spec.sections.embeddings import (
    CATEGORY_EMBEDDINGS,
    NUMBER_EMBEDDINGS,
    CategoryEmbedding,
    NumberEmbedding,
)
from hpsearch.spec.sections.keras_tuner_model import KerasTunerModel
from hpsearch.spec.sections.layered import BATCH_NORM, Layered, counted, given
from hpsearch.spec.sections.model_component import ModelComponent
from hpsearch.spec.sections.pretrained import Pretrained
from hpsearch.spec.sections.python_model import PythonModel
from hpsearch.spec.sections.realmlp import RealMlp
from hpsearch.spec.sections.sequential import Sequential
from hpsearch.spec.sections.tabm import Tabm
from hpsearch.spec.study_file.distributions import Searchable, alternatives, problem
from hpsearch.spec.study_file.parts import (
    Component,
    Count,
    ListedOrNone,
    OneOf,
    Positive,
    Units,
    label_of,
    written_once,
)


class Sizes(Component):
    """The sizes of dense hidden layers, given by `hidden`, or by `layers` and `units`."""

    hidden: Annotated[Searchable[ListedOrNone[Units]] | None, written_once("hidden")] = None
    layers: Searchable[Annotated[int, Field(ge=0, le=1_000)]] | None = None
    units: Searchable[Count] | None = None

    @model_validator(mode="after")
    def _sizes_are_given_once(self) -> Self:
        by_list, by_number = (self.hidden is not None, (self.layers, self.units) != (None, None))
        if by_list == by_number or (by_number and None in (self.layers, self.units)):
            raise problem(
                "the sizes of the hidden layers: either 'hidden' or both 'layers' and 'units'",
                found=given(hidden=self.hidden, layers=self.layers, units=self.units),
            )
        return self


class NormBeforeActivation(Component):
    """Layer normalization between the layer's kernel and its activation."""

    name = "before_activation"
    epsilon: Searchable[Positive] = 1e-3


class NormAfterActivation(NormBeforeActivation):
    """Layer normalization behind the activation."""

    name = "after_activation"


LAYER_NORM: dict[str, type[Component]] = {
    "none": BATCH_NORM["none"],
    "before_activation": NormBeforeActivation,
    "after_activation": NormAfterActivation,
}
LayerNorm = Annotated[Component, OneOf("a position of layer normalization", LAYER_NORM)]


_FLAG = written_once("flag_of_tables")


class Mlp(Layered, Sizes):
    """A multilayer perceptron: each hidden layer is dense, activation, dropout and alpha dropout.

    Without hidden layers it is a linear or logistic regression. The fields that `unwritten` names make of it
    a network for tables, which is trained as any Keras model.
    """

    name = "mlp"
    unwritten: ClassVar = frozenset(
        {"embedding", "categories", "input_scale", "layer_norm", "residual", "parametric_activation"}
    )
    embedding: NumberEmbedding = NUMBER_EMBEDDINGS["none"]()
    categories: CategoryEmbedding = CATEGORY_EMBEDDINGS["one_hot"]()
    input_scale: Annotated[Searchable[bool], _FLAG] = False
    layer_norm: Searchable[LayerNorm] = LAYER_NORM["none"]()
    residual: Annotated[Searchable[bool], _FLAG] = False
    parametric_activation: Annotated[Searchable[bool], _FLAG] = False

    @property
    def is_plain(self) -> bool:
        """Return whether it has none of what the programs of perceptrons lack, whatever is chosen."""
        fields = type(self).model_fields
        return all(getattr(self, name) == fields[name].default for name in self.unwritten)

    @property
    def probed(self) -> bool:
        return self.is_plain

    def depths(self) -> set[int | None]:
        if self.layers is not None:
            return counted(self.layers)
        return {len(sizes) for sizes in alternatives(self.hidden)}

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return the units of each hidden layer of a configuration."""
        if self.hidden is not None:
            return self.hidden
        return (self.units or 0,) * (self.layers or 0)

    @property
    def architecture(self) -> Architecture:
        return Architecture(tuple(map(Dense, self.sizes)))

    @property
    def initial_network(self) -> tuple[str, ...]:
        fields = (self.initializer, self.activation, self.batch_norm, self.output_initializer)
        return (str(self.sizes), *map(label_of, fields))


MODELS: dict[str, type[ModelComponent]] = {
    "mlp": Mlp,
    "cnn": Cnn,
    "realmlp": RealMlp,
    "tabm": Tabm,
    "sequential": Sequential,
    "pretrained": Pretrained,
    "python": PythonModel,
    "keras_tuner": KerasTunerModel,
}
Model = Annotated[ModelComponent, OneOf("a kind of model", MODELS)]
