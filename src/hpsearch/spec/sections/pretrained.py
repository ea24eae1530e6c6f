"""A model on top of the body of a saved one: transfer learning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from hpsearch.spec.sections.activations import ACTIVATIONS, Activation
from hpsearch.spec.sections.initializers import INITIALIZERS, Initializer
from hpsearch.spec.sections.model_component import ModelComponent, in_full
from hpsearch.spec.sections.own_model import File
from hpsearch.spec.study_file.distributions import Choice, Searchable, problem
from hpsearch.spec.study_file.parts import MANY, ONE, Component, Listed, Positive, Rate, Units
from hpsearch.spec.study_file.source import Place


class DonorStudy(Component):
    """A study file: that study is run first, and its best model is the donor."""

    name = "study"
    scalar = "study"
    study: File


def _file_or_study(raw: Any) -> str:
    return MANY if isinstance(raw, dict | DonorStudy) else ONE


Donor = Annotated[Annotated[File, Tag(ONE)] | Annotated[DonorStudy, Tag(MANY)], Discriminator(_file_or_study)]


def _number_or_all(what: str) -> WrapValidator:
    def checked(raw: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(raw)
        except ValidationError:
            raise problem(f"{what}, or all") from None

    return WrapValidator(checked)


Layers = Annotated[
    Annotated[int, Field(ge=1, le=1_000)] | Literal["all"],
    _number_or_all("a number of hidden layers from 1 on"),
]
Epochs = Annotated[
    Annotated[int, Field(ge=0, le=10**7)] | Literal["all"], _number_or_all("a number of epochs from 0 on")
]


class Pretrained(ModelComponent):
    """The first hidden layers of a donor, with its weights, and a new head.

    `layers` of them are reused. They are frozen for `frozen_epochs`, and then trained too, at the
    `unfrozen_learning_rate` where one is given.
    """

    name = "pretrained"
    donor: Donor
    layers: Searchable[Layers] = "all"
    frozen_epochs: Searchable[Epochs] = "all"
    unfrozen_learning_rate: Searchable[Positive] | None = None
    hidden: Searchable[Listed[Units]] | None = None
    initializer: Searchable[Initializer] = INITIALIZERS["glorot_uniform"]()
    activation: Searchable[Activation] = ACTIVATIONS["relu"]()
    dropout: Searchable[Rate] = 0.0
    output_initializer: Searchable[Initializer] = INITIALIZERS["glorot_uniform"]()

    def is_frozen(self, epoch: int) -> bool:
        """Return whether the body of a configuration is frozen in an epoch, from 1."""
        return self.frozen_epochs == "all" or epoch <= self.frozen_epochs

    def learning_rate_at(self, epoch: int, rate: float) -> float:
        return rate if self.is_frozen(epoch) else self.unfrozen_learning_rate or rate

    def donor_path(self, directory: Path) -> Path:
        """Return the path of the donor's file, or of its study file, from the directory of the study."""
        path = self.donor.study if isinstance(self.donor, DonorStudy) else self.donor
        return in_full(path, directory)

    def from_anywhere(self, directory: Path) -> Self:
        path = str(self.donor_path(directory))
        donor = DonorStudy(study=path) if isinstance(self.donor, DonorStudy) else path
        return self.model_copy(update={"donor": donor})


def pretrained_models(model: Any, place: Place = ("model",)) -> Iterator[tuple[Place, Pretrained]]:
    """Iterate over the models of a study that have a donor, with their places."""
    if isinstance(model, Pretrained):
        yield (*place, model.name), model
    elif isinstance(model, Choice):
        for index, option in enumerate(model.options):
            yield from pretrained_models(option, (*place, "choice", index))
