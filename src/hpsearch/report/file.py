"""The report as a file that is never seen half written."""

from __future__ import annotations

import os
from pathlib import Path


def write_file(text: str, path: Path) -> None:
    """Write text as UTF-8 under a temporary name beside the file, then rename it; folders are made.

    A letter that UTF-8 cannot hold (half of a surrogate pair) becomes a question mark.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".report-{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(text.encode("utf-8", "replace"))
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
