"""What the rules of the compiled trainer stand on: switches, cohorts, cores.

    python benchmarks/decisions.py [--repeats 3]

Each figure is taken in a process of its own, because cores and flags must be set before JAX starts. The
medians go to `benchmarks/results/decisions.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "decisions.json"

NETWORKS = {
    "digits 64-64": (1_150, (64,), {"mlp": {"hidden": [64, 64]}}, 32),
    "784-64-64": (12_800, (784,), {"mlp": {"hidden": [64, 64]}}, 32),
    "784-128-64": (12_800, (784,), {"mlp": {"hidden": [128, 64]}}, 128),
    "784-256-256": (12_800, (784,), {"mlp": {"hidden": [256, 256]}}, 128),
    "784-512-512-512": (12_800, (784,), {"mlp": {"hidden": [512, 512, 512]}}, 128),
    "8 x 8, 8-16 filters": (1_150, (8, 8), {"cnn": {"filters": [8, 16]}}, 64),
    "8 x 8, 32-64 filters": (1_150, (8, 8), {"cnn": {"filters": [32, 64]}}, 64),
    "28 x 28, 8-16 filters": (3_200, (28, 28), {"cnn": {"filters": [8, 16]}}, 64),
    "28 x 28, 32-64 filters": (3_200, (28, 28), {"cnn": {"filters": [32, 64]}}, 64),
}
"""Training rows, features, model and batch size."""

CARD = {
    "activation": {
        "choice": ["relu", "tanh", "selu", {"leaky_relu": {"negative_slope": {"uniform": [0.01, 0.3]}}}]
    },
    "batch_norm": {"choice": ["none", "before_activation", "after_activation"]},
    "dropout": {"uniform": [0.0, 0.5]},
    "l2": {"log_uniform": [1e-7, 1e-2]},
}
LONE = {"activation": "relu", "batch_norm": "after_activation", "dropout": 0.2, "l2": 1e-4}


def measure(network: str, *, card: bool, width: int, one_core: bool, threads: int = 1) -> dict[str, float]:
    """Give the seconds of the first epoch, which compiles, and a member's milliseconds in a later one."""
    if one_core:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ["KERAS_BACKEND"] = "jax"
    from types import SimpleNamespace

    import numpy as np

    from hpsearch.data import Rows, Scaling, Split
    from hpsearch.spec import read_spec
    from hpsearch.spec.study_file.source import Source
    from hpsearch.training.compiled import CompiledTrainer
    from hpsearch.training.compiled.forward.options import program_options
    from hpsearch.training.messages import Member

    rows, features, model, batch = NETWORKS[network]
    ((kind, sizes),) = model.items()
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, *features)).astype(np.float32)
    y = generator.integers(0, 10, rows).astype(np.int32)
    index = np.arange(rows)
    split = Split(Rows(x, y), Rows(x[:1_000], y[:1_000]), Scaling(), index, index[:1_000])
    data: Any = SimpleNamespace(
        splits=(split,), train_rows=rows, task="classification", outputs=10, labels=tuple("0123456789")
    )

    def spec(settings: dict[str, Any]) -> Any:
        study = {
            "name": "decisions",
            "data": "sklearn:digits",
            "model": {kind: {**sizes, **settings}},
            "training": {"epochs": 1_000, "batch_size": batch},
        }
        return read_spec(Source("decisions", study, {}))

    lone = spec(LONE)
    from hpsearch.spec import Configuration

    trainer = CompiledTrainer(data, program_options(spec(CARD if card else LONE)), width, threads=threads)
    members = range(max(width, threads))
    for number in members:
        trainer.start(Member(number, Configuration(lone.model, lone.training), number))
    begun = time.perf_counter()
    trainer.advance_all(members)
    first = time.perf_counter() - begun
    epochs = []
    for _ in range(5):
        begun = time.perf_counter()
        trainer.advance_all(members)
        epochs.append(time.perf_counter() - begun)
    return {"first_seconds": first, "member_ms": 1_000 * statistics.median(epochs) / len(members)}


def apart(repeats: int, network: str, **settings: Any) -> dict[str, float]:
    """Measure in processes of their own; give medians."""
    command = [sys.executable, __file__, "--measure", json.dumps({"network": network, **settings})]
    runs = [
        json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(repeats)
    ]
    return {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]}


def main() -> None:
    """Measure all decisions."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(**json.loads(options.measure))))
        return
    figures: dict[str, Any] = {"switch": {}, "cohort": {}, "cores": {}}
    small = "digits 64-64"
    for name, card in (
        ("one program with switches", True),
        ("a program for one activation and position", False),
    ):
        figures["switch"][name] = apart(options.repeats, small, card=card, width=1, one_core=True)
    for network in ("digits 64-64", "784-64-64", "784-256-256"):
        for width in (1, 4, 8):
            for card in (False, True):
                key = f"{network}, {'card' if card else 'one structure'}, width {width}"
                figures["cohort"][key] = apart(
                    options.repeats, network, card=card, width=width, one_core=True
                )
    for network in NETWORKS:
        for one_core in (True, False):
            key = f"{network}, {'one core' if one_core else 'all cores'}"
            figures["cores"][key] = apart(options.repeats, network, card=True, width=1, one_core=one_core)
        key = f"{network}, all cores, two members at once"
        at_once = apart(options.repeats, network, card=True, width=1, one_core=False, threads=2)
        figures["cores"][key] = at_once
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
