"""Seconds per trial of hpsearch and its peers, side by side in one run.

    python benchmarks/throughput.py [--tasks a b c cnn lstm ...] [--repeats 3] [--growth]

Everything counts, from the start of the process to its end, our report too, which no peer writes; beside it
stands our time to the moment when the last result is stored. What one trial more costs is the mean time from
one trial's end to the next's; what is left of the whole is the start. The models beyond perceptrons train as
many trials with every contestant, so that all share their start alike. The figures go to
`benchmarks/results/` as JSON; `benchmarks/table.py` puts them into the pages. Task b and c need HPSEARCH_DATA
with fashion_mnist.npz.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import distributions
from itertools import groupby
from pathlib import Path
from typing import Any

from growth import growth
from model_tasks import FORMS, MODEL_TASKS, TRIALS, ModelTask
from tasks import TASKS, Task

HERE = Path(__file__).parent
PEERS = (
    ("keras-tuner", "tensorflow"),
    ("keras-tuner", "jax"),
    ("optuna", "tensorflow"),
    ("optuna", "jax"),
)
OURS = {f"hpsearch, {form}": (form, 1) for form in FORMS} | {
    f"hpsearch, {FORMS[0]}, 2 workers": (FORMS[0], 2)
}
STORED = "hpsearch, to the last result"
PACKAGES = ("hpsearch", "keras", "jax", "tensorflow", "optuna", "keras-tuner", "numpy")


def timed(command: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Run a command; give its seconds and the peak memory of its largest process in MB."""
    begun, clock = time.perf_counter(), time.time()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        if status:
            errors.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{errors.read().decode()[-3000:]}")
    return {"begun": clock, "seconds": seconds, "peak_mb": usage.ru_maxrss / 1024}


def ours(study: Path, directory: Path, cache: Path, workers: int = 1) -> dict[str, Any]:
    """Run our study from nothing and say where its time went."""
    command = [
        sys.executable,
        "-m",
        "hpsearch",
        "optimize",
        str(study),
        "--out",
        str(directory),
        "--new",
        "--quiet",
        "--workers",
        str(workers),
    ]
    measured: dict[str, Any] = timed(command, {"HPSEARCH_CACHE": str(cache)})
    name = json.loads(study.read_text())["name"]
    run = directory / "runs" / name
    ticks = [json.loads(line) for line in (run / "ticks.jsonl").read_text().splitlines()]
    events = [(tick["elapsed"], event) for tick in ticks for event in tick["events"]]
    epochs = [event["seconds"] for _, event in events if event["kind"] == "report"]
    measured |= marginal([at for at, event in events if event["kind"] == "end"], measured["seconds"])
    typical = statistics.median(epochs)
    # Members of one tick share its seconds. What it took beyond the usual is compiling, if it is the first or
    # took many times the usual.
    beyond = [sum(tick) - len(tick) * typical for tick in (list(same) for _, same in groupby(epochs))]
    compiling = sum([max(beyond[0], 0.0), *(more for more in beyond[1:] if more > 4 * typical + 0.2)])
    timing = json.loads((run / "timing.json").read_text())
    total = measured["seconds"]
    measured["share"] = {
        "compiling": compiling / total,
        "training": (sum(epochs) - compiling) / total,
        "store": timing["store_seconds"] / total,
    }
    # It is written when the log and the store of the dashboard hold every trial.
    measured["stored_seconds"] = (run / "timing.json").stat().st_mtime - measured["begun"]
    measured["training_seconds"] = sum(epochs) - compiling
    return measured


def marginal(ends: list[float], seconds: float) -> dict[str, float]:
    """Part the seconds of a run into what one trial more costs, and the start."""
    one = (ends[-1] - ends[0]) / (len(ends) - 1)
    return {"one_more": one, "start": seconds - one * len(ends)}


def theirs(tool: str, backend: str, configurations: Path, trials: int, place: Path) -> dict[str, float]:
    """Run a peer on the first trials of a list."""
    place.mkdir()
    command = [sys.executable, str(HERE / "peers.py"), tool, str(configurations), str(trials), str(place)]
    measured = timed(command, {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"})
    ends = json.loads((place / "ends.json").read_text())
    return measured | marginal(ends, measured["seconds"])


def roofline(task: Task) -> float:
    """Time the bare matrix products of a task's training, forward and backward, by XLA on all cores."""
    script = HERE / "roofline.py"
    shapes = json.dumps({"hidden": task.hidden, "batch": task.batch_size, "rows": 50_000, "features": 784})
    out = subprocess.run([sys.executable, str(script), shapes], capture_output=True, text=True, check=True)
    return float(out.stdout) * task.epochs * task.trials


def compare(task: Task) -> dict[str, Any]:
    """Run a task with every contestant."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        study, configurations = task.write(directory)
        rows: dict[str, Any] = {"hpsearch": [], "hpsearch, warm cache": []}
        rows |= {f"{tool} on {backend}": [] for tool, backend in PEERS}
        for repeat in range(task.repeats):
            cache = directory / f"cache-{repeat}"
            for name in ("hpsearch", "hpsearch, warm cache"):
                rows[name].append(ours(study, directory, cache))
                if task.name == "c":
                    # Beside each run, because the machine's speed changes from one minute to the next.
                    rows[name][-1]["products_seconds"] = roofline(task)
                print(task.name, name, rows[name][-1], file=sys.stderr, flush=True)
            for tool, backend in PEERS:
                place = directory / f"{tool}-{backend}-{repeat}"
                found = theirs(tool, backend, configurations, task.peer_trials, place)
                rows[f"{tool} on {backend}"].append(found)
                print(task.name, tool, backend, found, file=sys.stderr, flush=True)
    return summarize(task, rows)


def compare_models(task: ModelTask) -> dict[str, Any]:
    """Run a model as a list of layers, as a function in Python, and with every peer: as many trials each."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for _ in range(task.repeats):
        with tempfile.TemporaryDirectory() as temporary:
            directory = Path(temporary)
            files = task.write(directory)
            for name, (form, workers) in OURS.items():
                found = ours(files[form], directory, directory / f"cache {name}", workers)
                rows.setdefault(name, []).append(found)
                print(task.name, name, found, file=sys.stderr, flush=True)
            for tool, backend in PEERS:
                found = theirs(tool, backend, files["peers"], TRIALS, directory / f"{tool}-{backend}")
                rows.setdefault(f"{tool} on {backend}", []).append(found)
                print(task.name, tool, backend, found, file=sys.stderr, flush=True)
    told: dict[str, Any] = {
        name: {
            "runs": len(runs),
            **{
                key: statistics.median(run[key] for run in runs)
                for key in ("seconds", "one_more", "start", "peak_mb")
            },
        }
        for name, runs in rows.items()
    }
    our = told["hpsearch, sequential"]["seconds"]
    for row in told.values():
        seconds = row.pop("seconds")
        row |= {"seconds_per_trial": seconds / TRIALS, "trials": TRIALS, "ratio": seconds / our}
    return {"contestants": told}


def summarize(task: Task, rows: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Give medians per trial and the ratios to ours."""
    told: dict[str, Any] = {}
    for name, runs in rows.items():
        trials = task.trials if name.startswith("hpsearch") else task.peer_trials
        told[name] = {
            "seconds_per_trial": statistics.median(run["seconds"] for run in runs) / trials,
            "trials": trials,
            "one_more": statistics.median(run["one_more"] for run in runs),
            "start": statistics.median(run["start"] for run in runs),
            "peak_mb": statistics.median(run["peak_mb"] for run in runs),
        }
    stored = statistics.median(run["stored_seconds"] for run in rows["hpsearch"]) / task.trials
    told = {"hpsearch": told["hpsearch"], STORED: {**told["hpsearch"], "seconds_per_trial": stored}} | told
    our = told["hpsearch"]["seconds_per_trial"]
    for row in told.values():
        row["ratio"] = row["seconds_per_trial"] / our
        row["ratio_to_the_last_result"] = row["seconds_per_trial"] / stored
    shares = [run["share"] for run in rows["hpsearch"]]
    told["hpsearch"]["share"] = {name: statistics.median(s[name] for s in shares) for name in shares[0]}
    result: dict[str, Any] = {"contestants": told}
    if task.name == "c":
        runs = [run for name in ("hpsearch", "hpsearch, warm cache") for run in rows[name]]
        result["roofline"] = {
            "products_seconds": statistics.median(run["products_seconds"] for run in runs),
            "training_seconds": statistics.median(run["training_seconds"] for run in runs),
            "share": statistics.median(run["products_seconds"] / run["training_seconds"] for run in runs),
        }
    return result


def machine() -> dict[str, Any]:
    """Tell what the figures were measured on, with the packages that are here."""
    found = {package: list(distributions(name=package)) for package in PACKAGES}
    return {
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "versions": {package: there[0].version for package, there in found.items() if there},
    }


def main() -> None:
    """Run the tasks and store the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    tasks = TASKS | MODEL_TASKS
    parser.add_argument("--tasks", nargs="*", choices=list(tasks), default=list(tasks))
    parser.add_argument("--repeats", type=int, help="times that each contestant runs a task")
    parser.add_argument("--growth", action="store_true")
    options = parser.parse_args()
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    if options.growth:
        figures: dict[str, Any] = {"machine": machine(), "growth": growth()}
        (results / "growth.json").write_text(json.dumps(figures, indent=1) + "\n")
    else:
        path = results / "throughput.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        figures = {"machine": machine(), "tasks": known.get("tasks", {}), "models": known.get("models", {})}
        for name in options.tasks:
            task = tasks[name]
            task = replace(task, repeats=options.repeats or task.repeats)
            found = compare(task) if isinstance(task, Task) else compare_models(task)
            figures["tasks" if isinstance(task, Task) else "models"][name] = found
            path.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
