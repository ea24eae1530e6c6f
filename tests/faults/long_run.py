"""Run a study of many structures for long, and watch that it takes no more of the machine as it goes on.

    python tests/faults/long_run.py --trials 1000

Fails if a process takes over 50 MB more memory at the end than after a tenth of the trials, or has other numbers
of open files or threads than then.
"""

# ruff: noqa: T201 - it tells what it does

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil

from faults.outcomes import study
from faults.runs import Run
from support.commands import write_study

HIDDEN = [[4], [8], [16], [4, 4], [8, 4], [8, 8], [4, 4, 4]]
OPTIMIZERS = ["sgd", "adam", "rmsprop"]
STEPS = 10
LOOKS = 20
SPARE = 100
"""Trials beyond those that are watched, so that the last look finds the study running."""

GROWTH_MB = 50.0


@dataclass(frozen=True)
class Sample:
    """What a process takes of the machine; files and threads that come and go within a moment are left out."""

    trials: int
    process: str
    memory_mb: float
    files: int
    threads: int
    disk_mb: float


def many_structures(trials: int) -> dict[str, Any]:
    return study(
        "long",
        model={"hidden": {"choice": HIDDEN}, "dropout": {"uniform": [0.0, 0.3]}},
        training={"epochs": 3, "optimizer": {"choice": OPTIMIZERS}},
        search={"trials": trials},
    )


def look(run: Run, trials: int) -> list[Sample]:
    """Look at the coordinator and its worker."""
    worker = run.worker()
    if worker is None:
        raise RuntimeError(f"there is no worker: {run.told()}")
    disk = sum(path.stat().st_size for path in run.files.directory.rglob("*") if path.is_file()) / 1e6
    coordinator = psutil.Process(run.process.pid)
    return [
        Sample(
            trials,
            name,
            round(process.memory_info().rss / 1e6, 1),
            lasting(process.num_fds),
            lasting(process.num_threads),
            round(disk, 2),
        )
        for name, process in (("coordinator", coordinator), ("worker", worker))
    ]


def lasting(count: Callable[[], int]) -> int:
    """Count what stays: the least of many looks."""
    least = count()
    for _ in range(LOOKS):
        time.sleep(0.005)
        least = min(least, count())
    return least


def ended(run: Run) -> int:
    try:
        return run.files.ticks.read_bytes().count(b'"kind": "end"')
    except FileNotFoundError:
        return 0


def watch(home: Path, trials: int) -> list[Sample]:
    """Run the study and take samples at each tenth of its trials."""
    write_study(home / "study.yaml", many_structures(trials + SPARE))
    run, samples = Run(home, "long", 1), list[Sample]()
    for step in range(1, STEPS + 1):
        wanted = trials * step // STEPS
        while ended(run) < wanted and run.alive:
            time.sleep(0.1)
        samples += look(run, wanted)
        for sample in samples[-2:]:
            print(told(sample), flush=True)
    if run.process.wait() != 0:
        raise RuntimeError(run.told())
    return samples


def told(sample: Sample) -> str:
    return (
        f"{sample.trials:6} trials  {sample.process:11}  {sample.memory_mb:7.1f} MB  {sample.files:4} files  "
        f"{sample.threads:4} threads  {sample.disk_mb:8.2f} MB on disk"
    )


def problems(samples: list[Sample]) -> list[str]:
    """Compare the last sample of each process with its first."""
    found = []
    for first, last in zip(samples[:2], samples[-2:], strict=True):
        if last.memory_mb > first.memory_mb + GROWTH_MB:
            found.append(f"the {last.process} grew from {first.memory_mb} MB to {last.memory_mb} MB")
        for name in ("files", "threads"):
            before, after = getattr(first, name), getattr(last, name)
            if before != after:
                found.append(f"the {last.process} has {after} {name}, and had {before}")
    return found


def main() -> None:
    """Run the study and tell what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as home:
        samples = watch(Path(home), trials)
    found = problems(samples)
    for problem in found:
        print(f"PROBLEM: {problem}")
    print(f"{trials} trials, {len(HIDDEN) * len(OPTIMIZERS)} structures: {len(found)} problems")
    print(json.dumps({"samples": [asdict(sample) for sample in samples], "problems": found}))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
