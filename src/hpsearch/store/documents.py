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
    """Write a dataclass as JSON with a checksum, in one step.

    Args:
        path: The file; its directory is created.
        kind: The type of the dataclass.
        content: The dataclass.
        stamp: What the file belongs to, as `StudyIdentity.stamp` returns it.

    Raises:
        StoreError: The file cannot be written.
    """
    plain = TypeAdapter(kind).dump_python(content, mode="json")
    sealed = {"sha256": _seal(plain, stamp), "content": plain}
    if stamp is not None:
        sealed = {**sealed, "identity": stamp}
    write_atomically(path, (json.dumps(sealed, indent=1, allow_nan=False) + "\n").encode())


def _seal(plain: object, stamp: object) -> str:
    return digest(plain if stamp is None else {"content": plain, "identity": stamp})


def read_document(path: Path, kind: type[T], identity: StudyIdentity = UNKNOWN, **expected: Any) -> T | None:
    """Read what `write_document` wrote.

    Args:
        path: The file.
        kind: The type of the dataclass.
        identity: The study that it must belong to; by default any.
        **expected: The entries that its stamp must have, such as `trial`.

    Returns:
        The dataclass; None if there is no such file, and with a warning if it cannot be used.
    """
    try:
        return load_document(path, kind, identity, **expected)
    except FileNotFoundError:
        return None
    except DamagedError as failure:
        warnings.warn(f"{path} is not used: {failure}", RuntimeWarning, stacklevel=2)
        return None


def load_document(path: Path, kind: type[T], identity: StudyIdentity = UNKNOWN, **expected: Any) -> T:
    """Read what `write_document` wrote, with the arguments of `read_document`.

    A dataclass can refuse content of the right types that makes no sense, by a ValueError of `__post_init__`.

    Raises:
        FileNotFoundError: There is no such file.
        DamagedError: It is not what was written, or belongs elsewhere.
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
