"""What is told of each of several targets, by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from hpsearch.spec.sections.losses import LossOfStudy
from hpsearch.spec.study_file.distributions import RESERVED, Searchable, problem
from hpsearch.spec.study_file.parts import NonNegative, Part


class OfTargets(Part):
    """A value for each of some targets, by their names."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="wrap")
    @classmethod
    def _unknown_keys_are_named(cls, raw: Any, handler: Callable[[Any], Any]) -> Any:
        """Take every key that can name a target."""
        if not isinstance(raw, dict):
            return handler(raw)
        if not raw:
            raise problem("at least one target, by its name", found="none")
        for key in raw:
            if not isinstance(key, str) or not key.isidentifier() or key in RESERVED:
                raise problem("the name of a target, as behind y_ in its array", found=repr(key))
        return handler(raw)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the targets and their values."""
        yield from (self.__pydantic_extra__ or {}).items()

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))


class TargetTasks(OfTargets):
    """The task of each target; one that is left out has that of its values."""

    __pydantic_extra__: dict[str, Literal["classification", "regression", "multilabel"]] = Field(init=False)


class TargetLosses(OfTargets):
    """The loss of each target; one that is left out has that of its task."""

    __pydantic_extra__: dict[str, Searchable[LossOfStudy]] = Field(init=False)


class LossWeights(OfTargets):
    """What the loss of each target is multiplied by; one that is left out counts once."""

    __pydantic_extra__: dict[str, Searchable[NonNegative]] = Field(init=False)
