"""The report as a file that is never seen half written."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from hpsearch.exceptions import StoreError


def write_file(text: str, path: Path) -> None:
    """Write text as UTF-8 under a temporary name beside the file, then rename it; folders are made.

    A letter that UTF-8 cannot hold (half of a surrogate pair) becomes a question mark.
    Raises StoreError where the system does not let us write.
    """
    temporary = path.with_name(f".report-{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            stream.write(text.encode("utf-8", "replace"))
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as failure:
        raise StoreError(f"cannot write {path}: {failure.strerror}") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
