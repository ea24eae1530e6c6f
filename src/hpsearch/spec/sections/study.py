"""The study: what the user writes, and what is left of it when every value is fixed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ValidationInfo, field_validator, model_validator

from hpsearch.spec.sections.compare import Compare
from hpsearch.spec.sections.confirm import BY_DEFAULT, Confirm, Confirmed, check_against
from hpsearch.spec.sections.data import Data
from hpsearch.spec.sections.engine import WorkerNeeds
from hpsearch.spec.sections.ensemble import Ensemble
from hpsearch.spec.sections.model import Model
from hpsearch.spec.sections.model_component import ModelComponent
from hpsearch.spec.sections.own_function import OwnFunction
from hpsearch.spec.sections.own_model import OwnModel
from hpsearch.spec.sections.parts_of_rows import TestRows
from hpsearch.spec.sections.preparation import PLACES, Preparation
from hpsearch.spec.sections.recipe import with_recipe
from hpsearch.spec.sections.search import Search
from hpsearch.spec.sections.training import Training
from hpsearch.spec.study_file.distributions import Searchable, alternatives, problem
from hpsearch.spec.study_file.parts import Part, holds_distribution
from hpsearch.spec.study_file.text import JOINERS

MAX_NAME_BYTES = 100


FORBIDDEN = '/\\:*?"<>|'

RESERVED = frozenset(
    {
        "con",
        "prn",
        "aux",
        "nul",
        "conin$",
        "conout$",
        *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
    }
)
"""Names of devices on Windows, with any ending."""

BLANK = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs that look like blanks."""


def why_no_directory(name: str) -> str | None:
    """Return why a name cannot be that of a directory, of nothing outside or above it; None where it can."""
    return next(_obstacles(name), None)


def _obstacles(name: str) -> Iterator[str]:
    size = len(name.encode("utf-8", "replace"))
    if not name:
        yield "an empty name"
    if size > MAX_NAME_BYTES:
        yield f"{size:,} bytes"
    if name != name.strip().strip(JOINERS):
        yield "a space at the start or end"
    if name.startswith(".") or name.endswith("."):
        yield "a dot at the start or end"
    for letter in name:
        if letter in FORBIDDEN:
            yield f"the character {letter}"
        if _is_unseen(letter):
            yield f"the invisible character U+{ord(letter):04X}"
    if name.partition(".")[0].strip().lower() in RESERVED:
        yield "the name of a device on Windows"


def names_one_directory(name: str) -> bool:
    """Return whether a name can be that of a directory, and of nothing outside or above it."""
    return why_no_directory(name) is None


def _is_unseen(letter: str) -> bool:
    """Return whether a character cannot be seen, or turns the text around it."""
    unseen = unicodedata.category(letter) in {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
    return letter in BLANK or (unseen and letter not in JOINERS)


def name_with(name: str, ending: str) -> str:
    """Append an ending to the name of a study, shortened so that it stays the name of a directory."""
    return name.encode()[: MAX_NAME_BYTES - len(ending.encode())].decode(errors="ignore") + ending


def _harmless(name: str) -> str:
    why = why_no_directory(name)
    if why is not None:
        raise problem(
            f"a name that can be a directory: at most {MAX_NAME_BYTES} bytes, no dot or space at the start "
            'or end, no invisible characters, none of / \\ : * ? " < > |',
            found=f"{why} in {name[:MAX_NAME_BYTES]!r}",
        )
    return name


StudyName = Annotated[str, AfterValidator(_harmless)]


class StudySpec(Part):
    """A study file as frozen, validated types; knows no Keras.

    A kind of model that has a recipe needs no training section: what is left out is as its paper has it.
    """

    unwritten = frozenset({"baseline"})

    name: StudyName
    data: Data
    model: Searchable[Model]
    training: Searchable[Training]
    search: Search = Search()
    compare: Compare | None = None
    confirm: Confirmed = BY_DEFAULT
    baseline: Literal["on", "off"] = "on"
    ensemble: Ensemble | None = None
    engine: WorkerNeeds | None = None

    @model_validator(mode="before")
    @classmethod
    def _a_recipe_fills_the_training(cls, raw: Any) -> Any:
        return with_recipe(raw) if isinstance(raw, dict) else raw

    @field_validator("confirm", mode="after")
    @classmethod
    def _fits_the_data(cls, confirm: Confirm, info: ValidationInfo) -> Confirm:
        if "data" in info.data:
            check_against(confirm, info.data["data"])
        return confirm

    @model_validator(mode="after")
    def _a_threshold_has_rows_of_its_own(self) -> Self:
        scorer, why = self.search.threshold, ""
        if isinstance(self.data.validation, TestRows):
            why = "with validation: test, no rows would be left to judge it"
        elif self.confirm.refit:
            why = "with refit: true, no rows would be left to choose it by"
        if scorer is not None and why:
            raise problem(f"none: {why}", found=scorer, at=("search", "threshold"))
        return self

    @model_validator(mode="after")
    def _losses_can_be_judged(self) -> Self:
        losses = self._losses()
        self._own_functions_have_a_file(losses, ("training", "loss"))
        self._own_functions_have_a_file(self.search.metrics or (), ("search", "metrics"))
        weighted = [(one.losses, one.loss_weights) for one in alternatives(self.training)]
        differ = len(set(losses)) > 1 or len(set(weighted)) > 1
        differ = differ or any(map(holds_distribution, (*losses, *weighted[0])))
        if "val_loss" in self.search.objectives and differ:
            expected = "another metric than val_loss, because the losses of trials differ"
            raise problem(expected, found="val_loss", at=("search", "metric"))
        return self

    @model_validator(mode="after")
    def _saved_models_compute_as_they_were_saved(self) -> Self:
        given = [one for training in alternatives(self.training) for one in alternatives(training.precision)]
        found = next((one for one in given if one is not None), None)
        saved = any(model.name == "pretrained" for model in alternatives(self.model))
        if found is not None and saved:
            expected = "nothing beside a pretrained model, which computes as it was saved"
            raise problem(expected, found=found, at=("training", "precision"))
        return self

    def _losses(self) -> list[Any]:
        return [loss for training in alternatives(self.training) for loss in alternatives(training.loss)]

    @property
    def loss_is_positive(self) -> bool:
        """Return whether no configuration can have a loss below 0, as a likelihood or a function may."""
        named = [loss for one in alternatives(self.training) for _, loss in (one.losses or {}).items()]
        losses = [*self._losses(), *(loss for searched in named for loss in alternatives(searched))]
        return all(loss is None or getattr(loss, "positive", False) for loss in losses)

    def _own_functions_have_a_file(self, components: Sequence[Any], at: tuple[str, str]) -> None:
        own = any(isinstance(one, OwnFunction) for one in components)
        if own and not all(isinstance(model, OwnModel) for model in alternatives(self.model)):
            expected = "a function of one's own only beside a model in Python"
            raise problem(expected, found="another model", at=at)

    @property
    def fixed(self) -> bool:
        """Return whether nothing is left to search."""
        return not any(map(holds_distribution, (self.model, self.training, *self.data.prepared.values())))


@dataclass(frozen=True)
class Configuration:
    """A spec in which every distribution has been replaced by a value; hashable, prints as YAML.

    How data are prepared is a part of it where the study says so.
    """

    model: ModelComponent
    training: Training
    preparation: Preparation = field(default_factory=Preparation)

    def __post_init__(self) -> None:
        object.__setattr__(self, "training", self.training.with_rate())

    def dump(self) -> dict[str, Any]:
        """Return the configuration as plain data, as the study file writes it."""
        prepared = self.preparation.dump()
        data = {"data": prepared} if prepared else {}
        return {**data, "model": self.model.dump(), "training": self.training.dump()}

    def changes(self) -> dict[str, Any]:
        """Return the configuration as changes of a study by their paths, as arms of a comparison are."""
        prepared = {PLACES[name]: value for name, value in self.preparation.dump().items()}
        return {**prepared, "model": self.model.dump(), "training": self.training.dump()}

    def training_at(self, epoch: int) -> Training:
        """Return the training section that holds in an epoch, from 1: a body may have a rate of its own."""
        rate = self.model.learning_rate_at(epoch, self.training.learning_rate)
        if rate == self.training.learning_rate:
            return self.training
        return self.training.model_copy(update={"learning_rate": rate})


class _Fixed(Part):
    data: Preparation = Preparation()
    model: Model
    training: Training


def read_configuration(raw: dict[str, Any]) -> Configuration:
    """Read what `Configuration.dump` gave; used where a configuration crosses a process or a file."""
    fixed = _Fixed.model_validate(raw)
    return Configuration(fixed.model, fixed.training, fixed.data)
