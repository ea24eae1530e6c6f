"""Loaded models are those of Keras' own way, without drawing weights first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import pytest

from hpsearch.exceptions import ModelError
from hpsearch.models import saved
from hpsearch.models.saved import load_measured, load_stock

X = np.random.default_rng(0).normal(size=(16, 12)).astype(np.float32)


def of_states() -> keras.Model:
    """Make a model inside another, with weights, statistics, a mean that was adapted, and seed generators."""
    normalization = keras.layers.Normalization()
    normalization.adapt(X)
    inner = keras.Sequential([keras.layers.Dense(5), keras.layers.BatchNormalization()])
    layers = [keras.layers.Input((12,)), normalization, inner, keras.layers.Dropout(0.5, seed=7)]
    return keras.Sequential([*layers, keras.layers.GaussianNoise(0.5, seed=3), keras.layers.Dense(2)])


def of_sequences() -> keras.Model:
    layers: list[Any] = [
        keras.layers.Input((12,)),
        keras.layers.Reshape((4, 3)),
        keras.layers.LSTM(3, seed=5),
    ]
    return keras.Sequential([*layers, keras.layers.Dense(2, kernel_regularizer="l2")])


@pytest.mark.parametrize("make", [of_states, of_sequences])
def test_a_loaded_model_has_the_weights_and_states_of_keras_own(make: Any, tmp_path: Path) -> None:
    model, path = make(), tmp_path / "model.keras"
    model.compile("adam", "mse")
    model.fit(X, X[:, :2], epochs=1, verbose=0)
    model.save(path)
    known, found = keras.saving.load_model(path, compile=False, safe_mode=True), load_measured(path)
    assert len(found.variables) == len(known.variables)
    for ours, theirs in zip(found.variables, known.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    for training in (False, True):
        np.testing.assert_array_equal(found(X, training=training), known(X, training=training))


@pytest.mark.long
def test_vocabularies_are_loaded(tmp_path: Path) -> None:
    words, path = keras.layers.IntegerLookup(output_mode="one_hot"), tmp_path / "model.keras"
    words.adapt(np.array([7, 3, 7, 5, 3, 7]))
    keras.Sequential([keras.layers.Input((1,), dtype="int32"), words]).save(path)
    assert load_measured(path).layers[-1].get_vocabulary() == words.get_vocabulary()


def test_a_refused_model_never_takes_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that Keras draws when the next scope ends would take it after all."""
    model, path = (
        keras.Sequential([keras.layers.Input((12,)), keras.layers.Dense(1_000)]),
        tmp_path / "a.keras",
    )
    model.save(path)
    monkeypatch.setattr(saved, "FREE_BYTES", 0)
    monkeypatch.setattr(saved, "MAX_GROWTH", 0.5)
    before = len(jax.live_arrays())
    with pytest.raises(ModelError, match=r"its layers take 52,000 bytes"):
        load_stock(path)
    with keras.StatelessScope():
        pass
    assert len(jax.live_arrays()) == before


ELSEWHERE = """
import sys
from pathlib import Path
import keras, numpy as np
from hpsearch.models.saved import load_stock
found, known = load_stock(Path(sys.argv[1])), keras.saving.load_model(sys.argv[1])
assert keras.backend.backend() == "tensorflow"
np.testing.assert_array_equal(found.get_weights()[0], known.get_weights()[0])
"""


@pytest.mark.long
def test_a_model_is_loaded_on_another_backend(tmp_path: Path) -> None:
    of_sequences().save(tmp_path / "model.keras")
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path / "model.keras")]
    subprocess.run(command, env=os.environ | {"KERAS_BACKEND": "tensorflow"}, check=True)
