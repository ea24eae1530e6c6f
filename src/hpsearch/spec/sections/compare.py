"""The compare section: a controlled experiment over arms, all trained on the same seeds."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from hpsearch.spec.study_file.distributions import problem
from hpsearch.spec.study_file.parts import MAX_ITEMS, Listed, Number, Part, Positive, as_tuple

Text = Annotated[str, Field(min_length=1)]

Changes = dict[Text, Any]
"""New values by their dotted paths in the study file, as in `model.mlp.dropout: 0.5`."""


def _two_bounds(raw: Any) -> Any:
    bounds = as_tuple(raw)
    if len(bounds) != 2:
        raise problem("a list of two numbers: [low, high]", found=f"{len(bounds)} items")
    return bounds


def _at_most(raw: Any) -> Any:
    if isinstance(raw, dict) and len(raw) > MAX_ITEMS:
        raise problem(f"at most {MAX_ITEMS:,} arms", found=f"{len(raw):,} arms")
    return raw


class Claim(Part):
    """What a textbook says of two arms, `better` and `than`, or of one, that it lies `between` two numbers.

    `by` is a metric of the history, by default that of the study, or `epochs_to_target`; `at` tells whether
    the best epoch counts or the last.
    """

    says: Text
    better: Text | None = None
    than: Text | None = None
    arm: Text | None = None
    between: Annotated[tuple[Number, Number], BeforeValidator(_two_bounds)] | None = None
    by: Text | None = None
    at: Literal["best", "final"] = "best"

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        pair = (self.better is not None, self.than is not None)
        single = (self.arm is not None, self.between is not None)
        if (pair, single) not in (((True, True), (False, False)), ((False, False), (True, True))):
            raise problem("either 'better' and 'than', or 'arm' and 'between'", found="other keys")
        if self.between is not None and self.between[0] > self.between[1]:
            raise problem("the low bound first in 'between'", found=str(list(self.between)))
        return self

    @property
    def arms(self) -> tuple[str, ...]:
        """Name the arms that the claim is about."""
        return tuple(name for name in (self.better, self.than, self.arm) if name is not None)


class Compare(Part):
    """Which arms are compared, on how many seeds each, and against which of them.

    `factors` are choices by their short names; every combination of them is an arm. Without `factors` and
    `arms` all choices are factors. `arms` are further arms by name, each a set of changes to the study.
    `target` is the validation loss that counts in "epochs to the target".
    """

    factors: Listed[Text] | None = None
    replicates: Annotated[int, Field(ge=1, le=1_000)] = 5
    baseline: Text | None = None
    arms: Annotated[dict[Text, Changes], BeforeValidator(_at_most)] = Field(default_factory=dict)
    claims: Annotated[tuple[Claim, ...], BeforeValidator(as_tuple)] = ()
    target: Positive | None = None
