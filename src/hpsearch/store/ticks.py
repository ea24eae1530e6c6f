"""The tick log: what was asked, reported and ended, in the order in which it was decided.

It is the truth of a study. Decisions are rebuilt from it; the Optuna storage is a projection for people.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from hpsearch.exceptions import StoreError

Event = dict[str, Any]


class TickLog:
    """An append-only file with a JSON object a line: what one tick decided, whole or not at all.

    `elapsed` counts the seconds of wall time that the study has taken, over all its processes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream: BinaryIO | None = None
        self.tick = 0
        self.elapsed = 0.0

    def read(self) -> list[Event]:
        """Read the events of all whole ticks; a last line that a crash cut short is passed over."""
        return [event for _, tick in self._whole_lines() for event in tick["events"]]

    def _whole_lines(self) -> Iterator[tuple[int, Event]]:
        """Iterate over the ticks and the position in the file behind each."""
        if not self.path.exists():
            return
        position = 0
        for line in self.path.read_bytes().splitlines(keepends=True):
            try:
                tick = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                tick = None
            if not isinstance(tick, dict):
                return
            position += len(line)
            yield position, tick

    def open(self) -> list[Event]:
        """Open the log for appending behind its last whole line, and give what is in it."""
        lines = list(self._whole_lines())
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self.path.open("ab")
            self._stream.truncate(lines[-1][0] if lines else 0)
        except OSError as failure:
            raise StoreError(f"cannot write {self.path}: {failure.strerror}") from None
        if lines:
            self.tick, self.elapsed = lines[-1][1]["tick"], lines[-1][1]["elapsed"]
        return [event for _, tick in lines for event in tick["events"]]

    def append(self, events: list[Event], elapsed: float, *, durable: bool = False) -> None:
        """Append one tick; when `durable`, return only when it is on the disk."""
        if self._stream is None or not events:
            return
        self.tick += 1
        tick = {"tick": self.tick, "elapsed": round(elapsed, 3), "events": events}
        try:
            self._stream.write(json.dumps(tick, allow_nan=False).encode() + b"\n")
            self._stream.flush()
            if durable:
                os.fsync(self._stream.fileno())
        except OSError as failure:
            raise StoreError(f"cannot write {self.path}: {failure.strerror}") from None

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
