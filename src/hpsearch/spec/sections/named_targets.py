"""What is told of each of several targets, by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field, model_validator

from hpsearch.spec.sections.losses import LossOfStudy
from hpsearch.spec.study_file.distributions import RESERVED, Searchable, problem
from hpsearch.spec.study_file.named_values import NamedValues
from hpsearch.spec.study_file.parts import NonNegative


class OfTargets(NamedValues):
    """A value for each of some targets, by their names."""

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


class TargetTasks(OfTargets):
    """The task of each target; one that is left out has that of its values."""

    __pydantic_extra__: dict[str, Literal["classification", "regression", "multilabel"]] = Field(init=False)


class TargetLosses(OfTargets):
    """The loss of each target; one that is left out has that of its task."""

    __pydantic_extra__: dict[str, Searchable[LossOfStudy]] = Field(init=False)


class LossWeights(OfTargets):
    """What the loss of each target is multiplied by; one that is left out counts once."""

    __pydantic_extra__: dict[str, Searchable[NonNegative]] = Field(init=False)
