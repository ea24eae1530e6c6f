"""What the rules of the compiled trainers stand on: switches, cohorts, cores, programs of any Keras model.

    python benchmarks/decisions.py [--repeats 3] [--groups switch cohort cores models forms]

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
import tempfile
import time
from pathlib import Path
from typing import Any

from model_tasks import MODEL_TASKS

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


LAYERED = ("digits 64-64", "784-128-64", "8 x 8, 8-16 filters", "28 x 28, 8-16 filters")
"""Networks that the switch program trains, and programs of any Keras model too."""

NETS = ("embedding", "lstm", "transformer", "cnn")
"""Models of `nets.py`, by both forms of an epoch."""


def pin() -> None:
    """Stay on one core, and let XLA have no threads."""
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def dataset(rows: int, features: tuple[int, ...]) -> Any:
    """Draw rows of ten classes."""
    from types import SimpleNamespace

    import numpy as np

    from hpsearch.data import Rows, Scaling, Split

    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, *features)).astype(np.float32)
    y = generator.integers(0, 10, rows).astype(np.int32)
    index = np.arange(rows)
    split = Split(Rows(x, y), Rows(x[:1_000], y[:1_000]), Scaling(), index, index[:1_000])
    return SimpleNamespace(
        splits=(split,),
        train_rows=rows,
        task="classification",
        outputs=10,
        labels=tuple("0123456789"),
        target_layout=None,
    )


def timed(trainer: Any, members: range) -> dict[str, float]:
    """Give the seconds of the first epoch of members, and the milliseconds of each in a later one."""
    begun = time.perf_counter()
    trainer.advance_all(members)
    first = time.perf_counter() - begun
    epochs = []
    for _ in range(5):
        begun = time.perf_counter()
        trainer.advance_all(members)
        epochs.append(time.perf_counter() - begun)
    return {"first_seconds": first, "member_ms": 1_000 * statistics.median(epochs) / len(members)}


def measure_model(network: str, *, program: str) -> dict[str, float]:
    """Measure a network by the switch program, or by that of any Keras model; `program` may name its form."""
    pin()
    os.environ["KERAS_BACKEND"] = "jax"
    import hpsearch.training.compiled.keras_model.execution as models
    from hpsearch.data import load_dataset
    from hpsearch.models.interface import ModelFiles
    from hpsearch.models.sources.kinds import LAYERED as SOURCES
    from hpsearch.models.sources.kinds import sources_of
    from hpsearch.spec import Configuration, read_spec
    from hpsearch.spec.study_file.source import Source
    from hpsearch.training.compiled import CompiledTrainer
    from hpsearch.training.compiled.forward.options import program_options
    from hpsearch.training.compiled.keras_model.trainer import KerasModelTrainer
    from hpsearch.training.messages import Member

    if program in ("scan", "loop"):
        vars(models)["is_scanned"] = lambda _: program == "scan"
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        if network in NETWORKS:
            rows, features, model, batch = NETWORKS[network]
            data = dataset(rows, features)
            ((kind, sizes),) = model.items()
            study: dict[str, Any] = {"data": "sklearn:digits", "model": {kind: {**sizes, **LONE}}}
        else:
            study = json.loads(MODEL_TASKS[network].write(place)["python"].read_text())
            study["model"]["python"]["arguments"] |= {"rate": 0.2, "l2": 1e-4}
            study.pop("search")
            batch = study["training"]["batch_size"]
        study |= {"name": "decisions", "training": {"epochs": 1_000, "batch_size": batch}}
        spec = read_spec(Source("decisions", study, {}))
        if network not in NETWORKS:
            data = load_dataset(spec.data, place)
        sources = SOURCES if network in NETWORKS else sources_of(spec, ModelFiles(place), data)
        if program == "switch":
            trainer: Any = CompiledTrainer(data, program_options(spec), 1)
        else:
            trainer = KerasModelTrainer(data, sources=sources)
        trainer.start(Member(0, Configuration(spec.model, spec.training), 0))
        return timed(trainer, range(1))


def measure(network: str, *, card: bool, width: int, one_core: bool, threads: int = 1) -> dict[str, float]:
    """Give the seconds of the first epoch, which compiles, and a member's milliseconds in a later one."""
    if one_core:
        pin()
    os.environ["KERAS_BACKEND"] = "jax"
    from hpsearch.spec import Configuration, read_spec
    from hpsearch.spec.study_file.source import Source
    from hpsearch.training.compiled import CompiledTrainer
    from hpsearch.training.compiled.forward.options import program_options
    from hpsearch.training.messages import Member

    rows, features, model, batch = NETWORKS[network]
    ((kind, sizes),) = model.items()
    data = dataset(rows, features)

    def spec(settings: dict[str, Any]) -> Any:
        study = {
            "name": "decisions",
            "data": "sklearn:digits",
            "model": {kind: {**sizes, **settings}},
            "training": {"epochs": 1_000, "batch_size": batch},
        }
        return read_spec(Source("decisions", study, {}))

    lone = spec(LONE)
    trainer = CompiledTrainer(data, program_options(spec(CARD if card else LONE)), width, threads=threads)
    members = range(max(width, threads))
    for number in members:
        trainer.start(Member(number, Configuration(lone.model, lone.training), number))
    return timed(trainer, members)


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
    parser.add_argument("--groups", nargs="*", choices=list(GROUPS), default=list(GROUPS))
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        given = json.loads(options.measure)
        print(json.dumps((measure_model if "program" in given else measure)(**given)))
        return
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    figures = {name: {} if name in options.groups else known.get(name, {}) for name in GROUPS}
    for name in options.groups:
        GROUPS[name](options.repeats, figures[name])
        RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


def switch(repeats: int, figures: dict[str, Any]) -> None:
    """Measure what a program for all options costs beside one for a single structure."""
    small = "digits 64-64"
    for name, card in (
        ("one program with switches", True),
        ("a program for one activation and position", False),
    ):
        figures[name] = apart(repeats, small, card=card, width=1, one_core=True)


def cohort(repeats: int, figures: dict[str, Any]) -> None:
    """Measure members side by side."""
    for network in ("digits 64-64", "784-64-64", "784-256-256"):
        for width in (1, 4, 8):
            for card in (False, True):
                key = f"{network}, {'card' if card else 'one structure'}, width {width}"
                figures[key] = apart(repeats, network, card=card, width=width, one_core=True)


def cores(repeats: int, figures: dict[str, Any]) -> None:
    """Measure one core and all of them."""
    for network in NETWORKS:
        for one_core in (True, False):
            key = f"{network}, {'one core' if one_core else 'all cores'}"
            figures[key] = apart(repeats, network, card=True, width=1, one_core=one_core)
        key = f"{network}, all cores, two members at once"
        figures[key] = apart(repeats, network, card=True, width=1, one_core=False, threads=2)


def models(repeats: int, figures: dict[str, Any]) -> None:
    """Measure the switch program beside a program of any Keras model for the same network."""
    for network in LAYERED:
        for program in ("switch", "any model"):
            words = "switch program" if program == "switch" else "as any Keras model"
            figures[f"{network}, {words}"] = apart(repeats, network, program=program)


def forms(repeats: int, figures: dict[str, Any]) -> None:
    """Measure both forms of an epoch of any Keras model."""
    for network in NETS:
        for program in ("scan", "loop"):
            words = "one compiled loop" if program == "scan" else "a loop over one compiled step"
            figures[f"{network}, {words}"] = apart(repeats, network, program=program)


GROUPS: dict[str, Any] = {
    "switch": switch,
    "cohort": cohort,
    "cores": cores,
    "models": models,
    "forms": forms,
}


if __name__ == "__main__":
    main()
