"""Embeddings of numbers and categories, held against the formulas of their papers in NumPy."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from hpsearch.data import Dataset, load_dataset
from hpsearch.exceptions import ModelError
from hpsearch.models.components.embeddings import FeatureLayout, ruled_size
from hpsearch.models.components.objectives import Objective
from hpsearch.models.interface import ModelFiles
from hpsearch.models.model import export_model
from hpsearch.models.predictions import predictions_of
from hpsearch.models.saved import load_stock
from hpsearch.models.sources.kinds import Sources, sources_of
from hpsearch.spec import Data, StudySpec, read_configuration
from hpsearch.training.compiled.keras_model.trainer import KerasModelTrainer
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.messages import Member
from hpsearch.training.trainer import Trainer

OBJECTIVE = Objective("regression", 1)
TRAINING = {"epochs": 2, "batch_size": 64, "optimizer": "adam", "learning_rate": 0.01}


@cache
def diabetes(**options: Any) -> Dataset:
    raw = {"sklearn": "diabetes", "standardize": True, **options}
    return load_dataset(Data.model_validate(raw), Path())


def study(model: Any, **training: Any) -> StudySpec:
    raw = {"name": "tables", "data": {"sklearn": "diabetes"}, "model": model}
    return StudySpec.model_validate({**raw, "training": {**TRAINING, **training}})


def of(model: Any, dataset: Dataset, **training: Any) -> tuple[Member, Sources]:
    spec = study(model, **training)
    one = Member(0, read_configuration({"model": model, "training": {**TRAINING, **training}}), 7)
    return one, sources_of(spec, ModelFiles(Path()), dataset)


def network(model: Any, dataset: Dataset) -> keras.Model:
    one, sources = of(model, dataset)
    part, source = one.configuration.model, sources.of(one.configuration.model)
    made = source.network(part, dataset.features, OBJECTIVE, 7)
    source.fit_to(part, made, dataset.splits[0].train, OBJECTIVE, 7)
    return made


def inner(made: keras.Model, name: str, rows: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(keras.Model(made.inputs[0], made.get_layer(name).output)(rows))


def encoded(x: float, edges: NDArray[Any], bins: int) -> list[float]:
    """Encode a number by equation 1 of Gorishniy et al. 2022, the last bin in the last place."""
    places = []
    for t in range(1, len(edges)):
        share = (x - edges[t - 1]) / (edges[t] - edges[t - 1])
        if t > 1:
            share = max(share, 0.0)
        if t < len(edges) - 1:
            share = min(share, 1.0)
        places.append(share)
    return [*places[:-1], *[0.0] * (bins - len(places)), places[-1]]


@pytest.mark.parametrize("bins", [2, 3, 8])
def test_numbers_are_encoded_piecewise_linearly_between_training_quantiles(bins: int) -> None:
    data = diabetes()
    made = network({"mlp": {"hidden": [4], "embedding": {"piecewise_linear": {"bins": bins}}}}, data)
    train = data.splits[0].train.x
    rows = np.concatenate([data.splits[0].validation.x[:40], 3 * train[:10]])
    found = inner(made, "places_in_bins", rows)
    for feature in range(rows.shape[1]):
        edges = np.unique(np.quantile(train[:, feature].astype(np.float64), np.linspace(0, 1, bins + 1)))
        if len(edges) > 2:  # the sex has two values, and a single bin
            told = [encoded(float(row[feature]), edges, bins) for row in rows]
            np.testing.assert_allclose(found[:, feature], told, atol=2e-5)


def test_a_feature_with_one_bin_goes_on_in_the_last_place_above_it() -> None:
    data = diabetes()
    made = network({"mlp": {"hidden": [4], "embedding": {"piecewise_linear": {"bins": 8}}}}, data)
    low, high = np.unique(data.splits[0].train.x[:, 1])
    rows = np.zeros((4, 10), np.float32)
    rows[:, 1] = [low - (high - low), low, high, high + 2 * (high - low)]
    places = inner(made, "places_in_bins", rows)[:, 1]
    np.testing.assert_allclose(places[:, 0], [-1, 0, 1, 1], atol=1e-5)
    np.testing.assert_allclose(places[:, -1], [0, 0, 0, 2], atol=1e-5)
    assert not places[:, 1:-1].any()


def test_numbers_turn_into_waves_of_learned_frequencies() -> None:
    periodic = {"periodic": {"frequencies": 5, "sigma": 0.5, "size": 3}}
    made = network({"mlp": {"hidden": [4], "embedding": periodic}}, diabetes())
    rows = diabetes().splits[0].validation.x[:20]
    kernel = np.asarray(made.get_layer("frequencies").kernel)
    weight, bias = (np.asarray(one) for one in made.get_layer("embedding").weights)
    turned = 2 * np.pi * rows[:, :, None] * kernel
    waves = np.concatenate([np.cos(turned), np.sin(turned)], axis=-1)
    told = np.maximum(np.einsum("bik,ikd->bid", waves, weight) + bias, 0)
    np.testing.assert_allclose(inner(made, "embedded_numbers", rows), told.reshape(20, -1), atol=2e-6)
    assert 0.3 < kernel.std() < 0.7


def test_pbld_has_the_feature_itself_beside_its_cosines() -> None:
    made = network({"mlp": {"hidden": [4], "embedding": {"pbld": {"frequencies": 5, "size": 3}}}}, diabetes())
    rows = diabetes().splits[0].validation.x[:20]
    kernel, phase = (np.asarray(one) for one in made.get_layer("frequencies").weights)
    weight, bias = (np.asarray(one) for one in made.get_layer("embedding").weights)
    linear = np.einsum("bik,ikd->bid", np.cos(2 * np.pi * rows[:, :, None] * kernel + phase), weight) + bias
    told = np.concatenate([linear, rows[:, :, None]], axis=-1).reshape(20, -1)
    np.testing.assert_allclose(inner(made, "embedded_numbers", rows), told, atol=2e-6)


@cache
def pets(directory: Path) -> Dataset:
    generator = np.random.default_rng(0)
    lines = ["weight,colour,breed,y"]
    lines += [
        f"{generator.normal():.3f},{'rgb'[number % 3]},breed{number % 12},{generator.normal():.3f}"
        for number in range(120)
    ]
    (directory / "pets.csv").write_text("\n".join(lines))
    raw = {"csv": "pets.csv", "target": "y", "standardize": True}
    return load_dataset(Data.model_validate(raw), directory)


def test_columns_of_many_categories_get_learned_vectors(tmp_path: Path) -> None:
    data = pets(tmp_path)
    assert FeatureLayout.of(data) == FeatureLayout((0,), ((1, 3), (4, 12)))
    made = network(
        {"mlp": {"hidden": [4], "embedding": {"piecewise_linear": {"size": 2}}, "categories": "embedding"}},
        data,
    )
    rows = data.splits[0].validation.x
    found = inner(made, "embedded", rows)
    vectors = np.asarray(made.get_layer("category_1").kernel)
    assert vectors.shape == (12, ruled_size(12)) == (12, 6)
    np.testing.assert_array_equal(found[:, 2:5], rows[:, 1:4])
    np.testing.assert_allclose(found[:, 5:], vectors[rows[:, 4:].argmax(axis=1)], atol=1e-7)


MODELS: dict[str, Any] = {
    "piecewise_linear": {
        "mlp": {"hidden": [8, 8], "embedding": {"piecewise_linear": {"bins": 6, "size": 3}}, "dropout": 0.2}
    },
    "periodic": {
        "mlp": {"hidden": [8], "embedding": {"periodic": {"frequencies": 4, "size": 3}}, "residual": True}
    },
    "tricks": {
        "mlp": {
            "hidden": [8, 8],
            "input_scale": True,
            "residual": True,
            "layer_norm": "before_activation",
            "parametric_activation": True,
            "activation": "mish",
        }
    },
    "realmlp": {"realmlp": {"hidden": [8, 8]}},
    "tabm": {
        "tabm": {
            "k": 3,
            "n_blocks": 2,
            "d_block": 8,
            "dropout": 0.1,
            "mini": False,
            "embedding": {"piecewise_linear": {"bins": 4, "size": 3}},
        }
    },
    "listed": {
        "sequential": [
            {"feature_embedding": {"numbers": {"pbld": {"frequencies": 3}}}},
            "learned_scale",
            {"dense": {"units": 8}},
            {"parametric_activation": {"activation": "selu"}},
        ]
    },
}


def trained(trainer: Trainer, one: Member) -> Any:
    trainer.start(one)
    found = [trainer.advance(0) for _ in range(2)]
    assert [report.failure for report in found] == [None, None]
    assert trainer.new_notes() == ()
    return found[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [name if name == "piecewise_linear" else pytest.param(name, marks=pytest.mark.long) for name in MODELS],
)
def test_the_program_trains_as_fit_does(name: str) -> None:
    one, sources = of(MODELS[name], diabetes())
    assert sources.not_compiled
    compiled = trained(KerasModelTrainer(diabetes(), sources=sources), one)
    plain = trained(FitTrainer(diabetes(), sources=sources), one)
    for metric in ("loss", "val_loss", "val_mae"):
        assert compiled.metrics[metric] == pytest.approx(plain.metrics[metric], rel=5e-6)


@pytest.mark.slow
def test_folds_and_seeds_share_a_program(tmp_path: Path) -> None:
    data = load_dataset(Data.model_validate({"sklearn": "diabetes", "validation": {"folds": 2}}), tmp_path)
    one, sources = of({"mlp": {"hidden": [4], "embedding": {"piecewise_linear": {"bins": 4}}}}, data)
    trainer = KerasModelTrainer(data, sources=sources)
    trainer.start(one)
    trainer.advance(0)
    made = trainer.programs.compilations
    edges = [trainer.state(0).arrays[f"{fold}/now/bins/bias"] for fold in (0, 1)]
    assert not np.array_equal(*edges)
    trainer.start(Member(1, one.configuration, 8))
    trainer.advance(1)
    assert trainer.programs.compilations == made


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [name if name == "piecewise_linear" else pytest.param(name, marks=pytest.mark.long) for name in MODELS],
)
def test_the_saved_model_is_of_stock_layers_and_has_the_metric(name: str, tmp_path: Path) -> None:
    data = diabetes()
    one, sources = of(MODELS[name], data)
    trainer = KerasModelTrainer(data, sources=sources)
    told = trained(trainer, one)
    weights = trainer.best_weights(0)
    made = export_model(
        one.configuration, data.features, OBJECTIVE, data.splits[0].scaling, weights, 7, sources
    )
    made.save(tmp_path / "best.keras")
    rows = data.raw(0, "validation")
    guess = predictions_of(load_stock(tmp_path / "best.keras"), rows.x)[:, 0]
    best = min(told.metrics["val_mae"], float(np.abs(guess - rows.y).mean()))
    assert np.abs(guess - rows.y).mean() == pytest.approx(best, rel=1e-5)


def test_a_feature_embedding_stands_first() -> None:
    with pytest.raises(
        ModelError, match=r"feature_embedding needs the \(features\) of a table: put it first"
    ):
        network({"sequential": ["learned_scale", "feature_embedding"]}, diabetes())


def test_what_is_not_asked_for_is_not_written() -> None:
    told = study({"mlp": {"hidden": [4]}}).dump()["model"]["mlp"]
    assert not {"embedding", "categories", "residual", "layer_norm", "input_scale"} & set(told)
    model = {"mlp": {"hidden": [4], "embedding": {"periodic": {"sigma": {"log_uniform": [0.01, 1]}}}}}
    again = study(model).dump()
    assert StudySpec.model_validate(again).dump() == again
    assert again["model"]["mlp"]["embedding"]["periodic"]["frequencies"] == 48
