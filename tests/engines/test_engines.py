"""What holds of every engine: the same interface, the same failures."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from hpsearch.engines import ENGINES, Engine, EngineName, Worker
from hpsearch.engines.messages import Job, OpenedStudy, Start, TickOrder, TickResult, WeightsOrder
from hpsearch.exceptions import HpsearchError, WorkerDiedError, WorkerError
from hpsearch.spec import load_study_file, read_configuration
from hpsearch.training.messages import Member

STUDY = """
name: s
data: sklearn:iris
model: {mlp: {hidden: [4]}}
training: {epochs: 3, batch_size: 40, learning_rate: 0.01}
"""


def job_of(directory: Path, study: str = STUDY) -> Job:
    (directory / "s.yaml").write_text(study)
    return Job(load_study_file(directory / "s.yaml").spec.dump(), str(directory))


def member(number: int) -> Member:
    model = {"mlp": {"hidden": [4]}}
    training = {"epochs": 3, "batch_size": 40, "learning_rate": 0.01}
    return Member(number, read_configuration({"model": model, "training": training}), seed=number)


RAY = pytest.param(
    "ray",
    marks=[pytest.mark.long, pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")],
)


@pytest.fixture(scope="module", params=[RAY, *sorted({*ENGINES} - {"ray", "slurm"})])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    name: EngineName = request.param
    made = ENGINES[name]()
    yield made
    made.close()


@pytest.fixture(scope="module")
def workers(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Worker]]:
    job = job_of(tmp_path_factory.mktemp("engines"))
    made = [engine.start(job) for _ in range(2)]
    yield made
    for worker in made:
        worker.close()


@pytest.mark.slow
def test_an_engine_does_what_its_contract_says(engine: Engine, workers: list[Worker]) -> None:
    """One test, because a worker in a process of its own takes seconds to start."""
    for worker in workers:
        opened = worker.result()
        assert isinstance(opened, OpenedStudy)
        assert opened.data.train_rows == 120
    first, second = workers

    # The same member has the same numbers in every worker, and waiting gives those whose result is there.
    for worker in workers:
        worker.submit(TickOrder(start=(Start(member(5).dump()),), advance=(5,)))
    ready = engine.wait(workers, 60)
    assert ready
    assert set(ready) <= set(workers)
    told: list[TickResult] = [worker.result() for worker in workers]
    assert told[0].reports[0].metrics == told[1].reports[0].metrics
    assert told[0].reports[0].epoch == 1

    # A worker that fails at an order says so and goes on.
    with pytest.raises((WorkerError, HpsearchError)) as failure:
        first.do(WeightsOrder(99))
    assert not isinstance(failure.value, WorkerDiedError)
    assert first.do(TickOrder(advance=(5,))).reports[0].epoch == 2

    # One that is killed says that it died, whatever it was asked before.
    second.kill()
    with pytest.raises(WorkerDiedError):
        second.do(TickOrder(advance=(5,)))
    assert first.do(TickOrder(advance=(5,))).reports[0].last


def test_a_study_that_cannot_be_opened_raises_what_is_wrong(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    study = STUDY.replace("sklearn:iris", "{csv: t.csv, target: missing}")
    with pytest.raises(HpsearchError, match="missing") as failure:
        engine.start(job_of(tmp_path, study)).result()
    assert not isinstance(failure.value, WorkerError)
