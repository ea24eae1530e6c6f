"""Models of a person's own: what they end in, and what they train by, against plain Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.exceptions import ModelError
from hpsearch.models.components.objectives import Objective
from hpsearch.models.sources.user_model import user_model

FEATURES = (4,)
THREE, TWO, NUMBER = (
    Objective("classification", 3),
    Objective("classification", 2),
    Objective("regression", 1),
)
layers = keras.layers


class Called(keras.Model):  # type: ignore[misc]  # Keras has no types
    """A model whose output_activation stands in its call, where it cannot be read."""

    def __init__(self, units: int, activation: str | None) -> None:
        super().__init__()
        self.dense = layers.Dense(units, activation=activation)

    def call(self, rows: Any) -> Any:
        return self.dense(rows)


def chain(*parts: Any) -> keras.Model:
    return keras.Sequential([keras.Input(FEATURES), *parts])


def on_rows(function: Any) -> keras.Model:
    rows = keras.Input(FEATURES)
    return keras.Model(rows, function(rows))


def shared() -> keras.Model:
    dense = layers.Dense(4, activation="softmax")
    return on_rows(lambda rows: dense(dense(rows) + rows))


READ = {
    "an argument": (lambda: chain(layers.Dense(3, "softmax")), THREE),
    "a layer": (lambda: chain(layers.Dense(3), layers.Activation("softmax")), THREE),
    "a layer of its own": (lambda: chain(layers.Dense(3), layers.Softmax()), THREE),
    "an operation": (lambda: on_rows(lambda rows: keras.ops.softmax(layers.Dense(3)(rows))), THREE),
    "in a model inside": (lambda: on_rows(chain(layers.Dense(3, "softmax"))), THREE),
    "a layer inside": (lambda: on_rows(chain(layers.Dense(3), layers.Softmax())), THREE),
    "without an input": (lambda: keras.Sequential([layers.Dense(3, "softmax")]), THREE),
    "sigmoid": (lambda: chain(layers.Dense(1, "sigmoid")), TWO),
    "sigmoid as an operation": (lambda: on_rows(lambda r: keras.ops.sigmoid(layers.Dense(1)(r))), TWO),
}

KEPT = {
    "logits": (lambda: chain(layers.Dense(3)), THREE),
    "log_softmax": (lambda: chain(layers.Dense(3, "log_softmax")), THREE),
    "a layer of weights": (lambda: chain(layers.Dense(3), layers.BatchNormalization()), THREE),
    "logits of a call": (lambda: Called(3, None), THREE),
    "one logit of a call": (lambda: Called(1, None), TWO),
    "numbers above 0": (lambda: chain(layers.Dense(1, "relu")), NUMBER),
}

REFUSED = {
    "relu": (lambda: chain(layers.Dense(3, "relu")), THREE, "ends in relu, which outputs neither"),
    "ReLU": (lambda: chain(layers.Dense(3), layers.ReLU()), THREE, "ends in relu, which outputs neither"),
    "sigmoid": (
        lambda: chain(layers.Dense(3, "sigmoid")),
        THREE,
        "classes are mutually exclusive: end without",
    ),
    "constant": (lambda: chain(layers.Dense(1, "softmax")), TWO, "constant: end .* or in Keras' own sigmoid"),
    "constant number": (lambda: chain(layers.Dense(1, "softmax")), NUMBER, "constant: end without"),
    "a call": (lambda: Called(3, "softmax"), THREE, "cannot be removed"),
    "a call of one": (lambda: Called(1, "sigmoid"), TWO, "cannot be removed"),
    "a function": (lambda: chain(layers.Dense(3, keras.ops.softmax)), THREE, "cannot be removed"),
    "shared": (shared, Objective("classification", 4), "is called more than once"),
}


def rows() -> Any:
    return np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


class TestEndings:
    @pytest.mark.parametrize("own", [False, True], ids=["plain", "compiled"])
    @pytest.mark.parametrize("case", READ)
    def test_an_activation_is_taken_off(self, case: str, own: bool) -> None:
        """What is left, followed by the activation, is the model as it was."""
        make, objective = READ[case]
        model, x = make(), rows()
        before = np.asarray(model(x))
        if own:
            loss = objective.keras_loss(from_logits=False)
            model.compile(loss=loss)
        found = user_model(model, objective, FEATURES)
        inputs = keras.Input(FEATURES)
        logits = keras.Model(inputs, found.connect(inputs))
        with found.as_logits():
            given = logits(x)
        assert np.asarray(given).min() < 0
        np.testing.assert_allclose(objective.predictions(given), before, rtol=1e-5)
        if own:
            # It trains by its own loss on what it gave before.
            np.testing.assert_array_equal(np.asarray(model(x)), before)
        exported = found.exported()
        np.testing.assert_allclose(objective.predictions(exported(x)), before, rtol=1e-5)

    @pytest.mark.parametrize("case", KEPT)
    def test_others_stay_as_they_are(self, case: str) -> None:
        make, objective = KEPT[case]
        model, x = make(), rows()
        before = np.asarray(model(x))
        inputs = keras.Input(FEATURES)
        logits = keras.Model(inputs, user_model(model, objective, FEATURES).connect(inputs))
        np.testing.assert_array_equal(np.asarray(logits(x)), before)

    @pytest.mark.parametrize("case", REFUSED)
    @pytest.mark.filterwarnings("ignore:You are using a softmax")
    def test_what_the_task_has_no_use_for_is_refused(self, case: str) -> None:
        make, objective, told = REFUSED[case]
        model = make()
        model(rows())
        with pytest.raises(ModelError, match=told):
            user_model(model, objective, FEATURES)


class TestCompiled:
    @pytest.mark.parametrize(
        ("activation", "from_logits", "told"),
        [
            ("softmax", True, "expects logits, but the model ends in softmax"),
            (None, False, "but the model gives"),
        ],
    )
    def test_a_loss_that_contradicts_the_ending_is_refused(
        self, activation: str | None, from_logits: bool, told: str
    ) -> None:
        model = chain(layers.Dense(3, activation))
        model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits))
        with pytest.raises(ModelError, match=told):
            user_model(model, THREE, FEATURES)

    def test_its_own_optimizer_counts_where_it_says_anything_of_its_own(self) -> None:
        model, beside = chain(layers.Dense(3)), keras.optimizers.Adam(0.003)
        for given in ("rmsprop", "adam", keras.optimizers.Adam(0.003)):
            model.compile(given, "mse")
            assert user_model(model, THREE, FEATURES).optimizer_beside(beside) is None
        for given in ("sgd", keras.optimizers.Adam(0.01)):
            model.compile(given, "mse")
            assert user_model(model, THREE, FEATURES).optimizer_beside(beside) is model.optimizer

    def test_methods_that_are_not_gone_through_are_refused(self) -> None:
        class Own(keras.Model):  # type: ignore[misc]
            def predict_step(self, *_: Any) -> Any:
                raise NotImplementedError

        inputs = keras.Input(FEATURES)
        with pytest.raises(ModelError, match="its own predict_step"):
            user_model(Own(inputs, layers.Dense(3)(inputs)), THREE, FEATURES)
