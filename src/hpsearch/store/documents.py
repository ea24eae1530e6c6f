"""Typed records as JSON files with a checksum: `{"sha256": ..., "content": ...}`."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from hpsearch.data.archives import bounded
from hpsearch.store.disk import write_atomically
from hpsearch.store.identity import UNKNOWN, DamagedError, Stamp, StudyIdentity, digest

T = TypeVar("T")

MAX_BYTES = 2**26
"""Bytes of a record: JSON takes many times its size in memory."""


def write_document(path: Path, kind: type[T], content: T, stamp: Stamp | None = None) -> None:
    """Write a dataclass in one step, and what it belongs to. Raises StoreError where it cannot be written."""
    plain = TypeAdapter(kind).dump_python(content, mode="json")
    sealed = {"sha256": _seal(plain, stamp), "content": plain}
    if stamp is not None:
        sealed = {**sealed, "identity": stamp}
    write_atomically(path, (json.dumps(sealed, indent=1, allow_nan=False) + "\n").encode())


def _seal(plain: object, stamp: object) -> str:
    return digest(plain if stamp is None else {"content": plain, "identity": stamp})


def read_document(path: Path, kind: type[T], identity: StudyIdentity = UNKNOWN, **expected: Any) -> T | None:
    """Read what `write_document` wrote; None where there is no such file, or with a warning another one."""
    try:
        return load_document(path, kind, identity, **expected)
    except FileNotFoundError:
        return None
    except DamagedError as failure:
        warnings.warn(f"{path} is not used: {failure}", RuntimeWarning, stacklevel=2)
        return None


def load_document(path: Path, kind: type[T], identity: StudyIdentity = UNKNOWN, **expected: Any) -> T:
    """Read what `write_document` wrote for this place.

    The dataclasses may refuse, by a ValueError, what has the right types and makes no sense. Raises
    FileNotFoundError, and DamagedError where it is not what was written, or not for this place.
    """
    try:
        told = json.loads(bounded(path, MAX_BYTES), parse_float=_finite, parse_constant=_finite)
        stamp = told.get("identity")
        if told["sha256"] != _seal(told["content"], stamp):
            raise DamagedError("damaged")
        content = TypeAdapter(kind).validate_json(json.dumps(told["content"]))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DamagedError("damaged") from None
    identity.verify(stamp, **expected)
    return content


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
