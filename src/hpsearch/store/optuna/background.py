"""Writes the projection in a thread of its own, so that the study does not wait for it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from hpsearch.exceptions import StorageAwayError
from hpsearch.store.events import Asked, Ended, Event, Reported
from hpsearch.store.optuna.projection import FLUSH_SECONDS, Projection
from hpsearch.store.record import TrialRecord

PATIENCE_SECONDS = 15.0
"""How long a storage that is away at the end of a study is waited for."""

RETRY_SECONDS = 1.0

_Entry = tuple[Callable[..., None], tuple[Any, ...]]


class BackgroundWriter:
    """Queues notes for an Optuna storage and writes them later, in their order.

    The storage is derived from the log: if it cannot be written, a warning says so and the study goes on.
    Without a projection nothing is written. `check` raises where this process must not write any more.
    """

    def __init__(self, projection: Projection | None, check: Callable[[], None]) -> None:
        self.projection, self.check = projection, check
        self.failure: Exception | None = None
        self._entries: SimpleQueue[_Entry | None] = SimpleQueue()
        self._thread = Thread(target=self._write, args=(projection,), name="hpsearch projection", daemon=True)
        if projection is not None:
            self._thread.start()

    def apply(self, event: Event, record: TrialRecord | None) -> None:
        """Note an event of a trial, and how the trial ended where it has."""
        if self.projection is None:
            return
        match event:
            case Asked():
                self._entries.put((self.projection.asked, (event.number, event.values)))
            case Reported() if event.value is not None:
                self._entries.put((self.projection.reported, (event.number, event.epoch, event.value)))
            case Ended():
                self._entries.put((self.projection.ended, (record,)))

    def close(self) -> None:
        """Write the rest, and warn where something could not be written."""
        if self.projection is None:
            return
        self._entries.put(None)
        self._thread.join()
        if self.failure is not None:
            text = (str(self.failure).splitlines() or [type(self.failure).__name__])[0]
            told = f"the storage is out of date: {text}; the same command, run again, completes it"
            warnings.warn(told, RuntimeWarning, stacklevel=2)

    def _write(self, projection: Projection) -> None:
        while True:
            try:
                entry = self._entries.get(timeout=FLUSH_SECONDS)
            except Empty:
                entry = (projection.flush, ())
            try:
                if entry is None:
                    self._finish(projection)
                    return
                note, arguments = entry
                note(*arguments)
                self.check()
                projection.flush()
            except Exception as failure:  # noqa: BLE001 - whatever the storage raises, the study goes on
                self.failure = failure
                if entry is None:
                    return

    def _finish(self, projection: Projection) -> None:
        """Write everything, whatever went wrong before; a storage that is away has some time to come back."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            self.check()
            try:
                projection.close()
            except StorageAwayError:
                if time.monotonic() > end:
                    raise
                time.sleep(RETRY_SECONDS)
            else:
                self.failure = None
                return
