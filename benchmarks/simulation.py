"""A cluster that we do not have: our coordinator, sampler and store with workers whose training is a clock.

    python benchmarks/simulation.py [--workers 10 100 1000] [--trials 10000] [--samplers tpe random ...]

Training takes no time but that of a virtual clock: it moves by the processor time of the coordinator and its
storage, and where all workers train it jumps to the first one that is done. So a study of days of training
takes minutes, and tells how busy its workers are, seconds a suggestion, and memory. The figures go to
`benchmarks/results/simulation.json`. Each study has a process of its own.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import pickle
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from tasks import TASKS
from throughput import machine

from hpsearch.data.summary import DataSummary
from hpsearch.engines.interface import Engine, Worker
from hpsearch.engines.messages import Job, OpenedStudy, Order, TickOrder, TickResult
from hpsearch.engines.pool import WorkerPool
from hpsearch.scheduling.schedulers.search import SearchScheduler
from hpsearch.spec import StudyFile, read_spec
from hpsearch.spec.study_file.source import Source
from hpsearch.store.layout import StudyFiles
from hpsearch.store.lease import leased
from hpsearch.store.resolved import write_resolved
from hpsearch.study.lifecycle import resolve
from hpsearch.study.open_study import OpenStudy
from hpsearch.study.options import Options
from hpsearch.study.progress import LoggedProgress
from hpsearch.study.run import conduct, shared_storage
from hpsearch.training.decisions import Decisions
from hpsearch.training.messages import EpochReport, MemberState

RESULTS = Path(__file__).parent / "results" / "simulation.json"

TRIAL_SECONDS, SPREAD, EPOCHS = 60.0, 0.3, 30
"""The median length of a trial, the deviation of its logarithm, and the epochs of each."""

WEIGHTS = {"0/best/kernel": np.zeros(10_000, np.float32)}

NEAR = 10
"""So many suggestions around a place are taken together."""

DATA = DataSummary("a clock", "classification", (64,), 10, 1_437, 360, 0, 1, (), "0" * 64)


class Clock:
    """Seconds of the processor time of this process, and those that are jumped over."""

    def __init__(self) -> None:
        self.jumped = 0.0

    def seconds(self) -> float:
        """Tell the time."""
        return time.process_time() + self.jumped

    def jump_to(self, moment: float) -> None:
        """Go on to a moment, unless it is over."""
        self.jumped += max(moment - self.seconds(), 0.0)


class SimulatedWorker(Worker):
    """Tells of each epoch that it was trained when its time is over; messages cross as they do in a pipe."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.members: dict[int, tuple[float, float]] = {}
        self.trained: dict[int, int] = {}
        self.ready = 0.0
        self.spans: list[tuple[float, float]] = []
        self.answer = pickle.dumps(OpenedStudy(DATA, Decisions(width=1), {}, train_rows=DATA.train_rows))

    def submit(self, order: Order) -> None:
        """Carry out an order at once, and be ready later."""
        order = pickle.loads(pickle.dumps(order))  # noqa: S301 - our own
        now = self.clock.seconds()
        seconds = 0.0
        answer: Any = WEIGHTS
        if isinstance(order, TickOrder):
            answer, seconds = self._tick(order)
        self.ready = now + seconds
        self.spans.append((now, self.ready))
        self.answer = pickle.dumps(answer)
        # What a worker does is no time of the coordinator.
        self.clock.jumped -= self.clock.seconds() - now

    def _tick(self, order: TickOrder) -> tuple[TickResult, float]:
        for start in order.start:
            number = start.member["number"]
            chance = random.Random(number)  # noqa: S311 - no secret
            seconds = TRIAL_SECONDS / EPOCHS * math.exp(SPREAD * chance.gauss(0, 1))
            self.members[number] = seconds, loss_of(start.member["configuration"], chance)
            self.trained[number] = 0 if start.state is None else start.state.progress["epoch"]
        states = {
            number: MemberState(WEIGHTS, {"epoch": self.trained[number] + 1}) for number in order.snapshot
        }
        # An epoch is longer than the moment for which a worker goes on without being asked.
        reports = tuple(map(self._epoch, order.advance))
        return TickResult(reports, states), sum(report.seconds for report in reports)

    def _epoch(self, number: int) -> EpochReport:
        self.trained[number] += 1
        epoch = self.trained[number]
        seconds, loss = self.members[number]
        metrics = {"loss": loss, "val_loss": loss + 1 / epoch, "val_loss_with_penalties": loss + 1 / epoch}
        accuracies = {"accuracy": 1 - loss / 4, "val_accuracy": 1 - loss / 4}
        return EpochReport(number, epoch, metrics | accuracies, seconds, last=epoch == EPOCHS)

    def result(self) -> Any:
        """Give what is ready."""
        return pickle.loads(self.answer)  # noqa: S301 - our own

    def kill(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is held."""


class SimulatedEngine(Engine):
    """Starts workers that only wait."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def start(self, job: Job) -> Worker:  # noqa: ARG002 - nothing is trained
        """Start a worker."""
        return SimulatedWorker(self.clock)

    def wait(self, workers: Sequence[Worker], seconds: float | None = None) -> Sequence[Worker]:  # noqa: ARG002
        """Let the clock jump to the first that is ready."""
        simulated = [one for one in workers if isinstance(one, SimulatedWorker)]
        now = self.clock.seconds()
        moment = max(now, min(one.ready for one in simulated))
        ready = [one for one in simulated if one.ready <= moment]
        self.clock.jumped -= self.clock.seconds() - now
        self.clock.jump_to(moment)
        return ready


def loss_of(configuration: dict[str, Any], chance: random.Random) -> float:
    """Give a loss that depends on two of the hyperparameters, and on luck."""
    training, model = configuration["training"], configuration["model"]["mlp"]
    rate = math.log10(training["learning_rate"]) + 2.5
    return 0.1 + 0.2 * rate**2 + (model["dropout"] - 0.2) ** 2 + 0.02 * chance.random()


def simulate(workers: int, trials: int, sampler: str, schedule: str) -> dict[str, Any]:
    """Run a study with so many workers; give how busy they were, seconds a suggestion, and memory."""
    raw = TASKS["a"].study()
    raw["training"]["epochs"] = EPOCHS
    raw["search"] |= {"trials": trials, "sampler": sampler, "schedule": schedule}
    spec = read_spec(Source("simulation", raw, {}))
    clock, asked = Clock(), list[tuple[float, float]]()
    suggest = SearchScheduler.next

    def timed(self: SearchScheduler, number: int) -> Any:
        begun = time.thread_time()
        found = suggest(self, number)
        asked.append((clock.seconds(), time.thread_time() - begun))
        return found

    with (
        tempfile.TemporaryDirectory() as directory,
        mock.patch.object(time, "monotonic", clock.seconds),
        mock.patch.object(SearchScheduler, "next", timed),
    ):
        begun, processor, own = clock.seconds(), time.process_time(), time.thread_time()
        study = StudyFile(spec, Source("simulation", raw, {}), Path(directory))
        pool = _conduct(study, SimulatedEngine(clock), workers)
        seconds, processor = clock.seconds() - begun, time.process_time() - processor
        own = time.thread_time() - own
    costs = [cost for _, cost in asked]
    return {
        "hours": seconds / 3600,
        "busy": _busy(pool, begun, begun + seconds),
        "best possible": _possible(workers, trials) / seconds,
        "busy until the last trial began": _busy(pool, begun, asked[-1][0]),
        "milliseconds a trial": 1000 * own / trials,
        "with the storage": 1000 * processor / trials,
        "milliseconds a suggestion": {
            place: 1000 * float(np.median(costs[max(place - NEAR, 0) : place]))
            for place in (100, 1000, trials)
            if place <= trials
        },
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _busy(pool: WorkerPool, begun: float, until: float) -> float:
    """Tell which share of a time the workers trained."""
    workers = [worker for worker in pool.workers if isinstance(worker, SimulatedWorker)]
    trained = sum(min(end, until) - at for worker in workers for at, end in worker.spans if at < until)
    return trained / len(workers) / (until - begun)


def _possible(workers: int, trials: int) -> float:
    """Tell how long the trials would take if nobody ever waited: some workers have one more than others."""
    free = [0.0] * workers
    for number in range(trials):
        first = free.index(min(free))
        free[first] += TRIAL_SECONDS * math.exp(SPREAD * random.Random(number).gauss(0, 1))  # noqa: S311
    return max(free)


def _conduct(study: StudyFile, engine: Engine, workers: int) -> WorkerPool:
    options = Options(out=study.directory, workers=workers)
    files = StudyFiles(options.out, study.spec.name)
    with leased(files.leases) as lease:
        pool = WorkerPool(engine, workers, Job(study.spec.dump(), str(study.directory)))
        resolved = resolve(study, "search", options, None, pool.opened()).identified()
        write_resolved(files, resolved)
        storage = shared_storage(files, None)
        outcome = conduct(OpenStudy(files, resolved, storage, pool, lease, LoggedProgress()))
    if outcome != "finished":
        raise SystemExit(f"the simulated study ended: {outcome}")
    return pool


def main() -> None:
    """Simulate each study in a process of its own, and store the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workers", nargs="*", type=int, default=[10, 100, 1_000])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--samplers", nargs="*", default=["tpe"])
    parser.add_argument("--schedules", nargs="*", default=["full", "rungs"])
    parser.add_argument("--one", action="store_true", help="run one study here, and print its figures")
    options = parser.parse_args()
    if options.one:
        found = simulate(options.workers[0], options.trials, options.samplers[0], options.schedules[0])
        print(json.dumps(found))
        return
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    figures = {"machine": machine(), "studies": known.get("studies", {})}
    for sampler in options.samplers:
        for schedule in options.schedules:
            for workers in options.workers:
                told = [str(part) for part in (workers, options.trials, sampler, schedule)]
                names = ("--workers", "--trials", "--samplers", "--schedules")
                chosen = [word for pair in zip(names, told, strict=True) for word in pair]
                command = [sys.executable, __file__, "--one", *chosen]
                environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
                found = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
                key = f"{sampler}, {schedule}, {workers} workers, {options.trials} trials"
                figures["studies"][key] = json.loads(found.stdout)
                print(key, figures["studies"][key], flush=True)
                RESULTS.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
