"""What a program says of rows, against the same operations one by one."""

from __future__ import annotations

from typing import Any
from unittest import mock

import jax
import keras
import numpy as np
import pytest

from hpsearch.models.components.objectives import Objective
from hpsearch.training.compiled.keras_model.measures import Measures
from hpsearch.training.compiled.keras_model.operations import ZERO, rounded_apart
from support.compiling import optimized

ROWS = 60


@pytest.mark.parametrize(
    ("task", "outputs", "weighted"),
    [
        ("classification", 4, False),
        ("classification", 2, True),
        ("regression", 1, False),
        ("regression", 3, True),
    ],
)
def test_program_gives_the_bits_of_its_operations(task: str, outputs: int, *, weighted: bool) -> None:
    objective, measures, draw = Objective(task, outputs), Measures(), np.random.default_rng(0)
    numbers = draw.normal(size=(ROWS, outputs) if outputs > 1 else ROWS).astype(np.float32)
    y = numbers if task == "regression" else draw.integers(0, outputs, ROWS).astype(np.int32)
    weights = [draw.random(ROWS).astype(np.float32)] if weighted else []
    for scale in (0.01, 1, 30):
        logits = (scale * draw.normal(size=(ROWS, objective.units))).astype(np.float32)
        rows = tuple(map(keras.ops.convert_to_tensor, (y, logits, *weights)))
        with optimized():
            found, expected = measures.of(objective, rows), objective.of_rows(*rows)
        assert jax.tree.structure(found) == jax.tree.structure(expected)
        jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_program_is_compiled_once_for_a_shape() -> None:
    measures = Measures()
    with mock.patch.object(jax, "jit", wraps=jax.jit) as jit:
        for rows in (8, 8, 9, 8):
            given = tuple(
                map(keras.ops.convert_to_tensor, (np.zeros(rows, np.float32), np.ones((rows, 1), np.float32)))
            )
            measures.of(Objective("regression", 1), given)
    assert jit.call_count == 2


def test_several_labels_are_measured_without_a_program() -> None:
    objective = Objective("multilabel", 3)
    rows = tuple(map(keras.ops.convert_to_tensor, np.ones((2, ROWS, 3), np.float32)))
    with mock.patch.object(Objective, "of_rows", return_value="by operations"):
        assert Measures().of(objective, rows) == "by operations"


def test_product_and_sum_are_rounded_apart() -> None:
    draw = np.random.default_rng(0)
    a, b, c = (draw.normal(size=1000).astype(np.float32) for _ in range(3))

    def computed(a: Any, b: Any, c: Any) -> Any:
        return a * b + c

    with optimized():
        found = jax.jit(rounded_apart(computed))(ZERO, a, b, c)
    assert np.array_equal(found, a * b + c)
