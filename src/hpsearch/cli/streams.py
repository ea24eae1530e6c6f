"""The standard streams, before anything is imported or started."""

from __future__ import annotations

import os


def fill_closed() -> None:
    """Open what the caller has closed of the standard streams: a database must not get their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
