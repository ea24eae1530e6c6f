"""A process of a study that can be met at a certain place, and stopped in one way or another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from hpsearch.store.events import dump_event
from hpsearch.store.layout import StudyFiles
from hpsearch.store.log import TickLog
from support.commands import environment

WATCHED = Path(__file__).with_name("watched.py")
STEP = 0.002
LIMIT = 180.0
DOOR_SECONDS = 1.0


class Run:
    """One process of a study, from the command to its end."""

    def __init__(self, home: Path, name: str, number: int, *options: str, **extra: str) -> None:
        self.files = StudyFiles(home, name)
        self.door, self.output = home / "door", home / f"output.{number}"
        self.repeated = home / f"repeated.{number}"
        self.door.mkdir(exist_ok=True)
        self.open_door()
        watched = {"WATCHED_DOOR": str(self.door), "WATCHED_REPEATED": str(self.repeated), **extra}
        with self.output.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, str(WATCHED), "optimize", "study.yaml", *options],
                cwd=home,
                env=environment(**watched),
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.place, self.workers_lost = "", 0
        self.struck: set[int] = set()
        """Trials whose worker was killed here: the log may not have it yet."""

        self.mark()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds, as long as the process lives."""
        end = time.monotonic() + seconds
        while self.alive and time.monotonic() < end:
            if holds():
                return True
            time.sleep(STEP)
        return False

    def mark(self) -> None:
        """Remember how long the tick log is."""
        self.size = self.files.ticks.stat().st_size if self.files.ticks.exists() else 0

    def reports(self) -> bool:
        """Tell whether there is a new report in the tick log."""
        if not self.files.ticks.exists():
            return False
        with self.files.ticks.open("rb") as stream:
            stream.seek(self.size)
            return b'"report"' in stream.read()

    def meet(self, place: str, *, hasten: bool, seconds: float = DOOR_SECONDS) -> None:
        """Wait for the next such write, and hasten it by asking the process to stop if it does not come."""
        reached = self.door / "reached"
        (self.door / "arming").write_text(place)
        (self.door / "arming").replace(self.door / "armed")
        met = self.until(reached.exists, seconds)
        if not met and hasten and self.alive:
            self.process.send_signal(signal.SIGTERM)
            met = self.until(reached.exists, LIMIT)
        self.place = reached.read_text() if met else ""

    def open_door(self) -> None:
        for path in self.door.iterdir():
            path.unlink(missing_ok=True)

    def events(self) -> list[dict[str, Any]]:
        return [dump_event(event) for event in TickLog(self.files.ticks, self.files.ticks_copy).read()]

    def worker(self) -> psutil.Process | None:
        with suppress(psutil.Error):
            children = psutil.Process(self.process.pid).children()
            return next((child for child in children if "spawn_main" in " ".join(child.cmdline())), None)
        return None

    def may_lose_its_worker(self) -> bool:
        """Tell whether trials are under way, none of which has lost a worker: the second time it counts as failed."""
        under_way = self.under_way()
        return bool(under_way) and not under_way & (self.numbers("lost") | self.struck)

    def numbers(self, kind: str) -> set[int]:
        return {event["number"] for event in self.events() if event["kind"] == kind}

    def under_way(self) -> set[int]:
        return self.numbers("ask") - self.numbers("end")

    def send(self, how: str) -> bool:
        """Send the signal, and tell whether it landed in a study that was not finished."""
        if how == "worker":
            return self._kill_worker()
        if self.alive and how == "all":
            os.killpg(self.process.pid, signal.SIGKILL)
        elif self.alive:
            number = {"term": signal.SIGTERM, "int": signal.SIGINT}.get(how, signal.SIGKILL)
            self.process.send_signal(number)
        self.open_door()
        return self.process.wait(LIMIT) != 0

    def _kill_worker(self) -> bool:
        worker = self.worker() if self.alive else None
        self.mark()
        if worker is not None:
            self.struck |= self.under_way()
            worker.kill()
            self.workers_lost += 1
        self.open_door()
        return worker is not None

    def told(self) -> str:
        return self.output.read_text(errors="replace")[-2_000:]

    def leavings(self) -> Iterator[psutil.Process]:
        """Find the processes of the group that still live."""
        for process in psutil.process_iter():
            try:
                mine = os.getpgid(process.pid) == self.process.pid
                if mine and process.status() != psutil.STATUS_ZOMBIE:
                    yield process
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue


def until_true(holds: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.1)
    return holds()
