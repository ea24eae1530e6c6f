"""What training and export ask of whatever Keras models come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import keras

from hpsearch.data import Dataset
from hpsearch.models.components.objectives import Objective
from hpsearch.models.weights import Weights
from hpsearch.spec import ModelComponent, StudySpec
from hpsearch.spec.sections.architecture import Shape
from hpsearch.spec.sources.donor_file import DonorFile

Kind = TypeVar("Kind", bound=ModelComponent)


@dataclass(frozen=True)
class ModelFiles:
    """What a study refers to, as it was found when the study began or went on.

    Relative paths start from the `directory`. `code` is the fingerprint that its Python files must have,
    where that is known; `donors` are the saved models that it reuses.
    """

    directory: Path
    code: str | None = None
    donors: tuple[DonorFile, ...] = ()


class ModelSource(ABC, Generic[Kind]):
    """The source of the Keras models of one kind in a study.

    `files` are those that its models come from, and `fingerprint` says what is in them, which the settings of
    a study remember as `setting`. `not_compiled` says why the compiled trainer cannot train its models; empty
    where it can.
    """

    setting: ClassVar[str] = ""
    not_compiled: ClassVar[str] = ""
    files: tuple[Path, ...] = ()
    fingerprint: str = ""

    @classmethod
    @abstractmethod
    def of_study(cls, spec: StudySpec, files: ModelFiles, dataset: Dataset) -> Self:
        """Read the files that the models of a study come from.

        Raises HpsearchError where one cannot be read, does not suit the data, or has changed.
        """

    @abstractmethod
    def connect(self, model: Kind, inputs: Any, objective: Objective, seed: int, *, training: bool) -> Any:
        """Connect the layers of a configuration to a symbolic tensor of scaled rows, and give the logits.

        Without `training` what only training needs is left out. Raises ModelError where that fails.
        """

    @abstractmethod
    def first_weights(self, model: Kind, network: keras.Model, objective: Objective, seed: int) -> Weights:
        """Give the weights with which training begins, of a network that `network` built from this seed."""

    def network(self, model: Kind, features: Shape, objective: Objective, seed: int) -> keras.Model:
        """Build the model that is trained: scaled rows in, logits out, penalties and dropout in place."""
        inputs = keras.Input(features, name="rows")
        return keras.Model(inputs, self.connect(model, inputs, objective, seed, training=True))
