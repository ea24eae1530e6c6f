"""What all networks of hidden layers have in common: how their layers are set up."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from hpsearch.spec.sections.activations import ACTIVATIONS, Activation
from hpsearch.spec.sections.architecture import Architecture
from hpsearch.spec.sections.initializers import INITIALIZERS, Initializer
from hpsearch.spec.sections.model_component import ModelComponent
from hpsearch.spec.study_file.distributions import Numeric, Searchable, alternatives, problem
from hpsearch.spec.study_file.parts import (
    Component,
    NonNegative,
    OneOf,
    PerLayer,
    Positive,
    Rate,
    bare,
    written_once,
)

Momentum = Annotated[float, Field(ge=0, le=1)]


class BeforeActivation(Component):
    """Batch normalization between the layer's kernel and its activation."""

    name = "before_activation"
    momentum: Searchable[Momentum] = 0.99
    epsilon: Searchable[Positive] = 1e-3


class AfterActivation(BeforeActivation):
    """Batch normalization behind the activation."""

    name = "after_activation"


BATCH_NORM: dict[str, type[Component]] = {
    "none": bare("none"),
    "before_activation": BeforeActivation,
    "after_activation": AfterActivation,
}
BatchNorm = Annotated[Component, OneOf("a position of batch normalization", BATCH_NORM)]


class InputBatchNorm(BeforeActivation):
    """Batch normalization of each input feature, or of each channel of images."""

    name = "batch_norm"


INPUT_BATCH_NORM: dict[str, type[Component]] = {"none": BATCH_NORM["none"], "batch_norm": InputBatchNorm}
InputNorm = Annotated[Component, OneOf("a kind of input normalization", INPUT_BATCH_NORM)]


_INITIALIZERS = written_once("initializer_of_layers")
_RATES, _PENALTIES = written_once("rate_of_layers"), written_once("penalty_of_layers")
_ACTIVATIONS, _BATCH_NORMS = written_once("activation_of_layers"), written_once("batch_norm_of_layers")


class Layered(ModelComponent):
    """A network of hidden layers, each with the same fields, and an output layer that the data call for."""

    input_batch_norm: Searchable[InputNorm] = INPUT_BATCH_NORM["none"]()
    input_dropout: Searchable[Rate] = 0.0
    initializer: Annotated[Searchable[PerLayer[Searchable[Initializer]]], _INITIALIZERS] = INITIALIZERS[
        "glorot_uniform"
    ]()
    activation: Annotated[Searchable[PerLayer[Searchable[Activation]]], _ACTIVATIONS] = ACTIVATIONS["relu"]()
    batch_norm: Annotated[Searchable[PerLayer[Searchable[BatchNorm]]], _BATCH_NORMS] = BATCH_NORM["none"]()
    dropout: Annotated[Searchable[PerLayer[Searchable[Rate]]], _RATES] = 0.0
    alpha_dropout: Annotated[Searchable[PerLayer[Searchable[Rate]]], _RATES] = 0.0
    l1: Annotated[Searchable[PerLayer[Searchable[NonNegative]]], _PENALTIES] = 0.0
    l2: Annotated[Searchable[PerLayer[Searchable[NonNegative]]], _PENALTIES] = 0.0
    activity_l1: Annotated[Searchable[PerLayer[Searchable[NonNegative]]], _PENALTIES] = 0.0
    activity_l2: Annotated[Searchable[PerLayer[Searchable[NonNegative]]], _PENALTIES] = 0.0
    output_initializer: Searchable[Initializer] = INITIALIZERS["glorot_uniform"]()

    layers_are: ClassVar[str] = "hidden layers"

    @model_validator(mode="after")
    def _lists_have_one_item_for_each_layer(self) -> Self:
        for name in Layered.model_fields:
            check_lists(name, getattr(self, name), self.depths(), self.layers_are)
        return self

    @abstractmethod
    def depths(self) -> set[int | None]:
        """Collect the numbers of hidden layers that are possible; None stands for a range."""

    @property
    @abstractmethod
    def architecture(self) -> Architecture:
        """Return the layers of a configuration."""

    def of_layer(self, field: str, index: int) -> Any:
        """Return the setting of one hidden layer, shared or its own."""
        return item_of(getattr(self, field), index)

    def normalizes_kernel(self, index: int) -> bool:
        return bool(self.of_layer("batch_norm", index).name == BeforeActivation.name)


def item_of(value: Any, index: int) -> Any:
    """Return the setting of one layer: that of all, or its own."""
    return value[index] if isinstance(value, tuple) else value


def check_lists(field: str, value: Any, depths: set[int | None], layers: str) -> None:
    """Check that each list of a field has one setting for each layer.

    Args:
        field: The name of the field, for the message.
        value: Its value: a setting, a list, or a choice of these.
        depths: The numbers of layers that are possible; None stands for a range.
        layers: What the layers are called in the message, such as "hidden layers".

    Raises:
        PydanticCustomError: A list has another number of settings, or the number of layers is searched.
    """
    for settings in alternatives(value):
        if isinstance(settings, tuple) and depths != {len(settings)}:
            expected = f"in {field!r} one setting, or a list with one for each of the {layers}"
            found = f"{len(settings)} settings for {_spoken(depths)} {layers}"
            raise problem(expected, found=found, at=(field,))


def counted(value: Any) -> set[int | None]:
    """Collect the whole numbers that can stand in a place; None stands for a range."""
    return {None if isinstance(number, Numeric) else number for number in alternatives(value)}


def _spoken(depths: set[int | None]) -> str:
    known = sorted(depth for depth in depths if depth is not None)
    return "a searched number of" if None in depths else " or ".join(map(str, known))


def given(**fields: object) -> str:
    """Name the fields that are given."""
    present = [f"'{name}'" for name, value in fields.items() if value is not None]
    return " and ".join(present) or "none of them"
