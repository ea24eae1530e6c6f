"""Studies to disturb, and everything that one leaves behind but the seconds."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import optuna

from hpsearch.store.arrays import read_arrays
from hpsearch.store.events import Event, dump_event
from hpsearch.store.layout import PARTS, StudyFiles
from hpsearch.store.log import TickLog
from hpsearch.store.winner import read_error_analysis, read_inference_info
from support.commands import run, succeed, write_study


def study(name: str, *, model: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    training = {"learning_rate": {"log_uniform": [1e-3, 1e-1]}, "batch_size": 32, **parts.pop("training")}
    small = {"hidden": [4], "dropout": {"uniform": [0.1, 0.3]}}
    return {
        "name": name,
        "data": parts.pop("data", "sklearn:iris"),
        "model": {"mlp": model or small},
        "training": training,
        **parts,
    }


DIGITS = {"sklearn": "digits", "rescale": 0.0625, "test": 200}
LARGER = {"hidden": [64], "dropout": {"uniform": [0.1, 0.3]}}

LSTM = """
import keras
from keras import layers


def lstm(features, outputs, units, rate):
    rows = keras.Input(features)
    steps = layers.GaussianNoise(0.1)(layers.Reshape((8, 8))(rows))
    last = layers.LSTM(units, dropout=rate, recurrent_dropout=rate)(steps)
    return keras.Model(rows, layers.Dense(outputs)(layers.Dropout(rate)(layers.BatchNormalization()(last))))
"""
"""A model in Python that draws in four layers, and moves statistics."""

KINDS: dict[str, dict[str, Any]] = {
    raw["name"]: raw
    for raw in (
        study(
            "tpe",
            data=DIGITS,
            model={**LARGER, "batch_norm": "before_activation"},
            training={"epochs": 100, "batch_size": 2},
            search={"trials": 10, "sampler": {"tpe": {"startup_trials": 3}}},
        ),
        study(
            "pruned",
            data=DIGITS,
            model=LARGER,
            training={
                "epochs": 81,
                "batch_size": 2,
                "schedule": {"cosine": {"warmup": {"uniform": [0.0, 0.3]}}},
            },
            search={
                "trials": 30,
                "sampler": {"tpe": {"startup_trials": 5}},
                "pruner": {"hyperband": {"min_epochs": 3}},
            },
        ),
        study(
            "rungs",
            data=DIGITS,
            model=LARGER,
            training={"epochs": 81, "batch_size": 2, "early_stopping": {"patience": 25}},
            search={
                "trials": 40,
                "sampler": {"tpe": {"startup_trials": 5}},
                "schedule": {"rungs": {"min_epochs": 3, "generation": 18}},
            },
        ),
        study(
            "stopped",
            data=DIGITS,
            model=LARGER,
            training={"epochs": 300, "early_stopping": {"patience": 25}, "batch_size": 2},
            search={"trials": 32, "sampler": "random", "metric": "val_accuracy"},
        ),
        study(
            "cohort",
            data=DIGITS,
            model=LARGER,
            training={"epochs": 60, "batch_size": 4, "optimizer": {"choice": ["adam", "sgd"]}},
            search={
                "trials": 24,
                "width": 4,
                "sampler": {"tpe": {"startup_trials": 5}},
                "pruner": {"median": {"startup_trials": 4, "warmup_epochs": 10}},
            },
        ),
        study(
            "threads",
            data=DIGITS,
            model={"hidden": [512, 160], "dropout": {"uniform": [0.1, 0.3]}},
            training={"epochs": 40, "batch_size": 64, "early_stopping": {"patience": 8}},
            search={"trials": 16, "width": 2, "sampler": {"tpe": {"startup_trials": 5}}},
        ),
        study(
            "fit",
            training={"epochs": 150, "batch_size": 2, "backend": "jax"},
            search={"trials": 6, "sampler": "random"},
        ),
        study(
            "lstm",
            data=DIGITS,
            training={"epochs": 60, "batch_size": 16, "early_stopping": {"patience": 15}},
            search={
                "trials": 10,
                "sampler": {"tpe": {"startup_trials": 3}},
                "pruner": {"median": {"startup_trials": 3, "warmup_epochs": 10}},
            },
        )
        | {
            "model": {
                "python": {
                    "file": "nets.py",
                    "function": "lstm",
                    "arguments": {"units": {"choice": [8, 12]}, "rate": {"uniform": [0.1, 0.3]}},
                }
            }
        },
    )
}


def write(home: Path, raw: dict[str, Any]) -> None:
    """Write a study, with the file of its model where that is in Python."""
    write_study(home / "study.yaml", raw)
    if "python" in raw["model"]:
        (home / "nets.py").write_text(LSTM, encoding="utf-8")


def outcome(home: Path, name: str) -> dict[str, Any]:
    """Give everything that a finished study left behind, but the seconds and the date of a look."""
    files = StudyFiles(home, name)
    log = TickLog(files.ticks, files.ticks_copy)
    checked = run("check", name, cwd=home)
    confirmation = StudyFiles(home, name, PARTS["confirmation"])
    return {
        **decisions(plain(log.read())),
        "replicates": decisions(plain(TickLog(confirmation.ticks, confirmation.ticks_copy).read())),
        "damage": log.damage,
        "check": (checked.returncode, checked.stdout if checked.returncode else ""),
        "trials": without_seconds(json.loads(_told("trials", home, name))),
        "best": without_dates(without_seconds(json.loads(_placeless(home, _told("best", home, name))))),
        "applied": read_inference_info(files.best_preprocessing),
        "insides": read_error_analysis(files.insides),
        "best.yaml": _placeless(home, files.best_configuration.read_text()),
        "weights": weights(files),
        "storage": stored(files),
        "checkpoints": [path.name for path in files.checkpoint(0).parent.glob("*")],
    }


def plain(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Give events as they stand in the log."""
    return [dump_event(event) for event in events]


def decisions(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Give what a tick log says; a worker that was lost is no part of it."""
    asks = {e["number"]: e["values"] for e in events if e["kind"] == "ask"}
    reports = {(e["number"], e["epoch"]): (e["value"], e["metrics"]) for e in events if e["kind"] == "report"}
    ends = {e["number"]: without_seconds(e) for e in events if e["kind"] == "end"}
    kinds = dict(Counter(e["kind"] for e in events if e["kind"] != "lost"))
    return {"asks": asks, "reports": reports, "ends": ends, "events of each kind": kinds}


def without_seconds(data: Any) -> Any:
    if isinstance(data, list):
        return [without_seconds(item) for item in data]
    return {name: value for name, value in data.items() if name != "seconds"}


def without_dates(best: dict[str, Any]) -> dict[str, Any]:
    """Leave out when the test set was looked at, but not how often."""
    for look in (best["test"] or {"looks": []})["looks"]:
        del look["date"]
    return best


def weights(files: StudyFiles) -> dict[str, dict[str, bytes]]:
    """Give the weights that were kept, bit for bit."""
    kept = {}
    for path in files.weights(0).parent.glob("*.npz"):
        arrays = read_arrays(path)
        assert arrays is not None, f"{path.name} is damaged"
        kept[path.name] = {name: array.tobytes() for name, array in arrays[0].items()}
    return kept


def stored(files: StudyFiles) -> list[Any]:
    """Give the trials of the Optuna storage."""
    known = optuna.load_study(study_name=files.name, storage=f"sqlite:///{files.database}")
    return [(trial.number, trial.state.name, trial.value, trial.params) for trial in known.trials]


def _placeless(home: Path, text: str) -> str:
    """Leave out where the file of a model in Python is, which a study file of its own tells in full."""
    return text.replace(f"{home}{os.sep}", "")


def _told(command: str, home: Path, name: str) -> str:
    return succeed(command, name, "--format", "json", cwd=home).stdout


def compare(expected: Any, found: Any, path: str = "") -> list[str]:
    """List the first differences of two outcomes, part by part."""
    if expected == found:
        return []
    if not isinstance(expected, dict) or not isinstance(found, dict):
        return [f"{path}: {_short(expected)} -> {_short(found)}"]
    differences = [f"{path}{key}: only in one" for key in expected.keys() ^ found.keys()]
    for key in expected.keys() & found.keys():
        differences += compare(expected[key], found[key], f"{path}{key} ")
    return differences[:10]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 300 else f"{text[:300]}..."
