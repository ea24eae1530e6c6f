"""Weights of rows in every trainer, against plain Keras."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from support.plain_fit import TRAINERS, check_alike, column, configuration, fitted, made_rows, trained

pytestmark = pytest.mark.slow

PLAIN: dict[int, tuple[Any, Any]] = {
    1: (keras.losses.MeanSquaredError, column),
    2: (lambda: keras.losses.BinaryCrossentropy(from_logits=True), column),
    3: (lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True), np.asarray),
}
QUICK = {("compiled", 2)}
CASES = [
    pytest.param(name, outputs, marks=[] if (name, outputs) in QUICK else pytest.mark.long)
    for name in TRAINERS
    for outputs in PLAIN
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


@cache
def plain(folder: Path, outputs: int, *, weighted: bool = True) -> Any:
    dataset = made_rows(folder, outputs, weighted=True)
    loss, form = PLAIN[outputs]
    given = {"sample_weight": dataset.splits[0].train.weights} if weighted else {}
    return fitted(dataset, configuration(), loss(), form=form, **given)


@pytest.mark.parametrize(("name", "outputs"), CASES)
def test_losses_of_weighted_rows_are_those_of_keras(name: str, outputs: int, folder: Path) -> None:
    dataset = made_rows(folder, outputs, weighted=True)
    check_alike(trained(TRAINERS[name](dataset), configuration()), plain(folder, outputs))


@pytest.mark.long
@pytest.mark.parametrize("outputs", PLAIN)
def test_weights_matter(outputs: int, folder: Path) -> None:
    with_weights, without = (plain(folder, outputs, weighted=weighted)[1] for weighted in (True, False))
    assert any(np.abs(without[weight] - with_weights[weight]).max() > 1e-3 for weight in without)
