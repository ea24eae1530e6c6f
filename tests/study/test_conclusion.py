"""What a search has come to is found out once by each command, and every reader has it from there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from hpsearch import load
from hpsearch.scheduling.racing.race import conclude
from support.commands import STUDY, succeed_here, write_study
from support.rooms import walked

pytestmark = pytest.mark.long

CONFIRMED: dict[str, Any] = {**STUDY, "data": {"sklearn": "iris", "test": 0.2}, "search": {"trials": 3}}
CONFIRMED["confirm"] = {"finalists": 2, "replicates": 3, "refit": True}


TRAINED = ("optimize", "ablate")


def spied() -> Any:
    """Count how often finalists are judged."""
    return mock.patch("hpsearch.scheduling.conclusion.verdict.conclude", wraps=conclude)


@pytest.fixture
def judged() -> Iterator[mock.Mock]:
    with spied() as judge:
        yield judge


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a study that was confirmed, refitted, tested and ablated, with the reports that each command left."""
    directory = tmp_path_factory.mktemp("concluded")
    write_study(directory / "a.yaml", CONFIRMED)
    page = directory / "reports" / "a.html"
    for command in TRAINED:
        with spied() as judge, walked() as walk:
            succeed_here(command, "a.yaml", cwd=directory)
        (directory / f"{command}.walk").write_text(json.dumps(vars(walk)))
        (directory / f"{command}.judged").write_text(str(judge.call_count))
        page.rename(directory / f"{command}.left")
        succeed_here("report", "a", cwd=directory)
        page.rename(directory / f"{command}.rebuilt")
    return directory


@pytest.mark.parametrize("command", TRAINED)
def test_a_command_that_trains_judges_the_finalists_once(command: str, finished: Path) -> None:
    assert (finished / f"{command}.judged").read_text() == "1"


def test_the_record_of_a_finished_search_enters_each_room_once(finished: Path) -> None:
    """It is handed down and comes back as a value; no room hands it up, or to another beside it."""
    walk = json.loads((finished / "optimize.walk").read_text())
    assert walk["entries"] == [
        ["study", "scheduling", "conclude_search"],
        ["study", "analysis", "analyze_stored"],
        ["study", "report", "render_search"],
        ["study", "store", "write_results"],
    ]
    rooms = [room for _, room, _ in walk["entries"]]
    assert len(rooms) == len(set(rooms))


def test_the_results_of_a_finished_search_are_written_at_once(finished: Path) -> None:
    walk = json.loads((finished / "optimize.walk").read_text())
    written = [
        "probes.npz",
        "best.yaml",
        "trials.csv",
        "best.keras",
        "best.json",
        "insides.json",
        "test.json",
    ]
    assert walk["writes"] == [
        "study -> write_arrays: refit.npz",
        "study -> write_refit: refit.json",
        "analysis -> write_atomically: influence.json",
        *[f"study -> write_results: {name}" for name in (*written, "a.html")],
    ]


@pytest.mark.parametrize("command", TRAINED)
def test_the_report_that_a_command_leaves_is_rebuilt_byte_by_byte(command: str, finished: Path) -> None:
    left = (finished / f"{command}.left").read_bytes()
    assert (finished / f"{command}.rebuilt").read_bytes() == left


@pytest.mark.parametrize(
    "command",
    [
        "confirm a.yaml",
        "report a",
        "report a --format json",
        "best a",
        "best a --format json",
    ],
)
def test_a_command_that_tells_of_the_winner_judges_the_finalists_once(
    command: str, finished: Path, judged: mock.Mock
) -> None:
    succeed_here(*command.split(), cwd=finished)
    assert judged.call_count == 1


@pytest.mark.parametrize("command", ["status a", "trials a", "trials a --replicates"])
def test_a_command_that_tells_of_no_winner_judges_nothing(
    command: str, finished: Path, judged: mock.Mock
) -> None:
    succeed_here(*command.split(), cwd=finished)
    assert not judged.called


def test_a_handle_judges_the_finalists_once(finished: Path, judged: mock.Mock) -> None:
    study = load("a", out=finished)
    assert study.best is not None
    assert study.ablation is not None
    assert study.ablation.trial == study.best.trial
    study.report()
    assert judged.call_count == 1
