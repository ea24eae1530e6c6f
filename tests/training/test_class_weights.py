"""Weights of classes in every trainer, against plain Keras and scikit-learn."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from hpsearch.training.class_weights import weights_of_classes
from hpsearch.training.compiled import CompiledTrainer
from hpsearch.training.compiled.forward.options import program_options
from support.plain_fit import TRAINERS, check_alike, column, configuration, fitted, made_rows, trained

pytestmark = pytest.mark.slow

GIVEN = {"1": 3.0, "2": 0.25}
QUICK = {("structure", 2, "given")}
CASES = [
    pytest.param(*case, marks=[] if case in QUICK else pytest.mark.long)
    for case in (
        (name, classes, kind) for name in TRAINERS for classes in (2, 3) for kind in ("balanced", "given")
    )
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


def written(classes: int, kind: str) -> Any:
    """Write the weights as a study file does; a class that is left out has the weight 1."""
    return kind if kind == "balanced" else {name: GIVEN[name] for name in ("1", "2")[: classes - 1]}


@cache
def plain(folder: Path, classes: int, kind: str) -> Any:
    dataset = made_rows(folder, classes)
    y = dataset.splits[0].train.y
    given = {number: GIVEN.get(str(number), 1.0) for number in range(classes)}
    if kind == "balanced":
        given = dict(enumerate(compute_class_weight("balanced", classes=np.arange(classes), y=y)))
    loss = keras.losses.BinaryCrossentropy if classes == 2 else keras.losses.SparseCategoricalCrossentropy
    form = column if classes == 2 else np.asarray
    return fitted(dataset, configuration(), loss(from_logits=True), form=form, class_weight=given)


@pytest.mark.parametrize(("name", "classes", "kind"), CASES)
def test_losses_of_weighted_classes_are_those_of_keras(
    name: str, classes: int, kind: str, folder: Path
) -> None:
    dataset, config = made_rows(folder, classes), configuration(class_weight=written(classes, kind))
    check_alike(trained(TRAINERS[name](dataset), config), plain(folder, classes, kind))


def test_weights_are_those_of_scikit_learn_or_given_by_name(folder: Path) -> None:
    dataset = made_rows(folder, 3)
    rows, labels = dataset.splits[0].train, dataset.labels

    def weights(given: Any) -> Any:
        return weights_of_classes(configuration(class_weight=given).training, rows, labels)

    expected = compute_class_weight("balanced", classes=np.arange(3), y=rows.y)
    np.testing.assert_allclose(weights("balanced"), expected, rtol=1e-6)
    np.testing.assert_array_equal(weights({1: 3, "2": 0.25}), np.array([1, 3, 0.25], np.float32))
    assert weights("none") is None
    assert weights_of_classes(configuration().training, rows, labels) is None


@pytest.mark.long
def test_one_program_serves_trials_whose_class_weights_differ(folder: Path) -> None:
    """Where weights are searched they are fed in; a trial without them has ones."""
    dataset = made_rows(folder, 2)
    options = program_options(configuration(class_weight="balanced"))
    searched = CompiledTrainer(dataset, options=options)
    own = CompiledTrainer(dataset)
    for given in ("none", "balanced"):
        config = configuration(class_weight=given)
        (found, weights), (expected, others) = trained(searched, config), trained(own, config)
        for report, alone in zip(found, expected, strict=True):
            assert report.metrics == pytest.approx(alone.metrics)
        for name in others:
            np.testing.assert_allclose(weights[name], others[name], rtol=1e-6, atol=1e-7)
