"""RealMLP, held against the formulas of its paper in NumPy and against scikit-learn and plain Keras."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import RobustScaler

from hpsearch.data import Dataset, load_dataset
from hpsearch.models.components.objectives import Objective
from hpsearch.models.components.robust_scale import robust_weights
from hpsearch.models.sources.kinds import Sources
from hpsearch.models.sources.realmlp import OUTPUT, RealMlpSource, group_of, rate_factors
from hpsearch.spec import Data, read_configuration
from hpsearch.spec.sections.realmlp import RealMlp
from hpsearch.training.compiled.keras_model.trainer import KerasModelTrainer
from hpsearch.training.fit.inner_network import RealMlpNetwork, smoothed_objective
from hpsearch.training.messages import Member

OBJECTIVE = Objective("regression", 1)
SMALL = {"hidden": [6, 5], "embedding": {"pbld": {"frequencies": 3, "size": 3}}}


@cache
def diabetes() -> Dataset:
    return load_dataset(Data.model_validate({"sklearn": "diabetes"}), Path())


def fitted(model: RealMlp, objective: Objective = OBJECTIVE) -> keras.Model:
    source, train = RealMlpSource(), diabetes().splits[0].train
    network = source.network(model, diabetes().features, objective, 3)
    weights = source.first_weights(model, network, objective, 3)
    for layer in network.layers:
        if f"{layer.name}/kernel" in weights and layer.name in ("hidden_1", "hidden_2", OUTPUT):
            layer.kernel.assign(weights[f"{layer.name}/kernel"])
    source.fit_to(model, network, train, objective, 3)
    return network


@cache
def small() -> keras.Model:
    return fitted(RealMlp.model_validate(SMALL))


def of_layer(network: keras.Model, name: str, rows: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(keras.Model(network.inputs[0], network.get_layer(name).output)(rows))


def test_rows_are_scaled_as_scikit_learn_does_and_clipped_smoothly() -> None:
    rows = diabetes().splits[0].train.x
    factors, offsets = robust_weights(rows, ())
    robust = RobustScaler().fit(rows)
    told = rows[:, [0, 2, 3]] * factors[[0, 2, 3]] + offsets[[0, 2, 3]]
    np.testing.assert_allclose(told, robust.transform(rows)[:, [0, 2, 3]], rtol=1e-4, atol=1e-5)
    scaled = rows * factors + offsets
    clipped = scaled / np.sqrt(1 + (scaled / 3) ** 2)
    network = small()
    entering = keras.Model(network.inputs[0], network.get_layer("themselves").input)
    np.testing.assert_allclose(np.asarray(entering(rows)), clipped, rtol=1e-4, atol=1e-5)


def test_equal_quartiles_give_way_to_the_range_and_constants_to_zero() -> None:
    rows = np.array([[0, 7, 0], [0, 7, 0], [0, 7, 0], [0, 7, 1], [0, 7, 1], [4, 7, 1]], np.float32)
    factors, offsets = robust_weights(rows, (2,))
    np.testing.assert_allclose(factors, [0.5, 0, 1])
    np.testing.assert_allclose(offsets, [0, 0, 0])


def test_each_unit_begins_with_a_deviation_of_one_and_is_zero_amid_the_rows() -> None:
    network, rows = small(), diabetes().splits[0].train.x
    for name in ("hidden_1", "hidden_2", OUTPUT):
        units = of_layer(network, name, rows)
        np.testing.assert_allclose(units.std(axis=0), 1, rtol=1e-4)
        assert (units.min(axis=0) < 0).all()
        assert (units.max(axis=0) > 0).all()


def test_the_network_is_the_formula_of_the_paper() -> None:
    network, rows = small(), diabetes().splits[0].validation.x[:20]
    entering = keras.Model(network.inputs[0], network.get_layer("input_scale").output)
    x = np.asarray(entering(rows), np.float64)
    for number in (1, 2):
        kernel, bias = network.get_layer(f"hidden_{number}").get_weights()
        z = x @ kernel / np.sqrt(x.shape[1]) + bias
        x = z * np.tanh(np.log1p(np.exp(z)))
    kernel, bias = network.get_layer(OUTPUT).get_weights()
    y = diabetes().splits[0].train.y
    told = np.clip(x @ kernel / np.sqrt(5) + bias, y.min(), y.max())
    np.testing.assert_allclose(np.asarray(network(rows, training=False)), told, rtol=1e-5, atol=1e-5)
    network.get_layer(OUTPUT).bias.assign([1e6])
    np.testing.assert_array_equal(np.asarray(network(rows, training=False)), y.max())
    network.get_layer(OUTPUT).bias.assign(bias)


def test_classes_have_selu_and_no_bounds() -> None:
    network = fitted(RealMlp.model_validate(SMALL), Objective("classification", 3))
    names = [layer.name for layer in network.layers]
    assert names[-1] == OUTPUT
    assert network.get_layer("activation_1").activation is keras.activations.selu


@pytest.mark.slow
def test_groups_of_variables_learn_at_their_rates_as_plain_optimizers_do() -> None:
    model = RealMlp.model_validate(SMALL)
    one, other = fitted(model), fitted(model)
    factors = rate_factors(model, OBJECTIVE)
    optimizer = keras.optimizers.Adam(0.01, weight_decay=0.1)
    factors.put_into(optimizer, group_of)
    gradients = [np.random.default_rng(0).normal(size=v.shape) for v in one.trainable_variables]
    plain = [
        keras.optimizers.Adam(0.01 * getattr(factors, group_of(v)), weight_decay=0.1)
        for v in other.trainable_variables
    ]
    for _ in range(3):
        optimizer.apply(list(map(keras.ops.convert_to_tensor, gradients)), one.trainable_variables)
        for each, gradient, variable in zip(plain, gradients, other.trainable_variables, strict=True):
            each.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    for mine, theirs in zip(one.trainable_variables, other.trainable_variables, strict=True):
        np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=2e-6, atol=1e-7)


def test_every_group_has_its_factor() -> None:
    network, model = small(), RealMlp.model_validate(SMALL)
    found = {variable.path: group_of(variable) for variable in network.trainable_variables}
    assert found == {
        "frequencies/kernel": "embedding",
        "frequencies/bias": "embedding",
        "embedding/kernel": "embedding",
        "embedding/bias": "embedding",
        "input_scale/kernel": "scale",
        **{f"{layer}/kernel": "weights" for layer in ("hidden_1", "hidden_2", OUTPUT)},
        **{f"{layer}/bias": "biases" for layer in ("hidden_1", "hidden_2", OUTPUT)},
        **{f"activation_{number}_share/kernel": "activation" for number in (1, 2)},
    }
    told = vars(rate_factors(model, OBJECTIVE))
    assert told == {"weights": 5.0, "biases": 0.5, "scale": 30.0, "embedding": 0.5, "activation": 0.5}
    assert vars(rate_factors(model, Objective("classification", 3)))["scale"] == 6.0


@pytest.mark.parametrize(("outputs", "name"), [(2, "binary_crossentropy"), (3, "categorical_crossentropy")])
def test_labels_are_smoothed_in_training_alone(outputs: int, name: str) -> None:
    plain = Objective("classification", outputs)
    smoothed = smoothed_objective(plain, 0.1)
    assert smoothed.loss_name == name
    logits = np.random.default_rng(0).normal(size=(20, plain.units)).astype(np.float32)
    y = np.random.default_rng(1).integers(outputs, size=20)
    both = logits if outputs > 2 else np.concatenate([np.zeros_like(logits), logits], axis=1)
    logs = both - np.log(np.exp(both).sum(axis=1, keepdims=True))
    shares = 0.9 * np.eye(outputs)[y] + 0.1 / outputs
    found = float(smoothed.keras_loss(from_logits=True)(y, logits))
    assert found == pytest.approx(-float(np.sum(shares * logs, axis=1).mean()), rel=1e-5)
    assert smoothed_objective(OBJECTIVE, 0.1) == OBJECTIVE
    assert smoothed_objective(plain, 0.0) == plain


@pytest.mark.slow
def test_numbers_of_a_configuration_share_a_program() -> None:
    trainer = KerasModelTrainer(diabetes(), sources=Sources({"realmlp": RealMlpSource()}))

    def begin(number: int, model: dict[str, Any], **training: Any) -> RealMlpNetwork:
        raw = {
            "model": {"realmlp": {**SMALL, **model}},
            "training": {**RealMlp.recipe, "epochs": 1, **training},
        }
        trainer.start(Member(number, read_configuration(raw), number))
        assert trainer.advance(number).failure is None
        return trainer._slots[number].networks[0]

    begin(0, {})
    made = trainer.programs.compilations
    second = begin(1, {"scale_rate": 3.0, "bias_rate": 0.2, "dropout": 0.3}, learning_rate=0.01)
    assert trainer.programs.compilations == made
    assert second.trained.output.shape == second.model.output.shape == (None, 1)
    assert second.trained.layers[-1].name == OUTPUT
