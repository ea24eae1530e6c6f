"""Models and their first weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy import signal, stats

from hpsearch.data import Scaling
from hpsearch.data.scaling import fit_scaling
from hpsearch.models.components.feature_curves import curved
from hpsearch.models.components.initializers import INITIALIZERS, WITHOUT_SEED
from hpsearch.models.components.objectives import Objective
from hpsearch.models.model import export_model, initial_weights, save_model, training_model
from hpsearch.models.saved import load_stock
from hpsearch.models.weights import weights_of
from hpsearch.seeds import derive
from hpsearch.spec import Configuration
from hpsearch.spec.sections.activations import ACTIVATIONS
from hpsearch.spec.sections.study import read_configuration

OBJECTIVE = Objective("classification", 3)
FEATURES = (40,)


def configuration(**model: Any) -> Configuration:
    raw = {"model": {"mlp": {"hidden": [30, 30], **model}}, "training": {"epochs": 1}}
    return read_configuration(raw)


def drawn(seed: int = 1, features: tuple[int, ...] = FEATURES, **model: Any) -> dict[str, Any]:
    return initial_weights(configuration(**model), features, OBJECTIVE, seed)


def convolved(images: Any, kernel: Any) -> Any:
    """Correlate images (n, h, w, c) with kernels (k, k, c, filters) where they fit."""
    return np.stack(
        [
            np.stack(
                [
                    signal.correlate(image, kernel[..., f], mode="valid")[..., 0]
                    for f in range(kernel.shape[-1])
                ],
                axis=-1,
            )
            for image in images
        ]
    )


def pooled(images: Any, size: int, reduce: Any) -> Any:
    """Reduce squares of images (n, h, w, c) that do not overlap."""
    rows, columns = images.shape[1] // size, images.shape[2] // size
    cut = images[:, : rows * size, : columns * size].reshape(-1, rows, size, columns, size, images.shape[-1])
    return reduce(cut, axis=(2, 4))


class TestFirstWeights:
    def test_equal_across_calls(self) -> None:
        keras.utils.set_random_seed(1)
        first = drawn()
        keras.utils.set_random_seed(2)
        second = drawn()
        assert set(first) == set(second)
        for name, array in first.items():
            np.testing.assert_array_equal(array, second[name])
            assert array.dtype == np.float32

    def test_each_layer_and_seed_has_its_own(self) -> None:
        first, second = drawn(1, hidden=[40, 40]), drawn(2, hidden=[40, 40])
        kernels = [weights[f"hidden_{n}/kernel"] for weights in (first, second) for n in (1, 2)]
        for index, one in enumerate(kernels):
            for other in kernels[:index]:
                assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.1

    def test_not_affected_by_other_layers(self) -> None:
        known = drawn()
        for change in (
            {"hidden": [30, 30, 30]},
            {"batch_norm": "before_activation", "dropout": 0.5, "l1": 0.1},
            {"activation": "prelu"},
            {"initializer": ["he_normal", "glorot_uniform"]},
            {"output_initializer": "zeros"},
        ):
            other = drawn(**change)
            np.testing.assert_array_equal(other["hidden_2/kernel"], known["hidden_2/kernel"])
        assert not np.array_equal(drawn(initializer="he_normal")["hidden_1/kernel"], known["hidden_1/kernel"])

    @pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal", "random_normal"])
    def test_not_affected_by_how_many_numbers_are_drawn_at_once(self, initializer: str) -> None:
        """Small arrays share the compiled drawing of a larger one of their network."""
        alone, beside = (drawn(hidden=[units, 30], initializer=initializer) for units in (30, 3_000))
        np.testing.assert_array_equal(beside["output/kernel"], alone["output/kernel"])

    @pytest.mark.slow
    @pytest.mark.parametrize("name", sorted(set(INITIALIZERS) - WITHOUT_SEED))
    def test_equal_to_those_of_keras(self, name: str) -> None:
        kernel = drawn(3, hidden=[70], initializer=name)["hidden_1/kernel"]
        initializer = keras.initializers.get(
            {"class_name": name, "config": {"seed": derive(3, "kernel", "hidden_1") % 2**31}}
        )
        expected = initializer((40, 70), dtype="float32")
        np.testing.assert_allclose(kernel, expected, atol=5e-6 * kernel.std())

    @pytest.mark.parametrize(
        ("initializer", "deviation"),
        [
            ("glorot_uniform", math.sqrt(2 / (300 + 200))),
            ("glorot_normal", math.sqrt(2 / (300 + 200))),
            ("he_uniform", math.sqrt(2 / 300)),
            ("he_normal", math.sqrt(2 / 300)),
            ("lecun_uniform", math.sqrt(1 / 300)),
            ("lecun_normal", math.sqrt(1 / 300)),
            ({"random_normal": {"stddev": 0.3}}, 0.3),
            ({"random_uniform": {"minval": -0.6, "maxval": 0.6}}, 0.6 / math.sqrt(3)),
            # A normal distribution cut off at two deviations.
            ({"truncated_normal": {"stddev": 0.3}}, 0.3 * stats.truncnorm(-2, 2).std()),
            (
                {"variance_scaling": {"scale": 3.0, "mode": "fan_out", "distribution": "uniform"}},
                math.sqrt(3 / 200),
            ),
        ],
    )
    def test_distribution(self, initializer: Any, deviation: float) -> None:
        kernel = drawn(features=(300,), hidden=[200], initializer=initializer)["hidden_1/kernel"]
        assert kernel.shape == (300, 200)
        # 60,000 numbers: the deviation is known to about 0.3 %, the mean to 0.4 % of it.
        assert kernel.std() == pytest.approx(deviation, rel=0.02)
        assert abs(kernel.mean()) < 0.02 * deviation
        name = initializer if isinstance(initializer, str) else next(iter(initializer))
        if name.endswith("uniform") or name == "variance_scaling":
            assert abs(kernel).max() <= deviation * math.sqrt(3) * (1 + 1e-6)
        elif name == "random_normal":
            assert abs(kernel).max() > 3.5 * deviation
        else:
            assert abs(kernel).max() < 2.3 * deviation

    @pytest.mark.slow
    def test_orthogonal_identity_and_constant(self) -> None:
        kernel = drawn(initializer={"orthogonal": {"gain": 2.0}})["hidden_1/kernel"]
        np.testing.assert_allclose(kernel.T @ kernel, 4 * np.eye(30), atol=1e-5)
        kernel = drawn(initializer={"identity": {"gain": 0.5}})["hidden_1/kernel"]
        np.testing.assert_array_equal(kernel, 0.5 * np.eye(40, 30))
        assert (drawn(initializer={"constant": {"value": 0.3}})["hidden_2/kernel"] == np.float32(0.3)).all()
        assert (drawn(output_initializer="zeros")["output/kernel"] == 0).all()

    def test_what_is_constant_stays_so_beside_what_is_drawn(self) -> None:
        """Drawings are compiled by shape and shared; none of them touches what is not drawn."""
        constant = {"zeros": 0.0, "ones": 1.0, "constant": 0.0}
        for name, value in [*constant.items(), ("random_normal", 0.0), ("truncated_normal", 0.0)]:
            still = name if name in constant else {name: {"stddev": 0.0}}
            kernels = drawn(initializer=["he_normal", still], hidden=[40, 40], seed=4)
            assert kernels["hidden_1/kernel"].std() > 0.1
            assert (kernels["hidden_2/kernel"] == value).all(), name
            again = drawn(initializer=["he_normal", "glorot_normal"], hidden=[40, 40], seed=4)
            np.testing.assert_array_equal(again["hidden_1/kernel"], kernels["hidden_1/kernel"])
            assert again["hidden_2/kernel"].std() > 0.1

    def test_biases_are_zero_and_batch_norm_is_neutral(self) -> None:
        weights = drawn(batch_norm="before_activation")
        for name, value in (
            ("hidden_1/bias", 0),
            ("batch_norm_2/gamma", 1),
            ("batch_norm_2/moving_variance", 1),
        ):
            assert (weights[name] == value).all()
        for name in ("batch_norm_1/beta", "batch_norm_1/moving_mean", "output/bias"):
            assert (weights[name] == 0).all()

    def test_each_prelu_has_its_own_slopes(self) -> None:
        prelu = {"prelu": {"alpha_initializer": {"random_uniform": {"minval": 0.1, "maxval": 0.3}}}}
        weights = drawn(activation=prelu)
        first, second = weights["activation_1/alpha"], weights["activation_2/alpha"]
        assert first.min() >= 0.1
        assert first.max() <= 0.3
        assert not np.array_equal(first, second)

    def test_images_are_flattened(self) -> None:
        assert drawn(features=(4, 5, 2))["hidden_1/kernel"].shape == (40, 30)


def cnn(**model: Any) -> Configuration:
    return read_configuration({"model": {"cnn": {"filters": [5, 4], **model}}, "training": {"epochs": 1}})


class TestFirstWeightsOfConvolutions:
    @pytest.mark.parametrize(
        ("initializer", "deviation"),
        [
            ("he_normal", math.sqrt(2 / (3 * 3 * 20))),
            ("glorot_uniform", math.sqrt(2 / (3 * 3 * 20 + 3 * 3 * 40))),
            ("lecun_normal", math.sqrt(1 / (3 * 3 * 20))),
        ],
    )
    def test_distribution(self, initializer: str, deviation: float) -> None:
        """A kernel's fans count its height and width: 7,200 numbers, whose deviation is known to 1 %."""
        config = cnn(filters=[40], initializer=initializer)
        kernel = initial_weights(config, (8, 8, 20), OBJECTIVE, 1)["hidden_1/kernel"]
        assert kernel.shape == (3, 3, 20, 40)
        assert kernel.std() == pytest.approx(deviation, rel=0.04)

    @pytest.mark.parametrize(
        ("model", "shapes"),
        [
            ({}, [(3, 3, 1, 5), (3, 3, 5, 4), (2 * 3 * 4, 3)]),
            ({"head": "global_average"}, [(3, 3, 1, 5), (3, 3, 5, 4), (4, 3)]),
            ({"pooling": ["none", {"average": {"size": 3}}]}, [(3, 3, 1, 5), (3, 3, 5, 4), (2 * 4 * 4, 3)]),
            (
                {"padding": "valid", "kernel": [3, 2], "hidden": [7]},
                [(3, 3, 1, 5), (2, 2, 5, 4), (1 * 2 * 4, 7), (7, 3)],
            ),
        ],
    )
    def test_shapes_are_those_of_keras(self, model: Any, shapes: list[Any]) -> None:
        config = cnn(**model)
        weights = initial_weights(config, (8, 12), OBJECTIVE, 1)
        kernels = {name: array.shape for name, array in weights.items() if name.endswith("kernel")}
        assert list(kernels.values()) == shapes
        built = weights_of(training_model(config, (8, 12), OBJECTIVE, 1))
        assert {name: array.shape for name, array in built.items()}.items() <= {
            name: array.shape for name, array in weights.items()
        }.items()

    def test_prelu_has_one_slope_for_each_channel(self) -> None:
        weights = initial_weights(cnn(activation="prelu"), (8, 8), OBJECTIVE, 1)
        assert weights["activation_1/alpha"].shape == (1, 1, 5)


class TestTrainingModel:
    def test_layers_of_each_kind_and_place(self) -> None:
        config = configuration(
            batch_norm=["before_activation", "after_activation"],
            dropout=[0.0, 0.3],
            l1=[0.0, 0.1],
            l2=[0.2, 0.0],
            input_batch_norm={"batch_norm": {"momentum": 0.7}},
            input_dropout=0.1,
            alpha_dropout=[0.2, 0.0],
            activity_l1=[0.0, 0.3],
        )
        model = training_model(config, FEATURES, OBJECTIVE, 0)
        names = [layer.name for layer in model.layers][1:]
        inputs = ["input_batch_norm", "input_dropout"]
        first = ["hidden_1", "batch_norm_1", "activation_1", "alpha_dropout_1"]
        second = ["hidden_2", "activation_2", "activity_2", "batch_norm_2", "dropout_2"]
        assert names == [*inputs, *first, *second, "output"]
        assert model.get_layer("dropout_2").rate == 0.3
        assert model.get_layer("input_dropout").rate == 0.1
        assert isinstance(model.get_layer("alpha_dropout_1"), keras.layers.AlphaDropout)
        assert model.get_layer("alpha_dropout_1").rate == 0.2
        assert model.get_layer("input_batch_norm").get_config()["momentum"] == 0.7
        activity = model.get_layer("activity_2").get_config()
        assert (activity["l1"], activity["l2"]) == (0.3, 0.0)
        penalties = [model.get_layer(name).kernel_regularizer for name in ("hidden_1", "hidden_2", "output")]
        assert penalties[2] is None
        strengths = [strength for penalty in penalties[:2] for strength in (penalty.l1, penalty.l2)]
        assert [float(strength) for strength in strengths] == pytest.approx([0.0, 0.2, 0.1, 0.0])
        assert model.output.shape == (None, 3)

    def test_rrelu_is_saved_and_loaded_with_its_slopes(self, tmp_path: Path) -> None:
        config = configuration(activation={"rrelu": {"lower": 0.1, "upper": 0.5}})
        model = training_model(config, FEATURES, OBJECTIVE, 0)
        save_model(model, tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
        rows = np.full((1, 30), -1, np.float32)
        first, second = loaded.get_layer("activation_1"), loaded.get_layer("activation_2")
        drawn = -np.asarray(first(rows, training=True))
        assert 0.1 <= drawn.min() < 0.2
        assert 0.4 < drawn.max() <= 0.5
        np.testing.assert_array_equal(
            drawn, -np.asarray(model.get_layer("activation_1")(rows, training=True))
        )
        assert not np.array_equal(drawn, -np.asarray(second(rows, training=True))), "each layer has its own"
        np.testing.assert_allclose(np.asarray(first(rows)), -0.3, rtol=1e-6)


class TestExportedModel:
    @pytest.mark.parametrize(
        "objective",
        [Objective("classification", 3), Objective("classification", 2), Objective("regression", 1)],
    )
    def test_gives_predictions_of_raw_rows(self, objective: Objective, tmp_path: Path) -> None:
        config = configuration(l2=0.1, dropout=0.5, activation="tanh")
        weights = initial_weights(config, FEATURES, objective, 3)
        draw = np.random.default_rng(0)
        raw = draw.normal(50, 20, (16, 40)).astype(np.float32)
        mean, deviation = draw.normal(5, 1, 40).astype(np.float32), draw.uniform(1, 2, 40).astype(np.float32)
        model = export_model(config, FEATURES, objective, Scaling(0.1, mean, deviation), weights)
        save_model(model, tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)

        tensor = (raw.astype(np.float64) * 0.1 - mean) / deviation
        for layer in ("hidden_1", "hidden_2"):
            tensor = np.tanh(tensor @ weights[f"{layer}/kernel"] + weights[f"{layer}/bias"])
        logits = tensor @ weights["output/kernel"]
        if objective.task == "regression":
            expected = logits
        elif objective.outputs == 2:
            expected = 1 / (1 + np.exp(-logits))
        else:
            expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(loaded.predict(raw, verbose=0), expected, rtol=1e-4, atol=1e-5)
        assert loaded.losses == [], "penalties are for training"
        assert set(weights_of(loaded)) >= {"hidden_1/kernel", "output/bias"}

    def test_inputs_are_normalized_and_rrelu_has_its_mean_slope(self, tmp_path: Path) -> None:
        normalized = {"batch_norm": {"epsilon": 0.5}}
        activation = {"rrelu": {"lower": 0.1, "upper": 0.5}}
        config = configuration(
            hidden=[5], input_batch_norm=normalized, activation=activation, activity_l2=1.0
        )
        weights = initial_weights(config, (4,), OBJECTIVE, 0)
        draw = np.random.default_rng(0)
        gamma, beta, mean, variance = draw.uniform(0.5, 2, (4, 4)).astype(np.float32)
        learned = {"gamma": gamma, "beta": beta, "moving_mean": mean, "moving_variance": variance}
        weights |= {f"input_batch_norm/{name}": value for name, value in learned.items()}
        model = export_model(config, (4,), OBJECTIVE, Scaling(0.5), weights)
        save_model(model, tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)

        rows = draw.normal(0, 2, (6, 4)).astype(np.float32)
        tensor = (0.5 * rows - mean) / np.sqrt(variance + 0.5) * gamma + beta
        tensor = tensor @ weights["hidden_1/kernel"]
        tensor = np.where(tensor < 0, 0.3 * tensor, tensor) @ weights["output/kernel"]
        expected = np.exp(tensor) / np.exp(tensor).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(loaded.predict(rows, verbose=0), expected, rtol=1e-4, atol=1e-5)
        assert isinstance(loaded.get_layer("activation_1"), keras.layers.LeakyReLU)
        assert loaded.losses == [], "penalties are for training"

    def test_a_cnn_gives_predictions_of_raw_images(self, tmp_path: Path) -> None:
        """Against SciPy's correlations and pooling by hand, with every pixel scaled by itself."""
        config = cnn(
            padding="valid",
            kernel=[3, 2],
            pooling=["max", {"average": {"size": 3}}],
            activation="tanh",
            hidden=[6],
            dropout=0.4,
            l2=0.1,
        )
        draw = np.random.default_rng(0)
        mean = draw.normal(5, 1, (10, 13)).astype(np.float32)
        deviation = draw.uniform(1, 2, (10, 13)).astype(np.float32)
        weights = initial_weights(config, (10, 13), OBJECTIVE, 3)
        model = export_model(config, (10, 13), OBJECTIVE, Scaling(0.1, mean, deviation), weights)
        save_model(model, tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)

        raw = draw.normal(50, 20, (4, 10, 13)).astype(np.float32)
        images = ((raw.astype(np.float64) * 0.1 - mean) / deviation)[..., np.newaxis]
        images = pooled(np.tanh(convolved(images, weights["hidden_1/kernel"])), 2, np.max)
        images = pooled(np.tanh(convolved(images, weights["hidden_2/kernel"])), 3, np.mean)
        assert images.shape == (4, 1, 1, 4)
        logits = np.tanh(images.reshape(4, -1) @ weights["hidden_3/kernel"]) @ weights["output/kernel"]
        expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(loaded.predict(raw, verbose=0), expected, rtol=1e-4, atol=1e-5)
        assert loaded.losses == [], "penalties are for training"

    @pytest.mark.slow
    @pytest.mark.parametrize("name", sorted(ACTIVATIONS))
    def test_every_activation_is_saved_and_loaded_safely(self, name: str, tmp_path: Path) -> None:
        arguments = {"threshold": {"threshold": 0.1, "default_value": 0.2}}
        config = configuration(hidden=[5], activation={name: arguments[name]} if name in arguments else name)
        weights = initial_weights(config, (4,), OBJECTIVE, 0)
        model = export_model(config, (4,), OBJECTIVE, Scaling(), weights)
        save_model(model, tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
        rows = np.random.default_rng(0).normal(0, 2, (6, 4)).astype(np.float32)
        np.testing.assert_array_equal(np.asarray(loaded(rows)), np.asarray(model(rows)))
        for layer in loaded.layers:
            assert type(layer).__module__.startswith("keras.src."), layer
        assert not np.allclose(np.asarray(model(rows)), np.asarray(model(rows))[0]), "it depends on the rows"


@pytest.mark.parametrize("features", [(6,), (3, 2)])
@pytest.mark.parametrize("scaling", ["robust", "quantile"])
def test_curves_of_features_are_stock_layers(scaling: str, features: tuple[int, ...], tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    columns = (
        generator.normal(size=900),
        generator.lognormal(0, 3, 900),
        np.where(generator.random(900) < 0.6, 0, generator.exponential(size=900)),
        generator.integers(0, 2, 900),
        generator.normal(size=900) * 1e-20,
        np.full(900, 7),
    )
    x = np.stack(columns, axis=1).astype(np.float32).reshape(-1, *features)
    fitted = fit_scaling(x, scaling, 1.0, (np.arange(6) == 3).reshape(features))
    file = tmp_path / "best.keras"
    given = configuration(), features, OBJECTIVE
    save_model(export_model(*given, fitted, initial_weights(*given, 0), 0), file)
    model = load_stock(file)
    layers = keras.Model(model.input, model.get_layer("hidden_1").input)
    new = np.concatenate([x, x * np.float32(1.01), -x])
    expected = fitted.apply(new).reshape(len(new), 6)
    np.testing.assert_allclose(layers.predict(new, verbose=0), expected, rtol=2e-4, atol=2e-4)


def test_scores_of_the_largest_number_are_finite_whatever_the_number_of_quantiles() -> None:
    for rows in range(600, 15_000, 1_440):
        x = np.minimum(np.arange(rows) % 70, 52).astype(np.float32)[:, np.newaxis]
        fitted = fit_scaling(x, "quantile", 1.0, np.zeros(1, bool))
        given = keras.Input((1,))
        model = keras.Model(given, curved(fitted, given))
        found = model.predict(np.repeat(np.array([[52.0], [53.0], [0.0]], np.float32), 8, axis=0), verbose=0)
        np.testing.assert_allclose(found, np.repeat([[5.2], [5.2], [-5.2]], 8, axis=0), atol=0.01)
