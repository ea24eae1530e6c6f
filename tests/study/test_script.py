"""The script of a winner trains it without hpsearch, to the number that the study reported."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.exceptions import UnsupportedError
from hpsearch.models.components.objectives import Objective
from hpsearch.spec.sections.schedules import SCHEDULES
from hpsearch.spec.sections.scorer_names import SCORERS
from hpsearch.spec.sections.training import Training
from hpsearch.study.script.expression import call_of
from hpsearch.study.script.metric import imports_of_metric, is_written, metric_lines
from hpsearch.study.script.network import network_lines
from hpsearch.study.script.schedule import SCHEDULE, schedule_lines
from hpsearch.training.schedules import RunLength, learning_rates
from hpsearch.training.scorers import score
from support.commands import STUDY, here, python, succeed, succeed_here, write_study

BY_FIT = {
    "name": "fit",
    "data": {"sklearn": "wine", "standardize": True, "test": 0.2, "subset": 120},
    "model": {"mlp": {"hidden": [8, 6], "activation": ["gelu", "tanh"], "dropout": 0.2}},
    "training": {
        "backend": "jax",
        "optimizer": {"sgd": {"momentum": 0.9, "nesterov": True}},
        "schedule": {"reduce_on_plateau": {"patience": 1}},
        "clipping": {"global_clipnorm": 0.5},
        "class_weight": "balanced",
        "steps": 17,
        "batch_size": 16,
    },
    "search": {"trials": 1},
    "confirm": {"finalists": 1, "replicates": 2, "splits": "fresh"},
}
BY_PROGRAM = {
    "name": "program",
    "data": {"csv": "rows.csv", "target": "price", "scaling": "robust"},
    "model": {"mlp": {"hidden": [8], "batch_norm": "before_activation", "l2": 1e-3}},
    "training": {"schedule": {"one_cycle": {}}, "epochs": 4, "early_stopping": {"patience": 2}},
    "search": {"trials": 1},
}
LAYERS = {
    "name": "layers",
    "data": {"sklearn": "digits", "shape": [8, 8, 1], "rescale": "1/16", "subset": 300},
    "model": {
        "sequential": {
            "layers": [
                {"conv2d": {"filters": 4, "kernel_size": 3, "activation": "relu"}},
                "flatten",
                {"dropout": {"rate": 0.2}},
                {"residual": [{"dense": {"units": 144, "activation": "tanh"}}]},
            ]
        }
    },
    "training": {"optimizer": "adamw", "epochs": 3},
    "search": {"trials": 1, "metric": "val_accuracy"},
}
QUANTILES = {
    "name": "quantiles",
    "data": {"npz": "rows.npz", "scaling": "quantile"},
    "model": {"mlp": {"hidden": [6]}},
    "training": {"backend": "jax", "epochs": 3, "learning_rate": 0.003},
    "search": {"trials": 1, "metric": "roc_auc"},
}
MEMBERS = {
    "name": "members",
    "data": {"csv": "rows.csv", "target": "price", "scaling": "quantile"},
    "model": {
        "tabm": {
            "k": 3,
            "d_block": 8,
            "embedding": {"pbld": {"frequencies": 4, "size": 3}},
            "categories": {"embedding": {"above": 2}},
        }
    },
    "training": {"backend": "jax", "epochs": 3},
    "search": {"trials": 1},
}
CLASSES = {
    "name": "classes",
    "data": {"sklearn": "wine", "standardize": True},
    "model": {
        "tabm": {
            "k": 3,
            "d_block": 8,
            "mini": False,
            "dropout": 0.2,
            "embedding": {"piecewise_linear": {"bins": 4, "size": 3}},
        }
    },
    "training": {"backend": "jax", "epochs": 3, "class_weight": "balanced"},
    "search": {"trials": 1},
}
EMBEDDED = {
    "name": "embedded",
    "data": {"csv": "rows.csv", "target": "price", "scaling": "quantile"},
    "model": {"mlp": {"hidden": [8], "embedding": {"piecewise_linear": {"bins": 5, "size": 3}}}},
    "training": {"epochs": 3},
    "search": {"trials": 1},
}


def write_rows(path: Path) -> None:
    """Write rows of two classes, with a constant feature."""
    x = np.random.default_rng(2).normal(size=(120, 4)).astype(np.float32)
    x[:, 2] = 5
    np.savez(path, x_train=x, y_train=(x[:, 0] + x[:, 1] ** 2 > 0.7).astype(np.int32))


def table() -> str:
    """Write rows as people in Europe do, with missing cells."""
    random = np.random.default_rng(1)
    lines = ["age;town;price"]
    for row in range(120):
        age, town = int(random.integers(20, 80)), ("A", "B", "C d")[random.integers(3)]
        price = age * 2 + len(town) * 5 + random.random()
        lines.append(f"{age if row % 17 else ''};{town if row % 23 else 'NA'};{price:.2f}")
    return "\n".join(lines) + "\n"


def ended(study: dict[str, Any], cwd: Path) -> tuple[float, float]:
    """Train a study, and its script where hpsearch cannot be imported; give the numbers of both."""
    succeed("optimize", write_study(cwd / "study.yaml", study), cwd=cwd)
    code = succeed("code", study["name"], cwd=cwd).stdout
    assert "import hpsearch" not in code
    hidden = "import sys; sys.modules['hpsearch'] = None\n"
    result = python(hidden + code, cwd=cwd)
    assert result.returncode == 0, result.stderr
    found = re.search(r"(\S+) in epoch (\d+); the study has (\S+) in epoch (\d+)", result.stdout)
    assert found is not None, result.stdout
    assert found[2] == found[4]
    return float(found[1]), float(found[3])


@pytest.mark.long
@pytest.mark.parametrize(
    ("study", "tolerance"),
    [
        (BY_FIT, 0),
        (BY_PROGRAM, 1e-5),
        (LAYERS, 0),
        (QUANTILES, 0),
        (MEMBERS, 0),
        (CLASSES, 0),
        (EMBEDDED, 1e-5),
    ],
)
def test_the_script_ends_with_the_number_of_the_study(
    study: dict[str, Any], tolerance: float, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text(table())
    write_rows(tmp_path / "rows.npz")
    mine, reported = ended(study, tmp_path)
    assert mine == pytest.approx(reported, rel=tolerance, abs=0)


@pytest.mark.parametrize(
    "schedule",
    [
        {"exponential": {"rate": 0.8, "staircase": True}},
        {"inverse_time": {"rate": 0.3, "warmup": 0.2}},
        "step",
        {"piecewise_constant": {"boundaries": [{"steps": 3}, 0.5], "values": [1, 0.5, 0.1], "warmup": 0.1}},
        {"polynomial": {"end": 0.1, "power": 2.0}},
        {"cosine": {"alpha": 0.1, "warmup": {"epochs": 1}, "warmup_from": 0.2}},
        {"cosine_restarts": {"first_decay": {"epochs": 1}, "m_mul": 0.5}},
        {"cosine_restarts": {"t_mul": 1.0}},
        "one_cycle",
        "coslog",
    ],
)
def test_rates_are_those_of_the_study(schedule: Any) -> None:
    training = Training.model_validate({"schedule": schedule, "learning_rate": 0.03, "epochs": 4})
    length = RunLength(5, 20)
    lines = [line for line in schedule_lines(training, length, SimpleNamespace()) if line != SCHEDULE]
    known: dict[str, Any] = {"np": np}
    exec("\n".join(lines), known)  # noqa: S102 - the code under test
    np.testing.assert_array_equal(known["rates"], learning_rates(training, length, 0, 20))
    assert training.schedule.name in SCHEDULES


@pytest.mark.filterwarnings("ignore:'k':sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.parametrize(
    ("task", "outputs", "metric"),
    [
        *(("classification", 2, name) for name in SCORERS["classification"] if "_ov" not in name),
        *(
            ("classification", 3, name)
            for name in ("roc_auc_ovr_weighted", "f1_macro", "neg_log_loss", "accuracy")
        ),
        *(("regression", 1, name) for name in SCORERS["regression"]),
    ],
)
def test_scorers_are_those_of_the_study(task: Any, outputs: int, metric: str) -> None:
    random, objective = np.random.default_rng(3), Objective(task, outputs)
    if not is_written(metric, objective):
        assert metric.endswith("likelihood_ratio")  # no function of that name is public
        return
    y = (
        random.integers(0, outputs, 40)
        if task == "classification"
        else random.uniform(1, 2, 40).astype(np.float32)
    )
    least = 0.5 if task == "regression" else -2
    logits = random.uniform(least, 2, size=(40, objective.units)).astype(np.float32)
    names = tuple(map(str, range(outputs))) if task == "classification" else ()
    predictions = np.asarray(objective.predictions(keras.ops.convert_to_tensor(logits)))
    known: dict[str, Any] = {"np": np, "keras": keras, "logits": logits, "y_validation": y, "y": y}
    known["validation"] = np.arange(40)
    body = "\n    ".join(metric_lines(metric, objective))
    exec("\n".join([*imports_of_metric(metric), f"def judged(logits):\n    {body}"]), known)  # noqa: S102 - under test
    assert known["judged"](logits) == score(metric, y, predictions, names)


def test_calls_leave_out_what_is_the_default() -> None:
    dense = keras.layers.Dense(4, "relu", kernel_regularizer=keras.regularizers.L2(0.1), name="hidden")
    assert call_of(dense) == (
        "keras.layers.Dense(4, activation='relu', kernel_regularizer=keras.regularizers.L2(l2=0.1), name='hidden')"
    )
    inner = keras.layers.Bidirectional(keras.layers.GRU(3, name="in"), name="out")
    assert call_of(inner).startswith("keras.layers.Bidirectional(")
    assert call_of(keras.optimizers.Adam(0.1, clipnorm=1.0), "name", learning_rate="rate") == (
        "keras.optimizers.Adam(learning_rate=rate, clipnorm=1.0)"
    )


class Own(keras.layers.Dense):  # type: ignore[misc]
    pass


def test_what_is_not_of_keras_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="Own is not a class of Keras' own"):
        call_of(Own(2))
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(UnsupportedError, match="first weights of this model are not drawn"):
        list(network_lines(model, None, 0))


@pytest.mark.slow
def test_a_study_that_cannot_be_written_is_refused_in_a_sentence(tmp_path: Path) -> None:
    study = {**STUDY, "data": {"sklearn": "iris", "validation": {"folds": 2}}}
    succeed_here("optimize", write_study(tmp_path / "a.yaml", study), cwd=tmp_path)
    refused = here("code", "a", cwd=tmp_path)
    assert refused.returncode == 2
    assert "no plain script can be written of this study: its folds are several models" in refused.stderr
