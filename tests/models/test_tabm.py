"""TabM: each member held against a perceptron in NumPy, and their loss and prediction against plain means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from hpsearch.data import load_dataset
from hpsearch.data.named_targets import NamedTarget, TargetLayout
from hpsearch.models.components.joined_objective import joined_objective
from hpsearch.models.components.members import LossOfMembers, merged, of_members
from hpsearch.models.components.objectives import Objective
from hpsearch.models.interface import ModelFiles
from hpsearch.models.model import export_model
from hpsearch.models.sources.kinds import sources_of
from hpsearch.models.sources.tabm import MEMBERS, TabmSource
from hpsearch.models.weights import put_weights, weights_of
from hpsearch.spec import StudySpec, read_configuration
from hpsearch.spec.sections.tabm import Tabm
from hpsearch.training.compiled.keras_model.trainer import KerasModelTrainer
from hpsearch.training.messages import Member

FEATURES, ROWS = 4, np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
SMALL = {"k": 3, "n_blocks": 2, "d_block": 5, "mini": False, "embedding": "none"}


def network(objective: Objective, **given: Any) -> keras.Model:
    model, source = Tabm.model_validate({**SMALL, **given}), TabmSource()
    made = source.network(model, (FEATURES,), objective, 3)
    put_weights(made, source.first_weights(model, made, objective, 3))
    return made


def member(weights: dict[str, NDArray[Any]], number: int) -> NDArray[Any]:
    """Return the logits of a member, as equation 4 of BatchEnsemble in the paper has them."""
    x = ROWS.astype(np.float64)
    for layer in (1, 2):
        r, s = weights[f"adapter_{layer}/kernel"][number], weights[f"scale_{layer}/kernel"][number]
        x = np.maximum(
            s * ((x * r) @ weights[f"hidden_{layer}/kernel"]) + weights[f"scale_{layer}/bias"][number], 0
        )
    return x @ weights["heads/kernel"][number] + weights["heads/bias"][number]


@pytest.mark.slow
def test_each_member_is_a_perceptron_and_their_probabilities_are_averaged() -> None:
    objective = Objective("classification", 3)
    made = network(objective)
    generator = np.random.default_rng(1)
    drawn = {name: generator.normal(size=value.shape) for name, value in weights_of(made).items()}
    put_weights(made, drawn)
    logits = np.stack([member(drawn, number) for number in range(3)], axis=1)
    shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    found = np.exp(np.asarray(made(ROWS, training=False)))
    np.testing.assert_allclose(found, shares.mean(axis=1), rtol=1e-4)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_first_weights_are_as_in_the_paper() -> None:
    weights = weights_of(network(Objective("regression", 1)))
    assert set(np.unique(weights["adapter_1/kernel"])) == {-1.0, 1.0}
    for name in ("scale_1/kernel", "adapter_2/kernel", "scale_2/kernel"):
        np.testing.assert_array_equal(weights[name], 1)
    for number, inputs in ((1, FEATURES), (2, 5)):
        assert 0.2 < np.abs(weights[f"hidden_{number}/kernel"]).max() * np.sqrt(inputs) <= 1
        bias = weights[f"scale_{number}/bias"]
        np.testing.assert_array_equal(bias, np.broadcast_to(bias[0], (3, 5)))
        assert np.ptp(bias) > 0
    assert np.ptp(weights["heads/bias"]) > 0


def test_the_small_form_shares_all_but_the_first_factors_and_the_heads() -> None:
    weights = weights_of(network(Objective("regression", 1), mini=True))
    assert {name for name, value in weights.items() if value.shape[0] == 3} == {
        "adapter_1/kernel",
        "heads/kernel",
        "heads/bias",
    }
    assert weights["hidden_2/bias"].shape == (5,)


OBJECTIVES = {
    "two classes": (Objective("classification", 2), np.array([0, 1, 1, 0])),
    "classes": (Objective("classification", 3), np.array([0, 2, 1, 0])),
    "labels": (Objective("multilabel", 2), np.array([[0, 1], [1, 1], [0, 0], [1, 0]])),
    "a number": (Objective("regression", 1), np.array([0.5, -1, 2, 0.0], np.float32)),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_loss_is_the_mean_of_those_of_the_members(name: str) -> None:
    objective, y = OBJECTIVES[name]
    logits = np.random.default_rng(0).normal(size=(4, 3, objective.units)).astype(np.float32)
    each = [np.asarray(objective.losses(y, logits[:, number])) for number in range(3)]
    rows = logits.reshape(4, -1)
    np.testing.assert_allclose(np.asarray(of_members(objective, rows)), logits)
    found = float(LossOfMembers(objective)(y, rows))
    assert found == pytest.approx(float(np.mean(each)), rel=1e-5)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_is_predicted_is_the_mean_of_what_the_members_predict(name: str) -> None:
    objective, _ = OBJECTIVES[name]
    logits = 5 * np.random.default_rng(0).normal(size=(4, 3, objective.units)).astype(np.float32)
    each = [np.asarray(objective.predictions(logits[:, number])) for number in range(3)]
    found = np.asarray(objective.predictions(merged(objective, logits)))
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=2e-5, atol=1e-7)


def test_extreme_members_leave_finite_logits() -> None:
    objective = Objective("classification", 2)
    logits = np.array([[[200.0], [-300.0]], [[400.0], [400.0]]], np.float32)
    np.testing.assert_allclose(np.asarray(merged(objective, logits)), [[0.0], [400.0]], atol=1e-4)


def test_members_of_several_targets_are_merged_target_by_target() -> None:
    layout = TargetLayout(
        (NamedTarget("price", "regression"), NamedTarget("kind", "classification", ("a", "b", "c")))
    )
    objective = joined_objective(layout, {}, {}, own_rate=False)
    logits = np.random.default_rng(0).normal(size=(4, 2, 4)).astype(np.float32)
    each = [np.asarray(objective.predictions(logits[:, number])) for number in range(2)]
    found = np.asarray(objective.predictions(merged(objective, logits)))
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=2e-5)
    assert MEMBERS == "members"


@pytest.mark.slow
@pytest.mark.parametrize(
    "model", [{"tabm": SMALL}, pytest.param({"realmlp": {"hidden": [6]}}, marks=pytest.mark.long)]
)
def test_standardized_targets_are_told_and_exported_in_their_own_units(model: dict[str, Any]) -> None:
    raw = {"sklearn": "diabetes", "standardize": True, "target_transform": "standard"}
    spec = StudySpec.model_validate({"name": "a", "data": raw, "model": model, "training": {"epochs": 1}})
    data = load_dataset(spec.data, Path())
    sources = sources_of(spec, ModelFiles(Path()), data)
    one = read_configuration({"model": spec.model.dump(), "training": spec.training.dump()})
    trainer = KerasModelTrainer(data, sources=sources)
    trainer.start(Member(0, one, 3))
    told = trainer.advance(0).metrics
    assert trainer.new_notes() == ()
    objective, split = trainer.objective_of(one, data.splits[0]), data.splits[0]
    made = export_model(
        one, data.features, objective, split.scaling, trainer.best_weights(0) or {}, 3, sources
    )
    rows = data.raw(0, "validation")
    given = made.predict(rows.x, verbose=0)[:, 0]
    assert np.abs(given - rows.y).mean() == pytest.approx(told["val_mae"], rel=1e-4)
    assert np.square(given - rows.y).mean() == pytest.approx(told["val_loss"], rel=1e-4)
    assert told["loss"] > 1000
