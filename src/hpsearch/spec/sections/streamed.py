"""Training rows that Python gives batch by batch: what a study file keeps of them, and what they rule out."""

from __future__ import annotations

from typing import Any

from hpsearch.spec.study_file.distributions import problem
from hpsearch.spec.study_file.parts import Count, Part

WHOLE = ("standardize", "scaling", "rescale", "target_transform", "classes", "subset", "shape", "window")
"""Options that are fitted to all training rows, or change them."""

GIVEN = ("test", "target")
"""Options that say which rows a stream has."""


class StreamedBatches(Part):
    """The batches of an epoch, which Python gives again where the study goes on, and which are not kept."""

    steps: Count
    batch_size: Count


def check_streamed(data: Any) -> None:
    """Check that a data section asks nothing of a stream that only rows at hand allow.

    Raises:
        PydanticCustomError: It does.
    """
    if data.stream is None:
        return
    if data.arrays is None:
        raise problem("'stream' only with arrays, the rows that validate", found=data.source, at=("stream",))
    for name in (*WHOLE, *GIVEN):
        if getattr(data, name) != type(data).model_fields[name].default:
            raise problem(f"no {name!r} with a stream, whose batches are taken as they are", at=(name,))
