"""How many workers train a study: what was asked for, or what there is room and use for."""

from __future__ import annotations

import pytest

from hpsearch.engines import Engine
from hpsearch.engines.in_process import InProcessEngine
from hpsearch.engines.policy.capacity import Capacity
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import StudySpec
from hpsearch.spec.sections.engine import WorkerCount, WorkerNeeds, read_workers
from hpsearch.study.worker_count import worker_count

STUDY = {"name": "s", "data": "sklearn:iris", "model": {"mlp": {"hidden": [4]}}, "training": {"epochs": 1}}


class RoomyEngine(InProcessEngine):
    """It has room for eight."""

    def capacity(self) -> Capacity:
        return Capacity(8, "there is the time of 8 cores")


def spec(**search: int) -> StudySpec:
    return StudySpec.model_validate(STUDY | {"search": search})


def engine(workers: WorkerCount | None = None) -> Engine:
    return RoomyEngine(None, WorkerNeeds(workers=workers))


@pytest.mark.parametrize(
    ("command", "file", "found"), [(None, None, 1), (None, 3, 3), (2, 3, 2), (2, "auto", 2), (1, None, 1)]
)
def test_the_command_goes_before_the_study_file(
    command: WorkerCount | None, file: WorkerCount | None, found: int
) -> None:
    assert worker_count(command, spec(), engine(file)) == (found, None)


@pytest.mark.parametrize(("command", "file"), [(None, "auto"), ("auto", 3)])
def test_auto_is_what_there_is_room_for(command: WorkerCount | None, file: WorkerCount | None) -> None:
    assert worker_count(command, spec(trials=100), engine(file)) == (
        8,
        "workers: 8, because there is the time of 8 cores",
    )
    assert worker_count("auto", spec(), InProcessEngine())[0] == 1


@pytest.mark.parametrize(
    ("search", "workers", "reason"),
    [
        ({"trials": 1}, 1, "there is 1 trial"),
        ({"trials": 5}, 5, "there are 5 trials"),
        ({"trials": 17, "width": 4}, 5, "there are 17 trials, of which a worker trains 4 side by side"),
    ],
)
def test_no_more_workers_than_have_something_to_do(search: dict[str, int], workers: int, reason: str) -> None:
    told = f"workers: {workers}, because {reason}"
    assert worker_count("auto", spec(**search), engine()) == (workers, told)


@pytest.mark.parametrize("given", ["0", 0, "1025", "many", 1.5, "-1", ""])
def test_what_is_no_number_of_workers(given: object) -> None:
    with pytest.raises(UnsupportedError, match="a whole number from 1 to 1,024, or auto"):
        read_workers(given)


def test_numbers_of_workers() -> None:
    assert [read_workers(one) for one in ("auto", "12", 3)] == ["auto", 12, 3]
