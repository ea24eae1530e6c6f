"""Kill studies at random moments until they end, and compare all that they leave with a study that was left alone.

    python tests/faults/kills.py --kills 200 --seed 1 [--study NAME]

The coordinator alone or its whole group dies by SIGKILL, is asked to stop by SIGTERM or SIGINT, or loses its worker:
at its start, while it trains, or in the middle of a write (see watched.py), and once while it leaves its results. The
same command goes on each time.
"""

# ruff: noqa: T201 - it tells what it does

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.outcomes import KINDS, compare, outcome, write
from faults.runs import LIMIT, Run, until_true
from hpsearch.store.events import Reported
from hpsearch.store.layout import StudyFiles
from hpsearch.store.log import TickLog
from hpsearch.study.snapshots import SNAPSHOT_SECONDS
from support.commands import succeed

START_SECONDS = 4.0

WAYS = {"one": 5, "all": 5, "term": 3, "int": 3, "worker": 4}
"""How often which: SIGKILL to the coordinator or the group, SIGTERM, SIGINT, SIGKILL to the worker."""

CODES = {"one": (-9,), "all": (-9,), "term": (130, -15), "int": (130, -2)}
"""How the process may end then; before its handlers stand, by the signal itself."""

MOMENTS = {"start": 2, "training": 10, "saving": 8}

LOGS = ("write */ticks.jsonl", "write */ticks.copy.jsonl")
PLACES = (*LOGS, "write *.npz.*.tmp", "fsync *.npz.*.tmp", "replace *.npz", "fsync */checkpoints")
"""Writes in the middle of which a process dies; the log's are those that come with every tick."""

RESULTS = (
    "write *.timing.json.*",
    "replace */best.yaml",
    "replace */best.json",
    "write *.test.json.*",
    "replace */test.json",
    "write *.trials.csv.*",
    "write *.html.*",
    "replace *.html",
)
"""Those behind the last trial."""


@dataclass(frozen=True)
class Kill:
    """What is done to a process: how, at which moment, after how many seconds there, and at which write."""

    how: str
    when: str
    wait: float
    place: str

    @classmethod
    def drawn(cls, draw: random.Random, pace: float) -> Kill:
        (how,) = draw.choices(list(WAYS), list(WAYS.values()))
        (when,) = draw.choices(list(MOMENTS), list(MOMENTS.values()))
        if how == "worker" and when == "start":
            when = "training"
        wait = draw.uniform(0, START_SECONDS if when == "start" else pace)
        return cls(how, when, wait, draw.choice(PLACES if how in ("one", "all") else LOGS))

    @classmethod
    def last(cls, draw: random.Random) -> Kill:
        return cls(draw.choice(("one", "all", "term", "int")), "results", 0.0, draw.choice(RESULTS))


@dataclass
class Tally:
    """What was tried, and what came of it."""

    kills: int = 0
    landed: int = 0
    saving: int = 0
    studies: int = 0
    repeated: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def note(self, problem: str) -> None:
        self.problems.append(problem)
        print(f"PROBLEM: {problem}", flush=True)


class Ordeal:
    """A study that is killed several times and then let to its end."""

    def __init__(self, home: Path, raw: dict[str, Any], draw: random.Random, tally: Tally) -> None:
        self.home, self.name, self.draw, self.tally = home, raw["name"], draw, tally
        self.width = raw["search"].get("width", 1)
        self.ends: dict[int, dict[str, Any]] = {}
        self.runs = 0
        write(home, raw)

    def begin(self) -> Run:
        self.runs += 1
        return Run(self.home, self.name, self.runs)

    def suffer(self, kills: int, pace: float) -> None:
        """Kill the study so many times, the last time behind its last trial, and then let it end."""
        run = self.begin()
        for left in reversed(range(kills)):
            self.strike(run, Kill.drawn(self.draw, pace) if left else Kill.last(self.draw))
            if run.alive:
                continue
            self.examine(run)
            if run.process.returncode == 0:
                return
            run = self.begin()
        if run.process.wait(LIMIT) != 0:
            self.tally.note(f"{self.name} ended with {run.process.returncode} by itself: {run.told()}")
        self.examine(run)

    def strike(self, run: Run, kill: Kill) -> None:
        """Wait for the moment and kill."""
        if kill.when in ("training", "saving"):
            run.until(run.reports, LIMIT)
        run.until(lambda: False, kill.wait)
        if kill.how == "worker" and not run.may_lose_its_worker():
            kill = replace(kill, how="one")
        if kill.when == "saving":
            run.meet(kill.place, hasten=kill.how in ("one", "all"))
        elif kill.when == "results":
            run.meet(kill.place, hasten=False, seconds=LIMIT)
        self.remember(run)
        asked = run.alive or run.process.returncode in CODES["term"]
        landed = run.send(kill.how) and asked
        self.tally.kills += 1
        self.tally.landed += landed
        self.tally.saving += bool(run.place) and landed
        self.tell(kill, run, landed=landed)

    def tell(self, kill: Kill, run: Run, *, landed: bool) -> None:
        place, run.place = f" ({run.place})" if run.place else "", ""
        told = f"{kill.how}, {kill.when}{place} + {kill.wait:.3f} s: {'landed' if landed else 'missed'}"
        print(f"{self.name} {self.tally.kills:4}: {len(self.ends)} trials ended; {told}", flush=True)
        code = run.process.poll()
        if code not in (None, 0, *CODES["term"], *CODES.get(kill.how, ())):
            self.tally.note(f"{self.name} ended with {code} after {kill}: {run.told()}")
        if kill.when != "start" and "Traceback" in run.told():
            self.tally.note(f"{self.name} after {kill}: {run.told()}")

    def remember(self, run: Run) -> None:
        """Check that every trial that had ended has ended still, in the same way."""
        events = run.events()
        ends = {event["number"]: event for event in events if event["kind"] == "end"}
        lost = [number for number, end in self.ends.items() if ends.get(number) != end]
        if lost:
            self.tally.note(f"{self.name}: trials {lost} had ended, and have not or otherwise now")
        self.ends = ends

    def examine(self, run: Run) -> None:
        """Check what a process left that has ended, and how much it trained again."""
        self.remember(run)
        events = run.events()
        seconds = {(e["number"], e["epoch"]): e["seconds"] for e in events if e["kind"] == "report"}
        lines = run.repeated.read_text().splitlines() if run.repeated.exists() else []
        again = [json.loads(line) for line in lines]
        repeated = sum(seconds[note["number"], note["epoch"]] for note in again)
        self.tally.repeated.append(repeated)
        # The interval begins behind a tick and may end in one.
        allowed = SNAPSHOT_SECONDS + 2 * self.width * max(seconds.values(), default=0.0)
        if repeated > allowed * (1 + run.workers_lost):
            self.tally.note(f"{self.name}: {repeated:.2f} s were trained again, {len(again)} epochs")
        run.process.wait(LIMIT)
        if not until_true(lambda: not list(run.leavings()), 20):
            self.tally.note(f"{self.name}: {[process.cmdline() for process in run.leavings()]} live on")


def torment(home: Path, kinds: list[dict[str, Any]], *, kills: int, seed: int, each: int) -> Tally:
    """Kill studies of these kinds in turn, at most `each` times one, and compare them with whole ones."""
    draw, tally = random.Random(seed), Tally()  # noqa: S311
    whole: dict[str, dict[str, Any]] = {}
    for number in range(2 * kills):
        if tally.kills >= kills:
            break
        raw = kinds[number % len(kinds)]
        name = raw["name"]
        if name not in whole:
            whole[name] = left_alone(home / name, raw)
        place = home / f"{name}.{number}"
        # The waits are drawn up to this, so that the study is not over before its last kill.
        pace = training_seconds(home / name, name) / each
        Ordeal(place, raw, draw, tally).suffer(min(each, kills - tally.kills), pace)
        for difference in compare(whole[name], outcome(place, name)):
            tally.note(f"{place.name}: {difference}")
        tally.studies += 1
        print(f"{place.name}: compared; {len(tally.problems)} problems so far", flush=True)
    if tally.landed < 0.9 * tally.kills:
        tally.note(f"only {tally.landed} of {tally.kills} kills landed")
    return tally


def left_alone(home: Path, raw: dict[str, Any]) -> dict[str, Any]:
    """Run a study without a fault and give its outcome."""
    write(home, raw)
    begun = time.monotonic()
    succeed("optimize", "study.yaml", cwd=home)
    print(f"{raw['name']}: uninterrupted in {time.monotonic() - begun:.1f} s", flush=True)
    return outcome(home, raw["name"])


def training_seconds(home: Path, name: str) -> float:
    """Tell roughly how long a study trains, without what it compiles."""
    files = StudyFiles(home, name)
    events = TickLog(files.ticks, files.ticks_copy).read()
    seconds = [event.seconds for event in events if isinstance(event, Reported)]
    return median(seconds) * len(seconds)


def main() -> None:
    """Kill as often as asked, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", "--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--study", choices=KINDS, action="append", help="a kind of study; repeatable")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory() as home:
        kinds = [KINDS[name] for name in given.study or KINDS]
        tally = torment(Path(home), kinds, kills=given.kills, seed=given.seed, each=8)
    told = {**vars(tally), "seed": given.seed, "repeated": max(tally.repeated, default=0.0)}
    print(
        f"{tally.kills} kills, {tally.landed} landed, {tally.saving} of them in a write; {tally.studies} studies "
        f"compared; at most {told['repeated']:.2f} s trained again; {len(tally.problems)} problems"
    )
    print(json.dumps(told))
    sys.exit(bool(tally.problems))


if __name__ == "__main__":
    main()
