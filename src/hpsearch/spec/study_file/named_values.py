"""Mappings of the study file whose keys are names of the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ConfigDict

from hpsearch.spec.study_file.parts import Part


class NamedValues(Part):
    """Values by names that the study file gives; what is read says which names there can be."""

    model_config = ConfigDict(extra="allow")

    def items(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the names and their values."""
        yield from (self.__pydantic_extra__ or {}).items()

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))
