"""Weights of classes: balanced, or given for each class by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field, model_validator

from hpsearch.spec.study_file.distributions import RESERVED, Searchable, problem
from hpsearch.spec.study_file.named_values import NamedValues
from hpsearch.spec.study_file.parts import (
    Component,
    NonNegative,
    OneOf,
    bare,
    holds_distribution,
    label_of,
)


class GivenWeights(NamedValues):
    """The weight of each class by its name; a class that is left out has the weight 1."""

    __pydantic_extra__: dict[str, Searchable[NonNegative]] = Field(init=False)

    @model_validator(mode="wrap")
    @classmethod
    def _unknown_keys_are_named(cls, raw: Any, handler: Callable[[Any], Any]) -> Any:
        """Take every key that can name a class, numbers too."""
        if not isinstance(raw, dict):
            return handler(raw)
        if not raw:
            raise problem("the weight of at least one class, by its name", found="none")
        for key in raw:
            if not isinstance(key, str | int) or key in RESERVED:
                raise problem("the name of a class: text or a whole number", found=repr(key))
        return handler({str(key): value for key, value in raw.items()})

    def option_label(self) -> str:
        """Name these weights by those that are fixed, or else by the classes."""
        fixed = [(name, weight) for name, weight in self.items() if not holds_distribution(weight)]
        return ", ".join(f"{name}={label_of(weight)}" for name, weight in fixed) or "/".join(
            dict(self.items())
        )


CLASS_WEIGHTS: dict[str, type[Component]] = {"none": bare("none"), "balanced": bare("balanced")}


class _ClassWeightOf(OneOf):
    """Accept a mapping of classes beside the names."""

    def validate(self, raw: Any) -> Any:
        if isinstance(raw, dict | GivenWeights):
            return GivenWeights.model_validate(raw)
        return super().validate(raw)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        table = super().__get_pydantic_json_schema__(schema, handler)
        weights = handler.resolve_ref_schema(handler(GivenWeights.__pydantic_core_schema__))
        return {**table, "anyOf": [*table["anyOf"], weights]}


ClassWeight = Annotated[
    Component | GivenWeights,
    _ClassWeightOf("class weights: 'balanced', 'none' or {CLASS: WEIGHT, ...}", CLASS_WEIGHTS),
]
