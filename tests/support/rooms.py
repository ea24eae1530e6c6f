"""The way of a record through the rooms of the package, call by call."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

import hpsearch
from hpsearch.analysis import Analysis
from hpsearch.scheduling import conclusion as begin
from hpsearch.scheduling.conclusion import Conclusion
from hpsearch.store.record import StudyRecord
from hpsearch.store.results import StudyResults

PACKAGE = Path(hpsearch.__file__).parent
CARRIED = (StudyRecord, Conclusion, Analysis, StudyResults)
"""The record of a search, and what is made of it on its way."""

WRITERS = ("write_atomically", "rename")


@cache
def room_of(file: str) -> str | None:
    """Return the folder of the package that a file of code is in."""
    return Path(file).relative_to(PACKAGE).parts[0] if Path(file).is_relative_to(PACKAGE) else None


class Walk:
    """Which functions of another room the record is handed to, and by which files come to be written."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, str]] = []
        """The room that calls, the room that is entered, and the function."""
        self.writes: list[str] = []

    def watch(self, frame: FrameType, event: str, _: Any) -> None:
        name, room = frame.f_code.co_name, room_of(frame.f_code.co_filename)
        if event == "return" and name == "leave_search":
            sys.setprofile(None)
        if event != "call" or room is None:
            return
        if _carries(frame) and (caller := _caller_of(frame)) not in (room, None):
            self.entries.append((str(caller), room, name))
        if room == "store" and name in WRITERS:
            written = frame.f_locals.get("other", frame.f_locals["path"])
            self.writes.append(f"{_into_store(frame)}: {written.name}")


def _carries(frame: FrameType) -> bool:
    """Tell whether a function is handed the record, or what was made of it; their own methods tell of them."""
    code, given = frame.f_code, frame.f_locals
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if isinstance(given.get("self"), CARRIED):
        return False
    return any(isinstance(given.get(name), CARRIED) for name in names)


def _callers(frame: FrameType) -> Iterator[tuple[FrameType, str]]:
    """Iterate over the frames of the package that a call came through, the last first."""
    above = frame.f_back
    while above is not None:
        if room := room_of(above.f_code.co_filename):
            yield above, room
        above = above.f_back


def _caller_of(frame: FrameType) -> str | None:
    """Return the room that a call came from; None where a thread began with it."""
    return next((room for _, room in _callers(frame)), None)


def _into_store(frame: FrameType) -> str:
    """Return the room that called the store, and what it called."""
    name = frame.f_code.co_name
    for above, room in _callers(frame):
        if room != "store":
            return f"{room} -> {name}"
        name = above.f_code.co_name
    return name


@contextmanager
def walked() -> Iterator[Walk]:
    """Watch a search from where it is concluded to where its results are left, in every thread."""
    walk, conclude = Walk(), begin.conclude_search

    def watched(*given: Any) -> Conclusion:
        threading.setprofile(walk.watch)
        sys.setprofile(walk.watch)
        return conclude(*given)

    with mock.patch.object(begin, "conclude_search", watched):
        try:
            yield walk
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
