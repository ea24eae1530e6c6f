"""The model section: which network, and how its layers are set up."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from hpsearch.spec.activations import ACTIVATIONS, Activation
from hpsearch.spec.distributions import Choice, Numeric, Searchable, problem
from hpsearch.spec.initializers import INITIALIZERS, Initializer
from hpsearch.spec.parts import Component, Count, Listed, NonNegative, OneOf, PerLayer, Positive, Rate, bare
from hpsearch.spec.pretrained import Pretrained
from hpsearch.spec.python_model import PythonModel

Momentum = Annotated[float, Field(ge=0, le=1)]


class BeforeActivation(Component):
    """Batch normalization between the dense layer and its activation."""

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
    """Batch normalization of each input feature."""

    name = "batch_norm"


INPUT_BATCH_NORM: dict[str, type[Component]] = {"none": BATCH_NORM["none"], "batch_norm": InputBatchNorm}
InputNorm = Annotated[Component, OneOf("a kind of input normalization", INPUT_BATCH_NORM)]


class Mlp(Component):
    """A multilayer perceptron: each hidden layer is dense, activation, dropout and alpha dropout.

    The sizes of the hidden layers are given by `hidden`, or by `layers` and `units`.
    """

    name = "mlp"
    hidden: Searchable[Listed[Searchable[Count]]] | None = None
    layers: Searchable[Annotated[int, Field(ge=1, le=1_000)]] | None = None
    units: Searchable[Count] | None = None
    input_batch_norm: Searchable[InputNorm] = INPUT_BATCH_NORM["none"]()
    input_dropout: Searchable[Rate] = 0.0
    initializer: Searchable[PerLayer[Searchable[Initializer]]] = INITIALIZERS["glorot_uniform"]()
    activation: Searchable[PerLayer[Searchable[Activation]]] = ACTIVATIONS["relu"]()
    batch_norm: Searchable[PerLayer[Searchable[BatchNorm]]] = BATCH_NORM["none"]()
    dropout: Searchable[PerLayer[Searchable[Rate]]] = 0.0
    alpha_dropout: Searchable[PerLayer[Searchable[Rate]]] = 0.0
    l1: Searchable[PerLayer[Searchable[NonNegative]]] = 0.0
    l2: Searchable[PerLayer[Searchable[NonNegative]]] = 0.0
    activity_l1: Searchable[PerLayer[Searchable[NonNegative]]] = 0.0
    activity_l2: Searchable[PerLayer[Searchable[NonNegative]]] = 0.0
    output_initializer: Searchable[Initializer] = INITIALIZERS["glorot_uniform"]()

    @model_validator(mode="after")
    def _sizes_are_given_once(self) -> Self:
        by_list, by_number = (self.hidden is not None, (self.layers, self.units) != (None, None))
        if by_list == by_number or (by_number and None in (self.layers, self.units)):
            raise problem(
                "the sizes of the hidden layers: either 'hidden' or both 'layers' and 'units'",
                found=_given(hidden=self.hidden, layers=self.layers, units=self.units),
            )
        return self

    @model_validator(mode="after")
    def _lists_have_one_item_for_each_layer(self) -> Self:
        depths = self._depths()
        for name, value in self.items():
            if name == "hidden":
                continue
            for settings in _alternatives(value):
                if isinstance(settings, tuple) and depths != {len(settings)}:
                    found = f"{len(settings)} settings for {_spoken(depths)} hidden layers"
                    raise problem(
                        f"in {name!r} one setting, or a list with one for each hidden layer", found=found
                    )
        return self

    def _depths(self) -> set[int | None]:
        """Collect the numbers of hidden layers that are possible; None stands for a range."""
        if self.layers is not None:
            return {None if isinstance(n, Numeric) else n for n in _alternatives(self.layers)}
        return {len(sizes) for sizes in _alternatives(self.hidden)}

    @property
    def sizes(self) -> tuple[int, ...]:
        """Give the units of each hidden layer of a configuration."""
        if self.hidden is not None:
            return self.hidden
        return (self.units or 0,) * (self.layers or 0)

    def of_layer(self, field: str, index: int) -> Any:
        """Give the setting of one hidden layer, shared or its own."""
        value = getattr(self, field)
        return value[index] if isinstance(value, tuple) else value


def _alternatives(value: Any) -> list[Any]:
    if isinstance(value, Choice):
        return [inner for option in value.options for inner in _alternatives(option)]
    return [value]


def _spoken(depths: set[int | None]) -> str:
    return (
        "a searched number of"
        if None in depths
        else " or ".join(str(n) for n in sorted(map(int, filter(None, depths))))
    )


def _given(**fields: object) -> str:
    present = [f"'{name}'" for name, value in fields.items() if value is not None]
    return " and ".join(present) or "none of them"


MODELS: dict[str, type[Component]] = {"mlp": Mlp, "pretrained": Pretrained, "python": PythonModel}
Model = Annotated[Component, OneOf("a kind of model", MODELS)]
