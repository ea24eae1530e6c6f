"""Training on a stream: what plain Keras makes of the same batches, and what an interrupted study goes on to."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import pytest

import hpsearch
from hpsearch.data import Dataset, load_raw_data
from hpsearch.data.stream import read_stream
from hpsearch.exceptions import HpsearchError
from hpsearch.models.weights import weights_of
from hpsearch.spec import read_configuration
from hpsearch.study.input import read_study
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.messages import Member
from support.commands import STUDY

pytestmark = pytest.mark.slow

EPOCHS, RATE = 3, 0.01
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(90, 4)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(np.int32) + (X[:, 2] > 1)


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of 16 rows, to which noise of the common generator is added where that is wanted."""

    def __init__(self, x: Any, y: Any, noise: float = 0.0, stop_after: int | None = None) -> None:
        super().__init__()
        self.x, self.y, self.noise, self.left = x, y, noise, stop_after

    def __len__(self) -> int:
        return math.ceil(len(self.y) / 16)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
        rows = slice(16 * index, 16 * index + 16)
        noise = self.noise * np.random.normal(size=self.x[rows].shape)  # noqa: NPY002 - the one of others
        return (self.x[rows] + noise).astype(np.float32), self.y[rows]


def streamed(noise: float = 0.0, stop_after: int | None = None) -> tuple[Batches, Batches]:
    return Batches(X[:70], Y[:70], noise, stop_after), Batches(X[70:], Y[70:])


def opened(folder: Path, noise: float = 0.0) -> Dataset:
    stream = read_stream(streamed(noise))
    spec = read_study({**STUDY, "training": {"epochs": 1}, "data": {}}, data=stream, out=folder).spec
    return load_raw_data(spec.data, folder, stream=stream).own()


CONFIGURATION = read_configuration(
    {
        "model": {"mlp": {"hidden": [5]}},
        "training": {"epochs": EPOCHS, "batch_size": 16, "learning_rate": RATE},
    }
)


def test_it_is_what_plain_keras_makes_of_the_same_batches(tmp_path: Path) -> None:
    trainer = FitTrainer(opened(tmp_path))
    trainer.start(Member(0, CONFIGURATION, seed=1))
    network: Any = FitTrainer(trainer.dataset).network(Member(0, CONFIGURATION, 1), trainer.dataset.splits[0])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.model.compile(optimizer=keras.optimizers.Adam(RATE), loss=loss, metrics=["accuracy"])
    train, validation = streamed()
    told = network.model.fit(train, validation_data=validation, epochs=EPOCHS, shuffle=False, verbose=0)
    for epoch in range(EPOCHS):
        found = trainer.advance(0).metrics
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert found[name] == pytest.approx(told.history[name][epoch], rel=2e-6)
    for name, weight in weights_of(network.model).items():
        assert np.array_equal(trainer.weights(0)[name], weight)


def test_a_member_goes_on_bit_for_bit_where_noise_is_of_seeded_generators(tmp_path: Path) -> None:
    dataset = opened(tmp_path, noise=0.1)
    whole, first, second = (FitTrainer(dataset) for _ in range(3))
    member = Member(0, CONFIGURATION, seed=1)
    for trainer in (whole, first):
        trainer.start(member)
    expected = [whole.advance(0).metrics for _ in range(EPOCHS)]
    found = [first.advance(0).metrics]
    second.start(member, first.state(0))
    found += [second.advance(0).metrics for _ in range(EPOCHS - 1)]
    assert found == expected


STREAMED: dict[str, Any] = {
    "name": "s",
    "model": {"mlp": {"hidden": [4]}},
    "training": {
        "learning_rate": {"log_uniform": [1e-3, 1e-1]},
        "epochs": 3,
        "early_stopping": {"patience": 2},
    },
    "search": {"trials": 3},
    "confirm": {"finalists": 2, "replicates": 2},
}


@pytest.mark.long
def test_a_study_that_was_interrupted_goes_on_with_the_stream_given_again(tmp_path: Path) -> None:
    whole = hpsearch.optimize(STREAMED, stream=streamed(0.1), out=tmp_path / "whole")
    there = tmp_path / "there"
    with pytest.raises(KeyboardInterrupt):
        hpsearch.optimize(STREAMED, stream=streamed(0.1, stop_after=22), out=there)
    with pytest.raises(HpsearchError, match=r"which is not kept: give it again in Python"):
        hpsearch.load("s", out=there, engine="in_process").resume()
    study = hpsearch.load("s", stream=streamed(0.1), out=there).resume()
    assert [trial.value for trial in study.trials] == [trial.value for trial in whole.trials]
    assert study.best is not None
    assert whole.best is not None
    assert study.best.mean == whole.best.mean
    assert study.record.decisions.stream == whole.record.decisions.stream
    assert "5 batches of 16 rows, the first " in Path(study.report()).read_text(encoding="utf-8")
