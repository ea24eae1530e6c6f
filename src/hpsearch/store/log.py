"""The tick log: what was asked, reported and ended, in the order in which it was decided.

It is the truth of a study: decisions are rebuilt from it, all else is a picture of it or a shortcut.
There are two copies of it, and what is damaged in one is read from the other.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from hpsearch.data.archives import MAX_BYTES, ArchiveError, bounded
from hpsearch.exceptions import StoreError
from hpsearch.store.disk import Appender, write_atomically
from hpsearch.store.events import Event, dump_event, read_event
from hpsearch.store.identity import UNKNOWN, StudyIdentity

SEAL = ', "crc": "'

REMEDY = (
    "restore the right file, or remove the one of the other study (one copy is enough), or start "
    "over with --new"
)


@dataclass(frozen=True)
class Tick:
    """The events of one tick.

    Attributes:
        lease: The number of the lease under which it was written.
        number: From 1.
        elapsed: Seconds of wall time that the study has taken, over all its processes.
        events: In the order in which they were decided.
        study: The beginning of the SHA-256 of the study; empty in logs of older versions.
    """

    lease: int
    number: int
    elapsed: float
    events: tuple[Event, ...]
    study: str = ""

    def dump(self) -> dict[str, Any]:
        """Return the tick as plain data, as it stands in the log."""
        events = [dump_event(event) for event in self.events]
        told = {"lease": self.lease, "tick": self.number, "elapsed": self.elapsed, "events": events}
        return {**told, "study": self.study} if self.study else told

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Read what `dump` returned.

        Raises:
            ValueError: It does not have the shape of a tick; the file may be anything.
        """
        if not (
            isinstance(raw, dict)
            and all(isinstance(raw.get(name), int) and raw[name] > 0 for name in ("lease", "tick"))
            and isinstance(raw.get("elapsed"), int | float)
            and isinstance(raw.get("events"), list)
            and isinstance(raw.get("study", ""), str)
        ):
            raise ValueError("no tick")
        events = tuple(map(read_event, raw["events"]))
        return cls(raw["lease"], raw["tick"], raw["elapsed"], events, raw.get("study", ""))


class TickLog:
    """An append-only file with a JSON object a line, in two copies.

    A line is what one tick decided, whole or not at all, with its number from 1, the number of the lease
    under which it was written, the study that it is of, and a checksum. What an older lease wrote from the
    tick on with which a newer one began does not count: it comes from a process that was thought dead.
    `elapsed` counts the seconds of wall time that the study has taken, over all its processes; `damage` says
    what the last reading found damaged.
    """

    def __init__(self, path: Path, copy: Path, identity: StudyIdentity = UNKNOWN) -> None:
        self.paths, self.identity = (path, copy), identity
        self.damage: list[str] = []
        self.lease = 0
        self.tick = 0
        self.elapsed = 0.0
        self._appenders: list[Appender] = []

    def read(self) -> list[Event]:
        """Read the events of all ticks that count."""
        return [event for tick in self._read() for event in tick.events]

    def _read(self) -> list[Tick]:
        """Read both copies: what one lacks is taken from the other.

        Raises StoreError where they contradict each other, or both are of another study.
        """
        self.damage = []
        copies = _copies(self.paths, self.identity)
        _refuse_foreign(copies)
        _refuse_contradictions(copies)
        known = {key: tick for copy in copies for key, tick in copy.ticks.items()}
        ticks = _that_count(known)
        for copy in copies:
            self.damage += copy.damage(known)
        last = ticks[-1].number if ticks else 0
        lost = max((number for _, number in known), default=0) - last
        if lost > 0 or (self.damage and not known):
            self.damage.append(f"the ticks after {last} are lost in both copies and are trained again")
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
        # Should the files of the leases be lost, what is written now counts all the same.
        self.lease = max(lease, max((tick.lease for tick in ticks), default=0) + 1)
        if ticks:
            self.tick, self.elapsed = ticks[-1].number, ticks[-1].elapsed
        self._appenders = [Appender(path) for path in self.paths]
        return [event for tick in ticks for event in tick.events]

    def append(self, events: list[Event], elapsed: float, *, durable: bool = False) -> None:
        """Append one tick.

        Args:
            events: Its events.
            elapsed: Seconds of wall time that the study has taken, over all its processes.
            durable: Whether to return only when it is on the disk.

        Raises:
            StoreError: It cannot be written.
        """
        tick = Tick(self.lease, self.tick + 1, round(elapsed, 3), tuple(events), self.identity.mark)
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
    body = json.dumps(tick.dump(), allow_nan=False)[:-1].encode()
    return body + f'{SEAL}{zlib.crc32(body):08x}"}}\n'.encode()


def _read_line(line: bytes) -> Tick | None:
    """Read a line; None where it is not what was written."""
    body, seal, crc = line.rpartition(SEAL.encode())
    if not seal or crc != f'{zlib.crc32(body):08x}"}}\n'.encode():
        return None
    with suppress(ValueError, RecursionError):
        return Tick.read(json.loads(body + b"}"))
    return None


def _that_count(known: dict[tuple[int, int], Tick]) -> list[Tick]:
    """Return the ticks in their order: of two with one number, that of the newer lease, without a gap."""
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


def _copies(paths: tuple[Path, Path], identity: StudyIdentity) -> list[_Copy]:
    """Read both copies; what is equal, as it nearly always is, only once."""
    first, second = (_content(path) for path in paths)
    copy = _Copy(paths[0], first, identity)
    return [copy] if first == second else [copy, _Copy(paths[1], second, identity)]


def _refuse_foreign(copies: list[_Copy]) -> None:
    """Refuse a log of which nothing is of the study: it must not be taken for one that has no trials yet."""
    if not any(copy.ticks for copy in copies):
        for copy in copies:
            if copy.foreign:
                raise StoreError(f"{copy.path}: {copy.foreign}; {REMEDY}")


def _refuse_contradictions(copies: list[_Copy]) -> None:
    """Refuse a log that says two things of one tick: which of them is right, no copy can tell."""
    for copy in copies:
        if copy.twice:
            raise StoreError(f"{copy.path}: tick {copy.twice} occurs twice, with different content; {REMEDY}")
    marks = sorted({copy.mark for copy in copies if copy.mark})
    if len(marks) > 1:
        raise StoreError(f"{copies[0].path} and {copies[1].path} belong to different studies; {REMEDY}")
    if len(copies) < 2:  # they are equal
        return
    first, second = copies
    for key in sorted(first.ticks.keys() & second.ticks.keys()):
        if first.ticks[key] != second.ticks[key]:
            raise StoreError(
                f"{first.path} and {second.path} differ at tick {key[1]}: one of them was "
                f"not written by this study; {REMEDY}"
            )


def marks(path: Path) -> set[str]:
    """Return the studies that the lines of a copy name, by the beginnings of their SHA-256."""
    lines = (_read_line(line) for line in _content(path).splitlines(keepends=True))
    return {tick.study for tick in lines if tick is not None and tick.study}


class _Copy:
    """What is whole in one copy of the log, and what is not."""

    def __init__(self, path: Path, content: bytes, identity: StudyIdentity) -> None:
        self.path = path
        self.ticks: dict[tuple[int, int], Tick] = {}
        self.bad: list[int] = []
        self.foreign: str | None = None
        self.twice: int | None = None
        self.mark = ""
        lines = content.splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            tick = _read_line(line)
            if tick is not None:
                self._take(tick, identity)
            elif number < len(lines) or line.endswith(b"\n"):
                # A last line without an end is what a kill leaves behind, and no damage.
                self.bad.append(number)

    def _take(self, tick: Tick, identity: StudyIdentity) -> None:
        mark, key = tick.study, (tick.lease, tick.number)
        if identity.name and mark != identity.mark and (mark or identity.strict):
            whose = f"study {mark}" if mark else "a study of an older version"
            self.foreign = f"it is the log of another study ({whose}; this one is {identity.mark or 'older'})"
            return
        if self.ticks.setdefault(key, tick) != tick or (mark and self.mark not in ("", mark)):
            self.twice = tick.number
        self.mark = mark or self.mark

    def damage(self, known: dict[tuple[int, int], Tick]) -> Iterator[str]:
        """Return what is missing here and known from the other copy, and which lines cannot be read."""
        if self.foreign:
            yield f"{self.path}: {self.foreign}"
        elif self.bad:
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
