"""Typed records as JSON files with a checksum: `{"sha256": ..., "content": ...}`."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from hpsearch.archives import bounded
from hpsearch.store.disk import write_atomically

T = TypeVar("T")

MAX_BYTES = 2**26
"""Bytes of a record: JSON takes many times its size in memory."""


def write_document(path: Path, kind: type[T], content: T) -> None:
    """Write a dataclass in one step. Raises StoreError where it cannot be written."""
    plain = TypeAdapter(kind).dump_python(content, mode="json")
    sealed = {"sha256": _digest(plain), "content": plain}
    write_atomically(path, (json.dumps(sealed, indent=1, allow_nan=False) + "\n").encode())


def read_document(path: Path, kind: type[T]) -> T | None:
    """Read what `write_document` wrote; None where there is no such file, or it is not what was written.

    The dataclasses may refuse, by a ValueError, what has the right types and makes no sense.
    """
    with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        told = json.loads(bounded(path, MAX_BYTES), parse_float=_finite, parse_constant=_finite)
        if told["sha256"] == _digest(told["content"]):
            return TypeAdapter(kind).validate_json(json.dumps(told["content"]))
    return None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _digest(plain: object) -> str:
    return sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
