"""Trials a second with two workers against one, in the steady state and as a whole.

    python benchmarks/workers.py [--tasks a b] [--trials 288] [--start 32]

Each task runs once beforehand with a few trials, which fill the compilation cache, then with one worker and
with two. The first trials are the start; what is compared are those after them. It needs two idle cores and
under 8 minutes; the figures go to `benchmarks/results/workers.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from growth import elapsed_at
from tasks import TASKS, Task
from throughput import machine, ours

RESULTS = Path(__file__).parent / "results" / "workers.json"


def compare(task: Task, start: int) -> dict[str, Any]:
    """Run a task with one worker and with two."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        cache = directory / "cache"
        first, _ = replace(task, trials=start).write(directory)
        ours(first, directory, cache)
        study, _ = task.write(directory)
        marks = (start, task.trials)
        rates: dict[int, float] = {}
        whole: dict[int, float] = {}
        for workers in (1, 2):
            whole[workers] = ours(study, directory, cache, workers)["seconds"]
            ticks = directory / "runs" / f"throughput-{task.name}" / "ticks.jsonl"
            elapsed = elapsed_at(ticks, marks)
            rates[workers] = (task.trials - start) / (elapsed[task.trials] - elapsed[start])
    return {
        "trials a second": rates,
        "steady ratio": rates[2] / rates[1],
        "seconds as a whole": whole,
        "whole ratio": whole[1] / whole[2],
    }


def main() -> None:
    """Compare the tasks, and store the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tasks", nargs="*", choices=list(TASKS), default=["a", "b"])
    parser.add_argument("--trials", type=int, default=288)
    parser.add_argument("--start", type=int, default=32)
    options = parser.parse_args()
    figures: dict[str, Any] = {"machine": machine(), "load": os.getloadavg()[0], "tasks": {}}
    for name in options.tasks:
        task = replace(TASKS[name], trials=options.trials)
        figures["tasks"][name] = compare(task, options.start)
        print(name, figures["tasks"][name], flush=True)
        RESULTS.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
