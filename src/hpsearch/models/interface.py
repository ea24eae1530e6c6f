"""What training and export ask of whatever Keras models come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import keras

from hpsearch.data import Dataset, Rows
from hpsearch.exceptions import ModelCodeError
from hpsearch.models.components.objectives import Objective
from hpsearch.models.components.precision import as_float32
from hpsearch.models.weights import Weights
from hpsearch.spec import ModelComponent, StudySpec
from hpsearch.spec.sections.architecture import Shape
from hpsearch.spec.sources.donor_file import DonorFile
from hpsearch.spec.sources.python_file import ModelCode, model_code

Kind = TypeVar("Kind", bound=ModelComponent)


@dataclass(frozen=True)
class ModelFiles:
    """The files that a study's models come from, as found when the study started or was resumed.

    Attributes:
        directory: The directory that relative paths start from.
        code: The fingerprint that the study's Python files must have; None where it is not known yet.
        donors: The saved models that the study reuses.
        moved: Where Python files lie here, by their paths where the study was started.
    """

    directory: Path
    code: str | None = None
    donors: tuple[DonorFile, ...] = ()
    moved: Mapping[str, str] = field(default_factory=dict)

    def code_of(self, spec: StudySpec) -> tuple[ModelCode, ...]:
        """Find the code that a study runs."""
        found = model_code(spec, self.directory)
        return tuple(replace(one, path=Path(self.moved.get(str(one.path), one.path))) for one in found)


class ModelSource(ABC, Generic[Kind]):
    """The source of the Keras models of one kind.

    Attributes:
        setting: The name under which a study's settings record `fingerprint`.
        not_compiled: Why the compiled trainer cannot train these models; empty if it can.
        files: The files that the models come from.
        fingerprint: A hash of the contents of `files`.
    """

    setting: ClassVar[str] = ""
    not_compiled: ClassVar[str] = ""
    files: tuple[Path, ...] = ()
    fingerprint: str = ""

    @classmethod
    @abstractmethod
    def of_study(cls, spec: StudySpec, files: ModelFiles, dataset: Dataset) -> Self:
        """Read the files that the models of a study come from.

        Raises:
            HpsearchError: A file cannot be read, does not suit the data, or has changed.
        """

    def explored(self, spec: StudySpec) -> StudySpec:
        """Return a study with what only running its files tells of its search space.

        Raises:
            ModelCodeError: A file fails.
        """
        return spec

    def function(self, model: Kind, name: str, place: str) -> Callable[..., Any]:
        """Return a function of the file that a model comes from.

        Args:
            model: The model.
            name: The function's.
            place: What asks for it in the study file, for the message.

        Raises:
            ModelCodeError: There is none of this name.
        """
        del model
        raise ModelCodeError(f"{place}: {name}: only a model of a Python file has functions beside it")

    @abstractmethod
    def connect(self, model: Kind, inputs: Any, objective: Objective, seed: int, *, training: bool) -> Any:
        """Connect the layers of a model to a symbolic tensor.

        Args:
            model: The model section of a configuration.
            inputs: A symbolic tensor of scaled rows.
            objective: The loss and the metric, which say how many units the output has.
            seed: The member's seed.
            training: Whether the model is trained; otherwise penalties and the like are left out.

        Returns:
            The symbolic tensor of logits.

        Raises:
            ModelError: The layers cannot be built or connected.
        """

    @abstractmethod
    def first_weights(self, model: Kind, network: keras.Model, objective: Objective, seed: int) -> Weights:
        """Return the weights with which training begins.

        Args:
            model: The model section of a configuration.
            network: The network, which the method `network` built from the same seed.
            objective: The loss and the metric.
            seed: The member's seed.
        """

    def fit_to(self, model: Kind, network: keras.Model, rows: Rows, objective: Objective, seed: int) -> None:
        """Put into a network what is fitted to the scaled training rows, if there is any.

        Args:
            model: The model section of a configuration.
            network: The network, with its first weights.
            rows: The training rows.
            objective: The loss and the metric.
            seed: The member's seed.
        """
        del model, network, rows, objective, seed

    def network(self, model: Kind, features: Shape, objective: Objective, seed: int) -> keras.Model:
        """Build the model that is trained, from scaled rows to logits, with its penalties and dropout.

        Args:
            model: The model section of a configuration.
            features: The shape of a row.
            objective: The loss and the metric.
            seed: The member's seed.
        """
        inputs = keras.Input(features, name="rows")
        return keras.Model(inputs, as_float32(self.connect(model, inputs, objective, seed, training=True)))
