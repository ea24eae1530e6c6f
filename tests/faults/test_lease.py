"""Two processes and one study: one runs it, whatever the other believes, and the numbers stay those of one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faults.outcomes import compare, decisions, plain, study
from faults.runs import WATCHED, Run
from hpsearch.store.events import Asked, Event
from hpsearch.store.holder import Holder
from hpsearch.store.layout import StudyFiles
from hpsearch.store.lease import leased
from hpsearch.store.log import TickLog
from hpsearch.store.optuna.projection import FLUSH_SECONDS
from support.commands import Result, environment, events, run, started, succeed, wait_until, write_study

pytestmark = pytest.mark.long

TRIALS, LOCKED = 3, 3

QUIET_SECONDS = FLUSH_SECONDS + 0.3
"""After which the storage has been written, if nothing new happens."""

RAW = study(
    "study", training={"epochs": 100}, search={"trials": TRIALS, "sampler": {"tpe": {"startup_trials": 2}}}
)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give what the study decides when nothing disturbs it."""
    home = begun(tmp_path_factory.mktemp("alone"))
    succeed("optimize", "study.yaml", cwd=home)
    return decided(home)


def begun(home: Path) -> Path:
    write_study(home / "study.yaml", RAW)
    return home


def decided(home: Path, trials: int = TRIALS) -> dict[str, Any]:
    """Give what was decided about the first trials."""
    files = StudyFiles(home, "study")
    log = TickLog(files.ticks, files.ticks_copy).read()
    return decisions(plain(event for event in log if event.number < trials))


def reported(home: Path) -> int:
    return sum(event["kind"] == "report" for event in events(home / "runs" / "study"))


def refused(result: Result) -> str:
    """Check that a process was refused, and give its reason."""
    assert result.returncode == LOCKED, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr


def content(home: Path) -> dict[str, str]:
    """Give a hash of every file that a study has; of its database, what SQLite may move between its files."""
    paths = [path for name in ("runs", "reports") for path in (home / name).rglob("*") if path.is_file()]
    files = {str(path.relative_to(home)): path for path in paths if not path.name.startswith("study.db")}
    with closing(sqlite3.connect(home / "runs" / "study" / "study.db")) as connection:
        dump = "\n".join(connection.iterdump())
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    return {**hashes, "study.db": hashlib.sha256(dump.encode()).hexdigest()}


def test_the_first_goes_on_unharmed_and_a_dead_one_is_succeeded_at_once(
    alone: dict[str, Any], tmp_path: Path
) -> None:
    home = begun(tmp_path)
    with started("optimize", "study.yaml", "--trials", "1000", cwd=home) as first:
        wait_until(lambda: reported(home) > 0, first)
        for options in ((), ("--takeover",)):
            told = refused(run("optimize", "study.yaml", "--trials", "1000", *options, cwd=home))
            assert f"locked by process {first.pid} on {socket.gethostname()}:" in told
        known = reported(home)
        wait_until(lambda: reported(home) > known, first)
        os.kill(first.pid, signal.SIGKILL)
        # Its parent has not taken notice of the death yet: there is still an entry of that process id.
        os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)
        count = len({event["number"] for event in events(home / "runs" / "study")})
        count = max(count, TRIALS)
        succeed("optimize", "study.yaml", "--trials", str(count), cwd=home)
    assert compare(alone, decided(home)) == []
    assert len(decided(home, count)["ends"]) == count


def test_a_stopped_process_is_taken_over_and_changes_nothing_any_more(
    alone: dict[str, Any], tmp_path: Path
) -> None:
    """It is stopped in the middle of a write: what it writes when it wakes up is a line that does not count."""
    home, copy = begun(tmp_path), StudyFiles(tmp_path, "study").ticks_copy
    # More trials than it can end before it is met.
    first = Run(home, "study", 1, "--trials", "1000")
    assert first.until(lambda: reported(home) > 20, 60), first.told()
    first.meet("write */ticks.jsonl", hasten=False, seconds=10)
    time.sleep(QUIET_SECONDS)
    os.killpg(first.process.pid, signal.SIGSTOP)
    assert first.place == "write ticks.jsonl"
    assert "--takeover" in refused(run("optimize", "study.yaml", cwd=home))
    count = str(max(TRIALS, len({event["number"] for event in events(home / "runs" / "study")})))
    succeed("optimize", "study.yaml", "--trials", count, "--takeover", cwd=home)
    log, before = copy.read_bytes(), content(home)
    os.killpg(first.process.pid, signal.SIGCONT)
    assert first.process.wait(60) == LOCKED, first.told()
    assert re.search(r"process \d+ on \S+ has taken over the study", first.told())
    assert "Traceback" not in first.told()
    late = copy.read_bytes().removeprefix(log)
    assert json.loads(late)["lease"] < json.loads(log.splitlines()[-1])["lease"]
    assert compare(alone, decided(home)) == []
    succeed("check", "study", cwd=home)
    copy.write_bytes(log)
    assert content(home) == before


def test_a_silent_holder_elsewhere_is_taken_over_only_when_that_is_asked_for(
    alone: dict[str, Any], tmp_path: Path
) -> None:
    home = begun(tmp_path)
    holder = replace(Holder.own(), host="elsewhere", machine="another")
    lease = StudyFiles(home, "study").leases / "000007.json"
    lease.parent.mkdir(parents=True)
    told = {"holder": holder.dump(), "beat": 5, "released": False}
    lease.write_bytes(json.dumps(told).encode().ljust(512))
    assert f"process {os.getpid()} on elsewhere:" in refused(run("optimize", "study.yaml", cwd=home))
    assert not (home / "runs" / "study" / "ticks.jsonl").exists()
    succeed("optimize", "study.yaml", "--trials", "1", "--takeover", cwd=home)
    assert decided(home)["ends"] == {0: alone["ends"][0]}


def test_a_clock_that_jumps_changes_nothing(alone: dict[str, Any], tmp_path: Path) -> None:
    home = begun(tmp_path)
    result = subprocess.run(
        [sys.executable, WATCHED, "optimize", "study.yaml"],
        cwd=home,
        env=environment(WATCHED_CLOCK="1"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert compare(alone, decided(home)) == []
    seconds = [e["seconds"] for e in events(home / "runs" / "study") if e["kind"] in ("report", "end")]
    assert all(0 <= second < 60 for second in seconds)


def test_late_lines_of_an_older_lease_are_passed_over(tmp_path: Path) -> None:
    paths = tmp_path / "ticks.jsonl", tmp_path / "ticks.copy.jsonl"

    def asked(number: int, lease: int) -> list[Event]:
        return [Asked(number, {"lease": lease})]

    older, newer = TickLog(*paths), TickLog(*paths)
    older.open(1)
    older.append(asked(0, 1), 0.1)
    newer.open(2)
    newer.append(asked(1, 2), 0.2)
    older.append(asked(1, 1), 0.2)
    newer.append(asked(2, 2), 0.3)
    older.append(asked(2, 1), 0.3)
    older.append(asked(3, 1), 0.4)
    expected = [*asked(0, 1), *asked(1, 2), *asked(2, 2)]
    assert TickLog(*paths).read() == expected
    assert TickLog(*paths).open(3) == expected


def test_a_beat_after_the_release_does_not_take_the_lease_again(tmp_path: Path) -> None:
    with leased(tmp_path) as lease:
        pass
    with (tmp_path / "other").open("wb") as other:
        # It has the number of the descriptor that the lease has closed.
        lease._beat()
        assert not os.fstat(other.fileno()).st_size
    with leased(tmp_path) as again:
        assert again.number > lease.number
