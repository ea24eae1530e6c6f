"""When the states of trials under way are saved."""

from __future__ import annotations

import time

SNAPSHOT_SECONDS = 5.0
"""A crash costs at most this much training, or one epoch."""

SNAPSHOT_SHARE = 0.02
"""Snapshots of all workers take at most this part of the time: where they are dear, they are rarer."""


class SnapshotClock:
    """Tells when a snapshot is due; `seconds` is what the last one cost, until it was on the disk.

    Args:
        workers: How many clocks share the time of the coordinator, which writes all snapshots.
    """

    def __init__(self, workers: int = 1) -> None:
        self.share = SNAPSHOT_SHARE / workers
        self.saved_at = time.monotonic()
        self.seconds = 0.0

    @property
    def due(self) -> bool:
        """Return whether it is time to save."""
        interval = max(SNAPSHOT_SECONDS, self.seconds / self.share)
        return time.monotonic() - self.saved_at > interval

    def saved(self, seconds: float) -> None:
        """Note that a snapshot was saved just now, and what it cost."""
        self.saved_at, self.seconds = time.monotonic(), seconds
