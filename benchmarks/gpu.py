"""An accelerator: programs against Keras' `fit`, tasks (a) to (c) against `fit`, and cohorts of many widths.

    python benchmarks/gpu.py [--quick] [--minutes 5.5] [--out gpu.json]

It uses whatever device JAX finds and ends in time. The figures are one JSON file, which is written after each
part, and tells what was left out for lack of time. Where HPSEARCH_DATA has no fashion_mnist.npz, rows of its
shape are drawn. With `--quick` everything is small: a check of the script on a CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import numpy as np
from tasks import TASKS, Task
from throughput import machine, ours, theirs

from hpsearch.data import Dataset, load_dataset
from hpsearch.engines.process.compiler import tell_compiler
from hpsearch.spec import Configuration, Data, read_configuration

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "sgd": (
        {"batch_norm": "before_activation", "l1": 1e-3, "l2": 1e-2},
        {"optimizer": {"sgd": {"momentum": 0.9, "nesterov": True}}, "clipping": {"clipvalue": 0.02}},
    ),
    "adam": ({"activation": "tanh", "l2": 1e-3}, {"schedule": {"cosine": {"alpha": 0.1}}}),
    "adamw": ({"activation": "gelu"}, {"optimizer": {"adamw": {"weight_decay": 0.3}}}),
    "rmsprop": (
        {"batch_norm": "after_activation", "activation": {"leaky_relu": {"negative_slope": 0.3}}},
        {"optimizer": "rmsprop", "clipping": {"global_clipnorm": 0.2}},
    ),
}
"""Models and trainings whose numbers are lifted into arguments."""

EPOCHS, SEED = 3, 11
TOLERANCE = {"cpu": 2e-4}
LOOSE = 2e-2
"""Tensor units of an accelerator may multiply numbers of 32 bits with a mantissa of 10."""

WIDTHS = tuple(4**power for power in range(7))
"""Members of a cohort, from 1 to 4,096."""

START_SECONDS = 40
"""What one task with both contestants takes at least, the start of their processes included."""


class Clock:
    """How much of the time is left."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left."""
        return self.end - time.monotonic()


def contract(cases: list[str]) -> dict[str, Any]:
    """Train each case by every compiled trainer and by `fit`; give the largest relative differences."""
    import jax

    from hpsearch.training.compiled import CompiledTrainer
    from hpsearch.training.compiled.keras_model.trainer import KerasModelTrainer
    from hpsearch.training.fit.trainer import FitTrainer

    dataset = load_dataset(Data.model_validate({"sklearn": "iris", "standardize": True}), Path())
    trainers: dict[str, Callable[[Dataset], Any]] = {
        "compiled": CompiledTrainer,
        "vmapped": lambda rows: CompiledTrainer(rows, width=3),
        "any Keras model": KerasModelTrainer,
    }
    found: dict[str, Any] = {}
    for case in cases:
        model, training = CASES[case]
        plain = {"epochs": EPOCHS, "batch_size": 50, "learning_rate": 0.05, **training}
        configuration = read_configuration({"model": {"mlp": {"hidden": [6, 5], **model}}, "training": plain})
        expected = trained(FitTrainer(dataset), configuration)
        for name, make in trainers.items():
            differences = difference(trained(make(dataset), configuration), expected)
            found[f"{case}, {name}"] = differences
            print("contract", case, name, differences, file=sys.stderr, flush=True)
    tolerance = TOLERANCE.get(jax.default_backend(), LOOSE)
    within = all(value <= tolerance for one in found.values() for value in one.values())
    return {"tolerance": tolerance, "holds": within, "differences": found}


def trained(trainer: Any, configuration: Configuration) -> tuple[dict[str, float], dict[str, Any]]:
    """Train one member; give its last metrics and its weights."""
    from hpsearch.training.messages import Member

    trainer.start(Member(0, configuration, SEED))
    reports = [trainer.advance(0) for _ in range(EPOCHS)]
    metrics = {name: reports[-1].metrics[name] for name in ("loss_with_penalties", "val_loss")}
    return metrics, trainer.weights(0)


def difference(found: tuple[Any, Any], expected: tuple[Any, Any]) -> dict[str, float]:
    """Return the largest relative difference of metrics, and of weights to the largest one of their array."""
    metrics = max(abs(found[0][name] / value - 1) for name, value in expected[0].items())
    weights = max(
        float(np.max(np.abs(found[1][name] - value)) / max(np.max(np.abs(value)), 1e-3))
        for name, value in expected[1].items()
        if not name.endswith("/bias")  # before batch normalization, rounding alone moves them
    )
    return {"metrics": metrics, "weights": weights}


def tasks(chosen: list[Task], clock: Clock, directory: Path) -> Iterator[tuple[str, Any]]:
    """Run tasks by hpsearch and by a hand-written `fit`, each as a process of its own from start to end."""
    for task in chosen:
        if clock.left() < START_SECONDS:
            yield task.name, "left out: no time"
            continue
        study, configurations = task.write(directory)
        own = ours(study, directory, directory / "cache")
        fit = theirs("optuna", "jax", configurations, task.peer_trials, directory / f"fit-{task.name}")
        yield (
            task.name,
            {
                "hpsearch": {"trials": task.trials, "seconds": own["seconds"], "one_more": own["one_more"]},
                "fit": {"trials": task.peer_trials, "seconds": fit["seconds"], "one_more": fit["one_more"]},
            },
        )


def sweep(widths: tuple[int, ...], clock: Clock, epochs: int) -> Iterator[tuple[int, Any]]:
    """Train cohorts of the networks of task (a); give the seconds of an epoch for all and for each member."""
    from hpsearch.training.compiled import CompiledTrainer
    from hpsearch.training.messages import Member

    rows = load_dataset(Data.model_validate(TASKS["a"].data), Path())
    model = {"mlp": {"hidden": list(TASKS["a"].hidden), "dropout": 0.2, "l2": 1e-4}}
    training = {"epochs": 1 + epochs, "batch_size": TASKS["a"].batch_size, "learning_rate": 0.001}
    configuration = read_configuration({"model": model, "training": training})
    last = 0.0
    for width in widths:
        if clock.left() < 3 * last:  # four times the members, compiled in the same time
            yield width, "left out: no time"
            continue
        begun = time.perf_counter()
        trainer = CompiledTrainer(rows, width=width)
        for number in range(width):
            trainer.start(Member(number, configuration, seed=number))
        started = time.perf_counter()
        trainer.advance_all(range(width))
        compiled = time.perf_counter()
        for _ in range(epochs):
            trainer.advance_all(range(width))
        epoch = (time.perf_counter() - compiled) / epochs
        last = time.perf_counter() - begun
        yield (
            width,
            {
                "start": started - begun,
                "first_epoch": compiled - started,
                "epoch": epoch,
                "member_epoch_ms": 1000 * epoch / width,
                "peak_gb": peak_gigabytes(),
            },
        )


def fit_epoch(epochs: int) -> float:
    """Return the milliseconds of an epoch of such a network by Keras' `fit`."""
    import keras

    split = load_dataset(Data.model_validate(TASKS["a"].data), Path()).splits[0]
    penalty = keras.regularizers.L2(1e-4)
    layers: list[Any] = [keras.Input(split.train.x.shape[1:])]
    for units in TASKS["a"].hidden:
        layers += [keras.layers.Dense(units, "relu", kernel_regularizer=penalty), keras.layers.Dropout(0.2)]
    model = keras.Sequential([*layers, keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.001), loss, metrics=["accuracy"])
    given = {"batch_size": TASKS["a"].batch_size, "verbose": 0}
    both = split.validation.x, split.validation.y
    model.fit(split.train.x, split.train.y, validation_data=both, **given)
    begun = time.perf_counter()
    model.fit(split.train.x, split.train.y, validation_data=both, epochs=epochs, **given)
    return 1000 * (time.perf_counter() - begun) / epochs


def peak_gigabytes() -> float | None:
    """Return the most memory of the device that was used so far; None where it does not tell."""
    import jax

    peak = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    return None if peak is None else peak / 1e9


def bring_data(directory: Path) -> None:
    """Draw rows with the shape of fashion_mnist where the real ones are not at hand: times are the same."""
    known = os.environ.get("HPSEARCH_DATA")
    if known is not None and (Path(known) / "fashion_mnist.npz").exists():
        return
    draw = np.random.default_rng(0)
    rows = {"train": 60_000, "test": 10_000}
    images = {f"x_{part}": draw.integers(0, 256, (count, 28, 28), np.uint8) for part, count in rows.items()}
    labels = {f"y_{part}": draw.integers(0, 10, count, np.uint8) for part, count in rows.items()}
    np.savez(directory / "fashion_mnist.npz", **images, **labels)
    os.environ["HPSEARCH_DATA"] = str(directory)


def main() -> None:
    """Measure, and write the file after each part."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--minutes", type=float, default=5.5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "gpu.json")
    options = parser.parse_args()
    clock, quick = Clock(60 * options.minutes), options.quick
    tell_compiler()
    figures: dict[str, Any] = {"machine": machine(), "quick": quick}

    def keep(part: str, found: Any) -> None:
        figures[part] = found
        print(part, found, file=sys.stderr, flush=True)
        options.out.write_text(json.dumps(figures, indent=1) + "\n")

    with tempfile.TemporaryDirectory() as temporary:
        bring_data(Path(temporary))
        chosen = [replace(TASKS["a"], trials=3, peer_trials=2, epochs=2)] if quick else [*TASKS.values()]
        # Before this process starts JAX, which takes most of an accelerator's memory.
        for name, found in tasks(chosen, clock, Path(temporary)):
            keep(f"task {name}", found)
    import jax

    keep("devices", [f"{device.platform} {device.device_kind}" for device in jax.devices()])
    keep("contract", contract([*CASES][:1] if quick else [*CASES]))
    keep("fit, ms of an epoch", fit_epoch(1 if quick else 5))
    for width, found in sweep(WIDTHS[:2] if quick else WIDTHS, clock, 1 if quick else 5):
        keep(f"width {width}", found)
    keep("seconds", 60 * options.minutes - clock.left())


if __name__ == "__main__":
    main()
