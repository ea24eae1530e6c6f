"""The tick log: what was asked, reported and ended, in the order in which it was decided.

It is the truth of a study: decisions are rebuilt from it, all else is a picture of it or a shortcut.
There are two copies of it, and what is damaged in one is read from the other.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from hpsearch.archives import MAX_BYTES, ArchiveError, bounded
from hpsearch.exceptions import StoreError
from hpsearch.store.disk import Appender, write_atomically

Event = dict[str, Any]
Tick = dict[str, Any]

SEAL = ', "crc": "'

Number = int | float | None

FIELDS: dict[str, dict[str, Any]] = {
    "ask": {"values": dict},
    "report": {"epoch": int, "value": Number, "metrics": dict, "seconds": Number},
    "end": {
        "state": str,
        "value": Number,
        "epochs": int,
        "best_epoch": int | None,
        "seconds": Number,
        "cause": str | None,
    },
    "lost": {"cause": str},
}
"""The kinds of events and what each says; a worker died with the trial that is lost, which goes on from its
checkpoint."""


class TickLog:
    """An append-only file with a JSON object a line, in two copies.

    A line is what one tick decided, whole or not at all, with its number from 1, the number of the lease
    under which it was written, and a checksum. What an older lease wrote from the tick on with which a newer
    one began does not count: it comes from a process that was thought dead. `elapsed` counts the seconds of
    wall time that the study has taken, over all its processes; `damage` says what the last reading found
    damaged.
    """

    def __init__(self, path: Path, copy: Path) -> None:
        self.paths = (path, copy)
        self.damage: list[str] = []
        self.lease = 0
        self.tick = 0
        self.elapsed = 0.0
        self._appenders: list[Appender] = []

    def read(self) -> list[Event]:
        """Read the events of all ticks that count."""
        return [event for tick in self._read() for event in tick["events"]]

    def _read(self) -> list[Tick]:
        self.damage = []
        copies = _copies(self.paths)
        known = {key: tick for copy in copies for key, tick in copy.ticks.items()}
        ticks = _that_count(known)
        for copy in copies:
            self.damage += copy.damage(known)
        last = ticks[-1]["tick"] if ticks else 0
        lost = max((number for _, number in known), default=0) - last
        if lost > 0 or (self.damage and not known):
            self.damage.append(f"what follows tick {last} is lost in both copies, and done again")
        return ticks

    def open(self, lease: int) -> list[Event]:
        """Open the log for appending under a lease, both copies made whole, and give the events in it."""
        ticks = self._read()
        content = b"".join(_line(tick) for tick in ticks)
        for path in self.paths:
            if _content(path) != content:
                if self.damage:
                    _set_aside(path)
                write_atomically(path, content)
        self.lease = lease
        if ticks:
            self.tick, self.elapsed = ticks[-1]["tick"], ticks[-1]["elapsed"]
        self._appenders = [Appender(path) for path in self.paths]
        return [event for tick in ticks for event in tick["events"]]

    def append(self, events: list[Event], elapsed: float, *, durable: bool = False) -> None:
        """Append one tick; when `durable`, return only when it is on the disk.

        Raises StoreError where it cannot be written.
        """
        tick = {
            "lease": self.lease,
            "tick": self.tick + 1,
            "elapsed": round(elapsed, 3),
            "events": events,
        }
        line = _line(tick)
        for appender in self._appenders:
            appender.append(line, durable=durable)
        self.tick += 1

    def close(self) -> None:
        """Close the files."""
        for appender in self._appenders:
            appender.close()
        self._appenders = []


def _line(tick: Tick) -> bytes:
    body = json.dumps(tick, allow_nan=False)[:-1].encode()
    return body + f'{SEAL}{zlib.crc32(body):08x}"}}\n'.encode()


def _read_line(line: bytes) -> Tick | None:
    """Read a line; None where it is not what was written."""
    body, seal, crc = line.rpartition(SEAL.encode())
    if not seal or crc != f'{zlib.crc32(body):08x}"}}\n'.encode():
        return None
    with suppress(ValueError, RecursionError):
        tick = json.loads(body + b"}")
        if _is_tick(tick):
            return dict(tick)
    return None


def _is_tick(tick: Any) -> bool:
    """Tell whether a line has the shape of a tick, whoever wrote it."""
    return (
        isinstance(tick, dict)
        and all(isinstance(tick.get(name), int) and tick[name] > 0 for name in ("lease", "tick"))
        and isinstance(tick.get("elapsed"), int | float)
        and isinstance(tick.get("events"), list)
        and all(map(_is_event, tick["events"]))
    )


def _is_event(event: Any) -> bool:
    if not isinstance(event, dict) or not isinstance(event.get("number"), int) or event["number"] < 0:
        return False
    fields = FIELDS.get(str(event.get("kind")))
    if fields is None or not all(isinstance(event.get(name), kind) for name, kind in fields.items()):
        return False
    return all(map(_is_finite, (event.get("value"), *event.get("metrics", {}).values())))


def _is_finite(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and abs(value) <= sys.float_info.max)


def _that_count(known: dict[tuple[int, int], Tick]) -> list[Tick]:
    """Give the ticks in their order: of two with one number, that of the newer lease, without a gap."""
    kept: list[Tick] = []
    lease = 0
    for key in sorted(known):
        if key[0] > lease:
            lease = key[0]
            del kept[key[1] - 1 :]
        if key[1] != len(kept) + 1:
            continue
        kept.append(known[key])
    return kept


def _copies(paths: tuple[Path, Path]) -> list[_Copy]:
    """Read both copies; what is equal, as it nearly always is, only once."""
    first, second = (_content(path) for path in paths)
    copy = _Copy(paths[0], first)
    return [copy] if first == second else [copy, _Copy(paths[1], second)]


class _Copy:
    """What is whole in one copy of the log, and what is not."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        self.ticks: dict[tuple[int, int], Tick] = {}
        self.bad: list[int] = []
        lines = content.splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            tick = _read_line(line)
            if tick is not None:
                self.ticks[tick["lease"], tick["tick"]] = tick
            elif number < len(lines) or line.endswith(b"\n"):
                # A last line without an end is what a kill leaves behind, and no damage.
                self.bad.append(number)

    def damage(self, known: dict[tuple[int, int], Tick]) -> Iterator[str]:
        """Say what is missing here and known from the other copy, and which lines cannot be read."""
        if self.bad:
            yield f"{self.path}: line {self.bad[0]} is damaged"
        elif len(known) - len(self.ticks) > 1:
            # One more line in the other copy is what a kill between the two leaves behind.
            yield f"{self.path}: {len(known) - len(self.ticks)} ticks are missing"


def _content(path: Path) -> bytes:
    try:
        return bounded(path, MAX_BYTES)
    except FileNotFoundError:
        return b""
    except ArchiveError as failure:
        raise StoreError(f"{path} is not a tick log: {failure}") from None
    except OSError as failure:
        raise StoreError(f"cannot read {path}: {failure.strerror}") from None


def _set_aside(path: Path) -> None:
    content = _content(path)
    if content:
        write_atomically(path.with_name(f"{path.name}.damaged"), content)
