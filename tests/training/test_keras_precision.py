"""What parts a program from `fit` after many steps is rounding: in float64 both stay together."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import keras
import numpy as np
import pytest
from keras import layers

from hpsearch.training.compiled.keras_model import places
from hpsearch.training.compiled.keras_model.programs import Programs
from support.programs import compiled, fitted, rows_of, run, state_of

pytestmark = pytest.mark.long

EPOCHS = 40


@pytest.fixture
def _double(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compute in float64, with numbers fed in that precision, which hpsearch itself does for none."""

    def numbers(known: places.Places) -> places.Numbers:
        value = np.array([float(place.held[place.fed.attribute]) for place in known.places])
        return {"value": value, "rest": 1 - value}

    monkeypatch.setattr(places, "_is_single", lambda _: True)
    monkeypatch.setattr(places.Places, "numbers", numbers)
    with jax.enable_x64(True):
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float64")
        yield
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


def pooled(rate: float, beta: float) -> keras.Model:
    keras.utils.set_random_seed(1)
    strength = keras.regularizers.L2(rate / 100)
    inner = [
        layers.Conv1D(6, 3, activation="relu", kernel_regularizer=strength),
        layers.GlobalMaxPooling1D(),
        layers.Dropout(rate),
        layers.Dense(1),
    ]
    model = keras.Sequential([keras.Input((8, 3)), *inner])
    # A rate that float32 has too, because rates come in that precision.
    model.compile(keras.optimizers.Adam(2.0**-6, beta_1=beta), "mse")
    return model


@pytest.mark.usefixtures("_double")
def test_many_steps_in_float64_equal_fit() -> None:
    programs = Programs()
    first, second, other = pooled(0.2, 0.9), pooled(0.4, 0.8), pooled(0.4, 0.8)
    rows = rows_of(first)
    run(compiled(first, programs), rows, 1)
    made = programs.compilations
    losses = run(compiled(second, programs), rows, EPOCHS)
    assert programs.compilations == made
    np.testing.assert_allclose(losses, fitted(other, rows, EPOCHS), rtol=1e-12)
    for found, expected in zip(state_of(second), state_of(other), strict=True):
        assert found.dtype in (np.float64, np.int64, np.int32, np.uint32)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14)
