"""What was raised or warned of, told in one line."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hpsearch.exceptions import FOR_DEVELOPERS, HpsearchError, WorkerError, is_users, spoken
from hpsearch.spec.study_file.text import clean


def told(failure: Exception) -> str:
    """Name an exception, what it says, and where it was raised; ours say all that."""
    if isinstance(failure, HpsearchError):
        return str(failure)
    last = traceback.extract_tb(failure.__traceback__)[-1]
    place = f"{last.name}, {Path(last.filename).name}:{last.lineno}"
    return f"{spoken(failure)} (in {place})"


def outcome(work: Callable[[], Any]) -> Any:
    """Return what a worker's work gives, or what it raises: ours as it is, all else as a WorkerError."""
    try:
        return work()
    except HpsearchError as failure:
        return failure
    except Exception as failure:  # noqa: BLE001 - whatever a model raises is the coordinator's to record
        return WorkerError(told(failure))


def show_warnings() -> None:
    """Let what is warned of in this process be shown as hpsearch's own sentences, each once.

    Two kinds are left out: what libraries tell their developers, of functions that will go; and arithmetic
    in libraries, of numbers that overflow or are not finite, because such a number ends its trial with a
    cause of its own.
    """
    shown: set[str] = set()

    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any
    ) -> None:
        arithmetic = issubclass(category, RuntimeWarning) and not is_users(filename)
        if arithmetic or issubclass(category, FOR_DEVELOPERS):
            return
        text = clean(f"hpsearch: warning: {message} (in {Path(filename).name}:{lineno})", line=True)
        if text not in shown:
            shown.add(text)
            sys.stderr.write(f"{text}\n")

    warnings.showwarning = show
