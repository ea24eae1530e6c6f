"""How equal trainers are: bit for bit on JAX, and within a tolerance across backends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch.data import Dataset, load_dataset
from hpsearch.spec import Configuration, Data
from hpsearch.spec.sections.study import read_configuration
from hpsearch.store.arrays import read_arrays, write_arrays
from hpsearch.training.compiled import CompiledTrainer
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.messages import Member
from support.compiling import optimized

pytestmark = pytest.mark.long

EPOCHS = 3

CASES: dict[str, dict[str, dict[str, Any]]] = {
    "sgd": {
        "model": {"activation": "relu", "l1": 1e-4},
        "training": {"optimizer": {"sgd": {"momentum": 0.9, "nesterov": True}}},
    },
    "rmsprop": {
        "model": {"activation": "tanh", "batch_norm": "after_activation"},
        "training": {"optimizer": "rmsprop", "schedule": {"cosine": {"warmup": 0.2}}},
    },
    "adam": {
        "model": {"activation": "selu", "batch_norm": "before_activation", "l2": 1e-3},
        "training": {"optimizer": "adam", "clipping": {"clipvalue": 0.05}},
    },
    "adamw": {
        "model": {"activation": {"leaky_relu": {"negative_slope": 0.1}}},
        "training": {"optimizer": "adamw", "schedule": {"exponential": {"rate": 0.9}}},
    },
    "nadam": {
        "model": {"activation": "elu", "l1": 1e-4, "l2": 1e-4},
        "training": {"optimizer": "nadam", "schedule": "one_cycle"},
    },
    "adagrad": {
        "model": {"activation": "sigmoid"},
        "training": {"optimizer": "adagrad", "schedule": {"step": {"every": {"epochs": 1}}}},
    },
    "normalized inputs": {
        "model": {"input_batch_norm": {"batch_norm": {"momentum": 0.7}}, "activation": "tanh"},
        "training": {"optimizer": "adam"},
    },
    "penalized activations": {
        "model": {"activation": "relu", "activity_l1": 1e-3, "activity_l2": [1e-2, 0.0]},
        "training": {"optimizer": "rmsprop"},
    },
    "rrelu without a range": {
        "model": {"activation": {"rrelu": {"lower": 0.2, "upper": 0.2}}},
        "training": {"optimizer": {"sgd": {"momentum": 0.9}}},
    },
    "zeros": {
        # With zeros all inputs of an activation lie where its slope changes.
        "model": {"initializer": "zeros", "activation": {"relu": {"max_value": 2.0}}},
        "training": {"optimizer": "adam"},
    },
}


@pytest.fixture(scope="module", autouse=True)
def compiled_as_for_people() -> Iterator[None]:
    """Compare bits of the programs that people get."""
    with optimized():
        yield


@cache
def iris() -> Dataset:
    return load_dataset(Data.model_validate({"sklearn": "iris", "standardize": True}), Path())


def configuration(name: str) -> Configuration:
    case = CASES[name]
    training = {"learning_rate": 0.01, "epochs": EPOCHS, "batch_size": 50, **case["training"]}
    return read_configuration({"model": {"mlp": {"hidden": [8, 6], **case["model"]}}, "training": training})


def weights_after(trainer: Any, member: Member) -> dict[str, Any]:
    trainer.start(member)
    for _ in range(EPOCHS):
        assert trainer.advance(member.number).failure is None
    network = trainer._slots[member.number].networks[0]
    return dict(network.arrays_of(network.weights()))


TOGETHER = "together"
"""Many components at once, for the other backend; each layer has the variables of batch normalization."""

CASES[TOGETHER] = {
    "model": {
        "input_batch_norm": "batch_norm",
        "activation": [{"rrelu": {"lower": 0.2, "upper": 0.2}}, "tanh"],
        "batch_norm": "after_activation",
        "activity_l2": 1e-2,
    },
    "training": {"optimizer": "adam"},
}

BEFORE = "adam"
"""Batch normalization before the activation: there XLA fuses the program otherwise than `fit`'s steps."""


def without_noise(weights: dict[str, Any]) -> dict[str, Any]:
    """Leave out the biases that batch normalization takes away: rounding alone moves them."""
    return {name: value for name, value in weights.items() if not name.endswith("bias") or "output" in name}


def test_with_batch_norm_before_the_activation_a_member_has_all_but_the_last_bits() -> None:
    member = Member(0, configuration(BEFORE), seed=3)
    ours = weights_after(CompiledTrainer(iris()), member)
    for weight, value in without_noise(weights_after(FitTrainer(iris()), member)).items():
        np.testing.assert_allclose(ours[weight], value, rtol=0, atol=1e-5, err_msg=weight)


@pytest.mark.parametrize("name", [name for name in CASES if name not in (BEFORE, TOGETHER)])
def test_a_member_alone_has_the_bits_of_fit(name: str) -> None:
    member = Member(0, configuration(name), seed=3)
    theirs = weights_after(FitTrainer(iris()), member)
    ours = weights_after(CompiledTrainer(iris()), member)
    for weight, value in theirs.items():
        np.testing.assert_array_equal(ours[weight], value, err_msg=weight)


ON_TENSORFLOW = """
import json, sys
from pathlib import Path
import numpy as np
from hpsearch.data import load_dataset
from hpsearch.spec import Data
from hpsearch.spec.sections.study import read_configuration
from hpsearch.store.arrays import read_arrays, write_arrays
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.messages import Member, MemberState

dataset = load_dataset(Data.model_validate({"sklearn": "iris", "standardize": True}), Path())
for begin in sys.argv[1:]:
    arrays, note = read_arrays(Path(begin))
    trainer = FitTrainer(dataset)
    trainer.start(Member(0, read_configuration(note["configuration"]), 3), MemberState(arrays, note["progress"]))
    for _ in range(note["epochs"]):
        assert trainer.advance(0).failure is None
    network = trainer._slots[0].networks[0]
    write_arrays(Path(begin).with_suffix(".end"), dict(network.weights()), {})
"""


@pytest.fixture(scope="module")
def on_tensorflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train some members by `fit` on TensorFlow, in one process, from their first weights; give the directory."""
    directory = tmp_path_factory.mktemp("tensorflow")
    begins = [directory / f"{name}.begin" for name in (BEFORE, TOGETHER)]
    for begin in begins:
        config, trainer = configuration(begin.stem), CompiledTrainer(iris())
        trainer.start(Member(0, config, seed=3))
        state = trainer.state(0)
        note = {"configuration": config.dump(), "progress": state.progress, "epochs": EPOCHS}
        write_arrays(begin, state.arrays, note)
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", ON_TENSORFLOW, *map(str, begins)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return directory


@pytest.mark.parametrize("name", [BEFORE, TOGETHER])
def test_fit_on_tensorflow_goes_the_same_way(name: str, on_tensorflow: Path) -> None:
    """From the same first weights, on the same batches: equal to 1e-4 after three epochs of Adam."""
    stored = read_arrays(on_tensorflow / f"{name}.end")
    assert stored is not None
    ours = weights_after(CompiledTrainer(iris()), Member(0, configuration(name), seed=3))
    for weight, value in without_noise(stored[0]).items():
        np.testing.assert_allclose(ours[weight], value, atol=1e-4, err_msg=weight)
