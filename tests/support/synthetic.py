"""Records of studies that were never trained: their numbers follow a formula and a seed."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

from hpsearch.data.summary import DataSummary
from hpsearch.spec import StudySpec
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.spec.space.space import SearchSpace
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.training.decisions import Decisions

DIGITS: dict[str, Any] = {
    "name": "digits",
    "data": {"sklearn": "digits", "validation": 0.2, "test": 0.2, "rescale": 0.0625},
    "model": {
        "mlp": {
            "hidden": [128, 64],
            "initializer": {
                "choice": ["glorot_uniform", "he_normal", "lecun_normal", {"random_normal": {"stddev": 0.01}}]
            },
            "activation": {
                "choice": [
                    "relu",
                    "tanh",
                    "selu",
                    {"leaky_relu": {"negative_slope": {"uniform": [0.01, 0.3]}}},
                ]
            },
            "batch_norm": {"choice": ["none", "before_activation", "after_activation"]},
            "dropout": {"uniform": [0.0, 0.5]},
            "l1": {"log_uniform": [1e-7, 1e-3]},
            "l2": {"log_uniform": [1e-7, 1e-2]},
        }
    },
    "training": {
        "optimizer": "adam",
        "learning_rate": {"log_uniform": [1e-4, 1e-1]},
        "schedule": {
            "choice": [
                "constant",
                {"cosine": {"warmup": {"uniform": [0.0, 0.2]}}},
                {"exponential": {"rate": {"uniform": [0.8, 1.0]}}},
            ]
        },
        "clipping": {
            "choice": [
                "none",
                {"global_clipnorm": {"log_uniform": [0.1, 10]}},
                {"clipvalue": {"log_uniform": [0.01, 1]}},
            ]
        },
        "epochs": 30,
        "batch_size": 64,
        "early_stopping": {"patience": 5},
    },
    "search": {"metric": "val_loss", "trials": 100, "seed": 0},
}

FIXED: dict[str, Any] = {
    "name": "fixed",
    "data": "sklearn:digits",
    "model": {"mlp": {"hidden": [32]}},
    "training": {"optimizer": "adam", "learning_rate": 0.001, "epochs": 5},
    "search": {"metric": "val_accuracy", "trials": 1},
}

DATA = DataSummary(
    source="sklearn:digits",
    task="classification",
    features=(64,),
    outputs=10,
    train_rows=1149,
    validation_rows=288,
    test_rows=360,
    folds=1,
    labels=tuple("0123456789"),
    fingerprint="5f2b8c1e" * 8,
)

CAUSES = (
    "non-finite loss in epoch 2, step 7, first in layer dense_1",
    "non-finite loss in epoch 1, step 3, first in layer dense",
    "out of memory",
)


def spec_of(raw: dict[str, Any] = DIGITS, **search: Any) -> StudySpec:
    """Read a study file, with changes to its search section."""
    return StudySpec.model_validate({**raw, "search": {**raw["search"], **search}})


def trial_of(spec: StudySpec, number: int, epochs: int = 30, seed: int = 0) -> TrialRecord:
    """Make a completed trial whose loss depends most on the learning rate."""
    draw = random.Random(f"{seed}-{number}")  # noqa: S311 - no secret
    chosen: dict[str, Value] = {}

    def choose(parameter: Parameter) -> Value:
        chosen[parameter.name] = _draw(parameter, draw)
        return chosen[parameter.name]

    configuration = SearchSpace(spec).configure(choose)
    rate = math.log10(float(chosen.get("learning_rate", 0.002)))
    floor = 0.07 + 0.12 * (rate + 2.6) ** 2 + 0.15 * float(chosen.get("dropout", 0.1)) + draw.gauss(0, 0.012)
    speed = 2.0 + 3.0 * draw.random()
    losses = tuple(
        max(floor, 0.03) + 2.2 * math.exp(-epoch / speed) + abs(draw.gauss(0, 0.01))
        for epoch in range(epochs)
    )
    history = {
        "loss": tuple(0.8 * loss for loss in losses),
        "val_loss": losses,
        "val_loss_with_penalties": tuple(1.1 * loss for loss in losses),
        "val_accuracy": tuple(1 / (1 + loss) for loss in losses),
        "learning_rate": (10.0**rate,) * epochs,
    }
    curve = history[spec.search.first_metric]
    value = (min if spec.search.direction == "minimize" else max)(curve)
    seconds = 0.24 + 0.01 * draw.random()
    return TrialRecord(
        number,
        "complete",
        value,
        chosen,
        configuration,
        epochs,
        curve.index(value) + 1,
        seconds,
        number,
        None,
        history,
    )


def failed(trial: TrialRecord, cause: str | None = CAUSES[0]) -> TrialRecord:
    """Let a trial fail in its first epochs, without a value."""
    history = {name: (*curve[:1], None) for name, curve in trial.history.items()}
    return replace(trial, state="failed", value=None, best_epoch=None, epochs=2, cause=cause, history=history)


def pruned(trial: TrialRecord, epochs: int = 6) -> TrialRecord:
    """Stop a trial early; the value is that of its best epoch so far."""
    history = {name: curve[:epochs] for name, curve in trial.history.items()}
    value = min(history["val_loss"])
    best_epoch = history["val_loss"].index(value) + 1
    return replace(
        trial,
        state="pruned",
        epochs=epochs,
        value=value,
        best_epoch=best_epoch,
        history=history,
        cause="worse than the median at epoch 6",
    )


def running(trial: TrialRecord) -> TrialRecord:
    """Take a trial back to before it had a result."""
    return replace(trial, state="running", value=None, best_epoch=None, epochs=0, seconds=0.0, history={})


def record_of(
    trials: int, spec: StudySpec | None = None, mixed: bool = True, epochs: int = 30
) -> StudyRecord:
    """Make the record of a study; where `mixed`, some trials failed and some were pruned."""
    spec = spec or spec_of(trials=max(trials, 1))
    made = [trial_of(spec, number, epochs) for number in range(trials)]
    if mixed:
        made = [_mixed(trial) for trial in made]
    return StudyRecord(
        spec=spec,
        data=DATA,
        trials=tuple(made),
        versions={"hpsearch": "0.1.0", "keras": "3.15.1", "jax": "0.10.2"},
        machine={"processor": "x86_64", "cores": "2"},
        decisions=Decisions(trainer="compiled", width=8),
    )


def _mixed(trial: TrialRecord) -> TrialRecord:
    if trial.number % 33 == 7:
        return failed(trial, CAUSES[trial.number // 33 % len(CAUSES)])
    return pruned(trial) if trial.number % 7 == 3 else trial


def _draw(parameter: Parameter, draw: random.Random) -> Value:
    if parameter.options:
        return draw.choice(parameter.options)
    low, high = parameter.distribution.low, parameter.distribution.high  # type: ignore[union-attr]
    if parameter.distribution.log:  # type: ignore[union-attr]
        return 10 ** draw.uniform(math.log10(low), math.log10(high))
    return draw.uniform(low, high)
