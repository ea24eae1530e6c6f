"""The study: what a person writes, and what is left of it when every value is fixed."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationInfo, field_validator

from hpsearch.spec.compare import Compare
from hpsearch.spec.confirm import BY_DEFAULT, Confirm, Confirmed, check_against
from hpsearch.spec.data import Data
from hpsearch.spec.distributions import Searchable, problem
from hpsearch.spec.model import Model
from hpsearch.spec.parts import Component, Part
from hpsearch.spec.pretrained import Pretrained
from hpsearch.spec.search import Search
from hpsearch.spec.training import Training

MAX_NAME_BYTES = 100


def names_one_directory(name: str) -> bool:
    """Tell whether a name can be that of a directory, and of nothing outside or above it."""
    return (
        name == name.strip()
        and 0 < len(name.encode("utf-8", "replace")) <= MAX_NAME_BYTES
        and not name.startswith(".")
        and not set(name) & set('/\\:*?"<>|')
        and not any(unicodedata.category(letter) in {"Cc", "Cs", "Cn"} for letter in name)
    )


def name_with(name: str, ending: str) -> str:
    """Give the name of a study an ending, shortened so that it stays the name of a directory."""
    return name.encode()[: MAX_NAME_BYTES - len(ending.encode())].decode(errors="ignore") + ending


def _harmless(name: str) -> str:
    if not names_one_directory(name):
        raise problem(
            "a name that can be a directory: at most 100 bytes, no leading dot, "
            'no surrounding spaces, none of / \\ : * ? " < > |',
            found=repr(name),
        )
    return name


StudyName = Annotated[str, AfterValidator(_harmless)]


class StudySpec(Part):
    """A study file as frozen, validated types; knows no Keras."""

    name: StudyName
    data: Data
    model: Searchable[Model]
    training: Searchable[Training]
    search: Search = Search()
    compare: Compare | None = None
    confirm: Confirmed = BY_DEFAULT

    @field_validator("confirm", mode="after")
    @classmethod
    def _fits_the_data(cls, confirm: Confirm, info: ValidationInfo) -> Confirm:
        if "data" in info.data:
            check_against(confirm, info.data["data"].validation)
        return confirm

    @property
    def fixed(self) -> bool:
        """Tell whether nothing is left to search."""
        from hpsearch.spec.parts import holds_distribution

        return not holds_distribution(self.model) and not holds_distribution(self.training)


@dataclass(frozen=True)
class Configuration:
    """A spec in which every distribution has been replaced by a value; hashable, prints as YAML."""

    model: Component
    training: Training

    def __post_init__(self) -> None:
        object.__setattr__(self, "training", self.training.with_rate())

    def dump(self) -> dict[str, Any]:
        """Give the configuration as plain data, as the study file writes it."""
        return {"model": self.model.dump(), "training": self.training.dump()}

    def training_at(self, epoch: int) -> Training:
        """Give the training section that holds in an epoch, from 1: a body may have a rate of its own."""
        model = self.model
        if not isinstance(model, Pretrained) or model.is_frozen(epoch):
            return self.training
        rate = model.unfrozen_learning_rate or self.training.learning_rate
        return self.training.model_copy(update={"learning_rate": rate})


class _Fixed(Part):
    model: Model
    training: Training


def read_configuration(raw: dict[str, Any]) -> Configuration:
    """Read what `Configuration.dump` gave; used where a configuration crosses a process or a file."""
    fixed = _Fixed.model_validate(raw)
    return Configuration(fixed.model, fixed.training)
