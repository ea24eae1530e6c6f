"""What models of the user's own Python files have in common."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, PlainValidator

from hpsearch.spec.sections.model_component import ModelComponent, in_full
from hpsearch.spec.sections.own_function import Identifier
from hpsearch.spec.study_file.distributions import Choice, problem
from hpsearch.spec.study_file.source import Place

LARGE = 2**63


def scalar(raw: Any) -> Any:
    """Read a plain value.

    Raises:
        PydanticCustomError: It is none.
    """
    if not isinstance(raw, str | int | float):
        raise problem("a number, a word, true or false, or a list or a distribution of these")
    if not isinstance(raw, str) and not -LARGE < raw < LARGE:
        raise problem("a number that is finite and smaller")
    return raw


Scalar = Annotated[Any, PlainValidator(scalar)]

File = Annotated[str, Field(min_length=1)]


class OwnModel(ModelComponent):
    """A model that `function` of the Python file `file` builds; its path starts from the study file's."""

    file: File
    function: Identifier = "build"

    def path(self, directory: Path) -> Path:
        """Return the path of the file, from the directory of the study."""
        return in_full(self.file, directory)

    def from_anywhere(self, directory: Path) -> Self:
        return self.model_copy(update={"file": str(self.path(directory))})


def own_models(model: Any, place: Place = ("model",)) -> Iterator[tuple[Place, OwnModel]]:
    """Iterate over the models of a study that come from the user's own files, with their places."""
    if isinstance(model, OwnModel):
        yield (*place, model.name), model
    elif isinstance(model, Choice):
        for index, option in enumerate(model.options):
            yield from own_models(option, (*place, "choice", index))
