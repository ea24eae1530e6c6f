"""What was raised, told in one line."""

from __future__ import annotations

import traceback
from pathlib import Path

from hpsearch.exceptions import HpsearchError, spoken


def told(failure: Exception) -> str:
    """Name an exception, what it says, and where it was raised; ours say all that."""
    if isinstance(failure, HpsearchError):
        return str(failure)
    last = traceback.extract_tb(failure.__traceback__)[-1]
    place = f"{last.name}, {Path(last.filename).name}:{last.lineno}"
    return f"{spoken(failure)} (in {place})"
