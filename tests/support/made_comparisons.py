"""Comparisons made up for tests: every run follows a formula, its arm and its seed."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hpsearch.data.summary import DataSummary
from hpsearch.spec import StudySpec
from hpsearch.spec.space.arms import Arm, arms_of
from hpsearch.store.events import State
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.training.decisions import Decisions

INITIALIZERS = [
    "zeros",
    "ones",
    {"random_normal": {"stddev": 0.01}},
    {"random_normal": {"stddev": 1.0}},
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "orthogonal",
]
ACTIVATIONS = ["relu", "tanh", "sigmoid", "selu", "elu", {"leaky_relu": {"negative_slope": 0.1}}]

DATA = DataSummary(
    "keras:fashion_mnist",
    "classification",
    (28, 28),
    10,
    48_000,
    12_000,
    0,
    1,
    tuple("0123456789"),
    "5f2b8c1e" * 8,
)

FAILURE = "the training loss is not finite"


def spec_of(
    initializers: list[Any], activations: list[Any], epochs: int = 20, name: str = "made", **compare: Any
) -> StudySpec:
    """Read a study that compares initializers under activations."""
    network = {
        "hidden": [100, 100, 100],
        "initializer": {"choice": initializers},
        "activation": {"choice": activations},
    }
    return StudySpec.model_validate(
        {
            "name": name,
            "data": "keras:fashion_mnist",
            "model": {"mlp": network},
            "training": {"optimizer": "sgd", "learning_rate": 0.01, "epochs": epochs, "batch_size": 128},
            "compare": {"factors": ["initializer", "activation"], "replicates": 5, **compare},
        }
    )


def trial(
    arm: Arm, replicate: int, losses: tuple[float, ...], number: int, state: State = "complete", **more: Any
) -> TrialRecord:
    """Make the trial of one run from its losses on the validation set."""
    failed = state == "failed"
    best = min(range(len(losses)), key=losses.__getitem__)
    history = {
        "loss": tuple(0.9 * loss for loss in losses),
        "accuracy": tuple(1 / (1 + 0.9 * abs(loss)) for loss in losses),
        "val_loss": losses,
        "val_accuracy": tuple(1 / (1 + abs(loss)) for loss in losses),
        "val_loss_with_penalties": losses,
        "loss_with_penalties": tuple(0.9 * loss for loss in losses),
        "learning_rate": (0.01,) * len(losses),
        "seconds": (3.0, *(0.5,) * (len(losses) - 1)),
    }
    made = TrialRecord(
        number=number,
        state=state,
        value=None if failed else losses[best],
        parameters={"arm": arm.name, "replicate": replicate},
        configuration=arm.configuration,
        epochs=len(losses),
        best_epoch=None if failed else best + 1,
        seconds=0.5 * len(losses),
        seed=1000 + replicate,
        cause=f"{FAILURE} (epoch {len(losses)}, step 7)" if failed else None,
        history={} if state == "running" else history,
    )
    return replace(made, **more)


def record_of(spec: StudySpec, losses: Callable[[Arm, int], tuple[float, ...]], **more: Any) -> StudyRecord:
    """Make the record of a comparison from the losses of each arm and replicate; no losses: no run.

    A run that ends with NaN has failed.
    """
    assert spec.compare is not None
    trials: list[TrialRecord] = []
    for replicate in range(spec.compare.replicates):
        for arm in arms_of(spec).arms:
            found = losses(arm, replicate)
            if found:
                failed = math.isnan(found[-1])
                kept = tuple(v for v in found if not math.isnan(v))
                trials.append(trial(arm, replicate, kept, len(trials), "failed" if failed else "complete"))
    made = StudyRecord(
        spec=spec,
        data=DATA,
        trials=tuple(trials),
        versions={"hpsearch": "0.1.0", "keras": "3.15.1"},
        machine={"cores": "2"},
        decisions=Decisions(trainer="CompiledTrainer", width=1, workers=1),
        kind="comparison",
    )
    return replace(made, **more)


STRENGTH: Mapping[str, float] = {"zeros": 2.3, "ones": 2.2, "random_normal(stddev=0.01)": 1.2}


def realistic(spec: StudySpec) -> Callable[[Arm, int], tuple[float, ...]]:
    """Make losses as networks give them: arms that do not learn, that diverge, and that are alike."""
    training: Any = spec.training

    def losses(arm: Arm, replicate: int) -> tuple[float, ...]:
        initializer, activation = (str(value) for value in arm.values.values())
        draw = random.Random(f"{arm.name}{replicate}")  # noqa: S311 - no secret
        luck = random.Random(replicate).gauss(0, 0.01)  # noqa: S311
        floor = STRENGTH.get(initializer, 0.36 if initializer.startswith(("he", "lecun")) else 0.38)
        floor += {"sigmoid": 0.15, "tanh": 0.02}.get(activation, 0.0) + luck + draw.gauss(0, 0.006)
        speed = 9.0 if activation == "sigmoid" else 2.5
        made = [
            floor + (2.3 - min(floor, 2.2)) * math.exp(-(epoch + 1) / speed) + abs(draw.gauss(0, 0.005))
            for epoch in range(training.epochs)
        ]
        if initializer == "random_normal(stddev=1)" and (activation != "tanh" or replicate == 3):
            return (*(loss + 3 * epoch for epoch, loss in enumerate(made[:3])), math.nan)
        return tuple(made)

    return losses


def small(**compare: Any) -> StudyRecord:
    """Make a comparison of 6 arms on 5 seeds."""
    spec = spec_of(["zeros", "glorot_uniform", "he_normal"], ["relu", "tanh"], **compare)
    return record_of(spec, realistic(spec))


def large(**compare: Any) -> StudyRecord:
    """Make a comparison of 66 arms on 5 seeds."""
    spec = spec_of(INITIALIZERS, ACTIVATIONS, **compare)
    return record_of(spec, realistic(spec))
