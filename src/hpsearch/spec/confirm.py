"""The confirm section: how the best trials of a search are trained again before one is called the winner."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from hpsearch.spec.distributions import problem
from hpsearch.spec.parts import Part, Positive

NONE = "none"


class Confirm(Part):
    """How many of the best trials are trained again, and from how many fresh seeds each.

    A race decides which finalist gets how many of its `replicates`. `share` limits what it may cost, in
    epochs, as a multiple of what the search cost; without it all replicates that the race asks for are
    trained. No finalists, which can be written as `none`: nothing is confirmed.
    """

    finalists: Annotated[int, Field(ge=0, le=100)] = 5
    replicates: Annotated[int, Field(ge=1, le=1_000)] = 5
    share: Positive | None = None


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
            "none, or a mapping with finalists, replicates and share", options=[NONE], found=repr(raw)
        )
    return Confirm(finalists=0) if raw == NONE else raw


Confirmed = Annotated[Confirm, _OrNone()]

BY_DEFAULT = Confirm(share=0.2)
"""What holds where a study says nothing: a fifth of what the search cost."""
