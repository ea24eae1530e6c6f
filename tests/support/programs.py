"""A model of Keras through a compiled program, and through `fit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np

from hpsearch.training.compiled.keras_model.execution import CompiledModel
from hpsearch.training.compiled.keras_model.programs import Programs

ROWS, BATCH = 20, 8
WHOLE_ROWS = 24
"""As many batches, all of one size: a smaller one takes a program of its own, which is slow to compile."""


def rows_of(model: keras.Model, classes: int = 0, rows: int = ROWS) -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, *model.input_shape[1:])).astype(np.float32)
    if classes:
        return x, generator.integers(0, classes, rows).astype(np.int32)
    return x, generator.normal(size=(rows, *model.output_shape[1:])).astype(np.float32)


def order_of(rows: tuple[Any, Any]) -> Any:
    return np.random.default_rng(1).permutation(len(rows[0])).astype(np.int32)


def compiled(model: keras.Model, programs: Programs, **options: Any) -> CompiledModel:
    model.optimizer.build(model.trainable_variables)
    return CompiledModel(model, model, programs, **options)


def run(program: CompiledModel, rows: tuple[Any, Any], epochs: int = 2) -> list[float]:
    rates = np.full(-(-len(rows[0]) // BATCH), float(program.trained.optimizer.learning_rate), np.float32)
    data = (jax.device_put(rows[0]), jax.device_put(rows[1]))
    order = order_of(rows)
    return [program.fit(data, order, rates, BATCH)[0].history["loss"][0] for _ in range(epochs)]


def fitted(model: keras.Model, rows: tuple[Any, Any], epochs: int = 2) -> list[float]:
    """Train as `run` does, an epoch a call, as the fit trainer does."""
    order = order_of(rows)
    x, y = rows[0][order], rows[1][order]
    told = [model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0) for _ in range(epochs)]
    return [one.history["loss"][-1] for one in told]


def state_of(model: keras.Model) -> list[Any]:
    return [np.asarray(variable.value) for variable in (*model.variables, *model.optimizer.variables)]


def check_shared(
    build: Callable[[int], keras.Model],
    *,
    shared: bool | None = None,
    epochs: int = 2,
    classes: int = 0,
    whole: bool = False,
) -> None:
    """Hold a program that was made with one set of numbers, and fed another, against `fit`.

    Where `shared` is not None it tells whether both sets must have one structure. With `whole` the last batch
    is as large as the others.
    """
    programs = Programs()
    models = [build(0), build(1)]
    data = rows_of(models[0], classes, WHOLE_ROWS if whole else ROWS)
    first, second = (compiled(model, programs) for model in models)
    assert first.key is not None
    if shared is not None:
        assert (first.key == second.key) is shared
    run(first, data, epochs)
    made = programs.compilations
    losses = run(second, data, epochs)
    assert (programs.compilations == made) is (first.key == second.key)
    other = build(1)
    np.testing.assert_allclose(losses, fitted(other, data, epochs), rtol=1e-6, atol=1e-6)
    for found, expected in zip(state_of(models[1]), state_of(other), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-6)
