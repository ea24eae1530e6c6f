"""Workers that are lost while they open a study, or after."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import psutil
import pytest

from hpsearch.engines.interface import Worker
from hpsearch.engines.local import LocalEngine
from hpsearch.engines.messages import Job
from hpsearch.engines.pool import ATTEMPTS, WorkerPool
from hpsearch.exceptions import WorkerDiedError
from hpsearch.spec import load_study_file
from support import cores

pytestmark = pytest.mark.slow


class MortalEngine(LocalEngine):
    """Its first few workers die while they open the study."""

    def __init__(self, deaths: int) -> None:
        self.made: list[Worker] = []
        self.deaths = deaths

    def start(self, job: Job) -> Worker:
        self.made.append(super().start(job))
        if len(self.made) <= self.deaths:
            self.made[-1].kill()
        return self.made[-1]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    study = "name: s\ndata: sklearn:iris\nmodel: {mlp: {hidden: [4]}}\ntraining: {epochs: 1}\n"
    (tmp_path / "s.yaml").write_text(study)
    return Job(load_study_file(tmp_path / "s.yaml").spec.dump(), str(tmp_path))


def test_one_that_dies_while_it_opens_the_study_is_replaced(job: Job) -> None:
    engine = MortalEngine(ATTEMPTS - 1)
    pool = WorkerPool(engine, 1, job)
    try:
        assert pool.opened().data.train_rows == 120
        assert pool.workers == engine.made[-1:]
    finally:
        pool.close()


def test_when_all_die_it_says_so(job: Job) -> None:
    engine = MortalEngine(100)
    pool = WorkerPool(engine, 1, job)
    try:
        with pytest.raises(WorkerDiedError, match="signal 9"):
            pool.opened()
        assert len(engine.made) == ATTEMPTS
    finally:
        pool.close()


def test_what_a_study_searches_is_looked_for_once(job: Job) -> None:
    found = {"keras_tuner": {"file": "nets.py", "hyperparameters": []}}
    opened = mock.Mock(model=found)
    engine = mock.Mock()
    engine.start.return_value.result.return_value = opened
    pool = WorkerPool(engine, 1, replace(job, explores=True))
    assert pool.opened() is opened
    pool.renew(pool.workers[0])
    first, second = (call.args[0].spec for call in engine.start.call_args_list)
    assert (first, second) == (job.spec, {**job.spec, "model": found})


@pytest.fixture
def every_core() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores.ALL)
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.skipif(len(cores.ALL) < 2, reason="it takes two cores to share them out")
@pytest.mark.usefixtures("every_core")
def test_small_networks_train_on_a_core_of_their_own(job: Job) -> None:
    pool = WorkerPool(LocalEngine(), 2, job)
    try:
        assert pool.opened().decisions.cores == "one"
        theirs = [psutil.Process(worker._process.pid).cpu_affinity() for worker in pool.workers]
        assert [len(own) for own in theirs] == [1, 1]
        assert theirs[0] != theirs[1]
    finally:
        pool.close()
