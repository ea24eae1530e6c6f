"""The ensemble section: how trials of a search are joined to one model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hpsearch.spec.study_file.parts import Part


class Ensemble(Part):
    """How trials of the search are joined to one model, whose prediction is the mean of theirs.

    `members` are chosen out of the best `candidates`, one after another, each the one that improves the
    metric of the mean on the validation rows most; a trial may be chosen several times (Caruana et al. 2004,
    Ensemble Selection from Libraries of Models).
    """

    members: Annotated[int, Field(ge=2, le=1_000)] = 16
    candidates: Annotated[int, Field(ge=2, le=1_000)] = 30
