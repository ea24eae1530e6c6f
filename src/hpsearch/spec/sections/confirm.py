"""The confirm section: how the best trials of a search are trained again before one is called the winner."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import core_schema

from hpsearch.spec.sections.data import Data
from hpsearch.spec.sections.parts_of_rows import Folds, LastRows, TestRows
from hpsearch.spec.study_file.distributions import problem
from hpsearch.spec.study_file.parts import Part, Positive

NONE = "none"


class Confirm(Part):
    """How many of the best trials are trained again, and from how many fresh seeds each.

    A race decides which finalist gets how many of its `replicates`. `share` limits what it may cost, in
    epochs, as a multiple of what the search cost; without it all replicates that the race asks for are
    trained. `splits`: whether all replicates train on the study's own split, or each on a fresh one, the same
    for all finalists. With `refit` the winner is trained once more, on training and validation rows together.
    No finalists, which can be written as `none`: nothing is confirmed.
    """

    finalists: Annotated[int, Field(ge=0, le=100)] = 5
    replicates: Annotated[int, Field(ge=1, le=1_000)] = 5
    share: Positive | None = None
    splits: Literal["own", "fresh"] = "own"
    refit: bool = False

    @model_validator(mode="after")
    def _has_finalists(self) -> Self:
        if not self.finalists and self.splits == "fresh":
            raise problem("own (splits: fresh requires finalists)", at=("splits",), found="fresh")
        if not self.finalists and self.refit:
            raise problem("false (refit: true requires finalists)", at=("refit",), found="true")
        return self


UNDRAWN = {
    Folds: "with {folds: k}, every replicate already validates all rows",
    LastRows: "{last: n} keeps the last rows for validation, and a random split would mix them with others",
    TestRows: "with validation: test, the test set is the validation set and is not split",
}
"""Why a validation part is not to be drawn anew."""


def check_against(confirm: Confirm, data: Data) -> None:
    """Check that the validation part of the data allows what is asked for.

    Raises:
        PydanticCustomError: Fresh splits or a refit are asked for, and this kind of validation set rules them
            out.
    """
    validation = data.validation
    why = UNDRAWN.get(type(validation))
    if data.window is not None:
        why = why or "windows are split by time, and a random split would mix them"
    if data.time is not None:
        why = why or "the latest rows are for validation, and a random split would mix them with others"
    if confirm.splits == "fresh" and why is not None:
        raise problem(f"own: {why}", at=("splits",), found="fresh")
    if confirm.refit and isinstance(validation, TestRows):
        raise problem(
            "false: with validation: test, the winner would be trained on the test set, and no rows would be "
            "left to score it",
            at=("refit",),
            found="true",
        )


class _OrNone:
    """Read `none` as a confirmation without finalists."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(_read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [{"enum": [NONE]}, handler(schema)]}


def _read(raw: Any) -> Any:
    if isinstance(raw, str) and raw != NONE:
        raise problem(
            "none, or a mapping with finalists, replicates, share, splits and refit",
            options=[NONE],
            found=repr(raw),
        )
    return Confirm(finalists=0) if raw == NONE else raw


Confirmed = Annotated[Confirm, _OrNone()]

BY_DEFAULT = Confirm(share=0.2)
"""What holds where a study says nothing: a fifth of what the search cost."""
