"""A process for training that is started ahead: the first worker takes it, and else it is ended."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from hpsearch.cli import _trains
from hpsearch.engines.process.spawn import process_ahead, spawned
from support.commands import anew


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def test_the_first_worker_takes_what_was_started_ahead_and_the_second_starts_its_own() -> None:
    before = children()
    with process_ahead():
        ahead = children() - before
        first = spawned()
        assert first.process.pid in ahead
        second = spawned()
        assert second.process.pid not in ahead
    assert first.process.is_alive()
    assert second.process.is_alive()
    for one in (first, second):
        one.kill()


def test_what_no_worker_takes_is_ended() -> None:
    before = children()
    with process_ahead():
        ahead = children() - before
        assert ahead
    # The tracker of resources that Python starts with the first process stays.
    left = [psutil.Process(pid).cmdline() for pid in ahead & children()]
    assert not [command for command in left if "spawn_main" in " ".join(command)]


@pytest.mark.parametrize(
    ("arguments", "trains"),
    [
        ("optimize a.yaml", True),
        ("compare a.yaml --new", True),
        ("validate a.yaml", False),
        ("optimize --help", False),
        ("optimize a.yaml --engine in_process", False),
        ("", False),
    ],
)
def test_only_commands_that_train_start_a_process_ahead(arguments: str, trains: bool) -> None:
    assert _trains(arguments.split()) is trains


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes by their environment")
def test_a_bad_study_file_leaves_no_process(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\nmodle: {}\n")
    result = anew("optimize", "a.yaml", cwd=tmp_path, HPSEARCH_MARK=str(tmp_path))
    assert (result.returncode, "Traceback" in result.stderr) == (2, False)
    assert "modle" in result.stderr
    left = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("HPSEARCH_MARK") == str(tmp_path):
                left.append(process.pid)
        except psutil.Error:
            continue
    assert not left
