"""The tasks of a Slurm job step, as processes that are told what srun tells; Slurm itself is not here."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path

import psutil
import pytest

import hpsearch
from hpsearch.engines.messages import Job, Start, TickOrder
from hpsearch.engines.pool import WorkerPool
from hpsearch.engines.slurm.engine import SlurmEngine
from hpsearch.engines.slurm.meeting import Meeting, connected, meeting
from hpsearch.engines.slurm.step import JOB, RANK, STEP, TASKS, Step
from hpsearch.exceptions import UnsupportedError, WorkerDiedError
from hpsearch.spec import load_study_file, read_configuration
from hpsearch.training.messages import Member
from support.commands import environment

STUDY = """
name: s
data: sklearn:iris
model: {mlp: {hidden: [4]}}
training: {epochs: 3, batch_size: 40, learning_rate: {log_uniform: [0.01, 0.1]}}
search: {trials: 6, sampler: random}
confirm: none
"""


def told(directory: Path, rank: int, tasks: int) -> dict[str, str]:
    """Give what srun tells a task, and where its user's files are."""
    known = {RANK: rank, TASKS: tasks, STEP: 0, JOB: 4711}
    return {**{name: str(value) for name, value in known.items()}, "XDG_CACHE_HOME": str(directory / "home")}


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """This process is the first of two tasks; gives the directory of the study."""
    for name, value in told(tmp_path, 0, 2).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "s.yaml").write_text(STUDY)
    meeting.cache_clear()
    yield tmp_path
    Step.own().announcement.unlink(missing_ok=True)
    meeting.cache_clear()


@contextmanager
def task(directory: Path, rank: int) -> Iterator[subprocess.Popen[str]]:
    """Run the command as one of two tasks."""
    command = [sys.executable, "-m", "hpsearch", "optimize", "s.yaml", "--engine", "slurm"]
    environ = environment(**told(directory, rank, 2))
    with subprocess.Popen(
        command, cwd=directory, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                for one in (*psutil.Process(process.pid).children(recursive=True), process):
                    one.kill()


def test_outside_of_a_step_it_says_how_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RANK, raising=False)
    with pytest.raises(UnsupportedError, match="start the command by srun"):
        SlurmEngine()


def test_other_tasks_own_no_study(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RANK, "1")
    with pytest.raises(UnsupportedError, match="task 1 of the step works for task 0"):
        SlurmEngine()


def test_there_are_as_many_workers_as_tasks(first: Path) -> None:
    engine = SlurmEngine()
    assert (engine.usual_workers, engine.capacity().workers) == ("auto", 2)
    with pytest.raises(UnsupportedError, match="--workers 3: the Slurm step has 2 tasks"):
        engine.start(Job({}, ".", place=2, workers=3))


def test_only_who_knows_the_secret_is_heard(first: Path) -> None:
    step = Step.own()
    place = Meeting(step.announcement)
    assert stat.S_IMODE(step.announcement.stat().st_mode) == 0o600
    assert stat.S_IMODE(step.announcement.parent.stat().st_mode) == 0o700
    where = json.loads(step.announcement.read_text())
    with pytest.raises((AuthenticationError, EOFError, OSError)):
        Client((where["host"], where["port"]), authkey=b"guessed")
    met = []
    place.expect(1, lambda connection: met.append(connection.send("welcome")))
    connection = connected(Step(step.name, 1, 2), 10)
    assert connection is not None
    assert connection.recv() == "welcome"
    assert len(met) == 1


def test_a_task_that_comes_early_waits(first: Path) -> None:
    step = Step.own()
    place = Meeting(step.announcement)
    connection = connected(Step(step.name, 1, 2), 10)
    assert connection is not None
    place.expect(1, lambda other: other.send("welcome"))
    assert connection.recv() == "welcome"


def test_who_is_not_announced_is_not_waited_for(first: Path) -> None:
    assert connected(Step("4711.1", 1, 2), 0.1) is None


@pytest.mark.long
def test_a_worker_that_dies_or_is_killed_is_replaced_in_its_task(first: Path) -> None:
    model, training = {"mlp": {"hidden": [4]}}, {"epochs": 3, "batch_size": 40, "learning_rate": 0.01}
    member = Member(5, read_configuration({"model": model, "training": training}), seed=5)
    order = TickOrder(start=(Start(member.dump()),), advance=(5,))
    with task(first, 1) as process:
        job = Job(load_study_file(first / "s.yaml").spec.dump(), str(first))
        pool = WorkerPool(SlurmEngine(), 2, job)
        try:
            assert pool.opened().data.train_rows == 120
            here, there = pool.workers
            expected = here.do(order).reports[0].metrics
            there.submit(order)
            assert list(pool.wait([there], 60)) == [there]
            assert there.result().reports[0].metrics == expected
            children = psutil.Process(process.pid).children()
            (worker,) = [one for one in children if "spawn_main" in " ".join(one.cmdline())]
            worker.kill()
            with pytest.raises(WorkerDiedError, match="task 1 of the Slurm step"):
                there.do(TickOrder(advance=(5,)))
            second = pool.renew(there)
            assert second.do(order).reports[0].metrics == expected
            second.kill()
            assert pool.renew(second).do(order).reports[0].metrics == expected
        finally:
            pool.close()


@pytest.mark.long
def test_a_study_of_two_tasks_has_the_numbers_of_one_process(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(STUDY)
    with task(tmp_path, 1) as other, task(tmp_path, 0) as own:
        said, _ = own.communicate(timeout=300)
        assert own.returncode == 0, said
        assert "workers: 2, because the Slurm step has 2 tasks" in said
        assert other.communicate(timeout=60)[0] == ""
        assert other.returncode == 0
    alone = hpsearch.optimize(tmp_path / "s.yaml", out=tmp_path / "alone", engine="in_process")
    together = hpsearch.load("s", out=tmp_path)
    values = [{trial.number: trial.value for trial in one.record.trials} for one in (together, alone)]
    assert values[0] == pytest.approx(values[1], rel=1e-6)
    assert not any((tmp_path / "home" / "hpsearch" / "slurm").iterdir())
