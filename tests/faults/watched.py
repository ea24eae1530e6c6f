"""Run the command line so that a harness can meet it at a certain place.

`python tests/faults/watched.py optimize ...` is `hpsearch optimize ...`; the environment says what is watched:

- `WATCHED_DOOR` names a directory. When a file `armed` in it names a call and a pattern of paths, as in
  `replace *.npz`, the process stops at the next such call of the module that writes, says so in a file `reached`,
  and waits there until that file is gone, or for PATIENCE seconds. A write stops when it is half done.
- `WATCHED_REPEATED` names a file, which gets a line for each epoch that is trained again although the tick log has it.
- `WATCHED_CLOCK` is a seed: the clock of the calendar, in the coordinator and its worker, jumps at random.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import time
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

PATIENCE = 3.0
JUMP = 3600.0
"""Seconds that the clock jumps at most, forwards or back."""


class Doors:
    """Stands for `os` in the module that writes: the same calls, with a door at those that matter."""

    def __init__(self, directory: Path) -> None:
        self.armed, self.reached = directory / "armed", directory / "reached"
        self._names: dict[int, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Any, *arguments: Any) -> int:
        descriptor = os.open(path, *arguments)
        self._names[descriptor] = str(path)
        return descriptor

    def write(self, descriptor: int, content: Any) -> int:
        if not self._is_armed("write", self._names.get(descriptor, "")):
            return os.write(descriptor, content)
        written = os.write(descriptor, content[: len(content) // 2])
        self._wait("write", self._names[descriptor])
        return written

    def fsync(self, descriptor: int) -> None:
        self._meet("fsync", self._names.get(descriptor, ""))
        os.fsync(descriptor)

    def replace(self, source: Any, target: Any) -> None:
        self._meet("replace", str(target))
        os.replace(source, target)  # noqa: PTH105

    def _meet(self, call: str, name: str) -> None:
        if self._is_armed(call, name):
            self._wait(call, name)

    def _is_armed(self, call: str, name: str) -> bool:
        try:
            wanted, pattern = self.armed.read_text().split(" ", 1)
        except (OSError, ValueError):
            return False
        return wanted == call and fnmatch(name, pattern)

    def _wait(self, call: str, name: str) -> None:
        self.armed.unlink(missing_ok=True)
        self.reached.write_text(f"{call} {Path(name).name}")
        end = time.monotonic() + PATIENCE
        while self.reached.exists() and time.monotonic() < end:
            time.sleep(0.001)


def watch_writes(directory: Path) -> None:
    """Put doors into the module that writes."""
    from hpsearch.store import disk

    disk.os = Doors(directory)  # type: ignore[assignment]


def watch_repeated(path: Path) -> None:
    """Note what is trained again."""
    from hpsearch.study.trial import RunningTrial

    whole = RunningTrial.catch_up

    def catch_up(trial: Any, report: Any) -> bool:
        told = {"number": trial.number, "epoch": report.epoch, "seconds": report.seconds}
        with path.open("a") as stream:
            stream.write(json.dumps(told) + "\n")
        return whole(trial, report)

    RunningTrial.catch_up = catch_up  # type: ignore[method-assign]


class _Kind(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, _DATETIME)


_DATETIME, _TIME = dt.datetime, time.time


class _JumpingDatetime(_DATETIME, metaclass=_Kind):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return _DATETIME.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> Any:
        return _DATETIME.fromtimestamp(time.time(), dt.UTC).replace(tzinfo=None)


def let_clock_jump(seed: str) -> None:
    """Let the clock be wrong by up to an hour, and by another time at every tenth look."""
    draw = random.Random(seed)  # noqa: S311
    off = [0.0]

    def jumping() -> float:
        if draw.random() < 0.1:
            off[0] = draw.uniform(-JUMP, JUMP)
        return _TIME() + off[0]

    time.time = jumping
    time.time_ns = lambda: int(jumping() * 1e9)
    dt.datetime = _JumpingDatetime  # type: ignore[misc]


def main() -> None:
    """Watch what is to be watched and run the command line."""
    if "WATCHED_DOOR" in os.environ:
        watch_writes(Path(os.environ["WATCHED_DOOR"]))
    if "WATCHED_REPEATED" in os.environ:
        watch_repeated(Path(os.environ["WATCHED_REPEATED"]))
    from hpsearch.cli import main as run

    run()


# A worker imports this file too, under another name, and has the same clock.
if "WATCHED_CLOCK" in os.environ and __name__ in ("__main__", "__mp_main__"):
    let_clock_jump(os.environ["WATCHED_CLOCK"])

if __name__ == "__main__":
    main()
