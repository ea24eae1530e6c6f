"""Memory and speed of a long study over many structures: do they stay flat?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

MARKS = (50, 100, 200, 300)
"""Trials at which the memory is read."""

STUDY: dict[str, Any] = {
    "name": "growth",
    "data": {"sklearn": "digits", "validation": 0.2, "rescale": 1 / 16},
    "model": {
        "mlp": {
            "hidden": {"choice": [[16], [32], [64], [32, 16], [64, 32]]},
            "activation": {"choice": ["relu", "tanh", "selu"]},
            "batch_norm": {"choice": ["none", "before_activation"]},
            "dropout": {"uniform": [0.0, 0.5]},
        }
    },
    "training": {
        "optimizer": {"choice": ["sgd", "adam", "rmsprop", "nadam"]},
        "learning_rate": {"log_uniform": [1e-4, 1e-1]},
        "epochs": 3,
        "batch_size": 64,
    },
    "search": {"trials": max(MARKS), "sampler": "random", "seed": 0},
    "confirm": "none",
}


def growth(study: dict[str, Any] = STUDY, marks: tuple[int, ...] = MARKS) -> dict[str, Any]:
    """Run the study; give MB of every process at the marks and seconds per trial in each stretch."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        path = directory / "growth.yaml"
        path.write_text(json.dumps(study))
        command = [sys.executable, "-m", "hpsearch", "optimize", str(path), "--out", temporary, "--quiet"]
        environment = {**os.environ, "HPSEARCH_CACHE": str(directory / "cache")}
        process = subprocess.Popen(command, env=environment)
        ticks = directory / "runs" / study["name"] / "ticks.jsonl"
        readings = _watch(process, ticks, marks)
        if process.wait():
            raise SystemExit("the growth study failed")
        elapsed = elapsed_at(ticks, marks)
    stretches = {
        f"{first}-{last}": (elapsed[last] - elapsed[first]) / (last - first)
        for first, last in zip((0, *marks), marks, strict=False)
    }
    return {"resident_mb": readings, "seconds_per_trial": stretches}


def _watch(process: Any, ticks: Path, marks: tuple[int, ...]) -> dict[int, dict[str, float]]:
    """Read the memory of all processes as soon as each mark is passed; the last reading is the nearest."""
    readings: dict[int, dict[str, float]] = {}
    while process.poll() is None:
        ended = ticks.read_bytes().count(b'"kind": "end"') if ticks.exists() else 0
        memory = _memory(process.pid)
        for mark in marks:
            if memory and mark not in readings and ended >= mark - (mark == max(marks)):
                readings[mark] = memory
        time.sleep(0.05)
    return readings


def _memory(root: int) -> dict[str, float]:
    told: dict[str, float] = {}
    for number, pid in enumerate(_family(root)):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        resident = next((line for line in status.splitlines() if line.startswith("VmRSS")), None)
        if resident is not None:
            told["coordinator" if number == 0 else f"process {number}"] = int(resident.split()[1]) / 1024
    return told


def _family(root: int) -> list[int]:
    try:
        children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    except OSError:
        return [root]
    return [root, *(pid for child in children for pid in _family(int(child)))]


def elapsed_at(ticks: Path, marks: tuple[int, ...]) -> dict[int, float]:
    """Tell the seconds of a study at which so many trials had ended."""
    ended, elapsed = 0, {0: 0.0}
    for line in ticks.read_text().splitlines():
        tick = json.loads(line)
        for event in tick["events"]:
            if event["kind"] == "end":
                ended += 1
                if ended in marks:
                    elapsed[ended] = tick["elapsed"]
    return elapsed
