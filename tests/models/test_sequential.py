"""Lists of Keras' layers: the models that come of them, held against models made by hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.data import Dataset, load_dataset
from hpsearch.exceptions import ModelError
from hpsearch.models.components.objectives import Objective
from hpsearch.models.sources.kinds import Sources
from hpsearch.models.sources.sequential import SequentialSource
from hpsearch.spec import Data, read_configuration
from hpsearch.spec.sections.architecture import Shape
from hpsearch.spec.sections.layer_kinds import LAYERS
from hpsearch.spec.study_file.parts import required_fields
from hpsearch.training.compiled.keras_model.trainer import KerasModelTrainer
from hpsearch.training.interface import epoch_order
from hpsearch.training.messages import Member
from support.commands import here, write_study
from support.listed_models import MODELS

OBJECTIVE = Objective("classification", 10)
SOURCES = Sources({"sequential": SequentialSource()})
TRAINING = {"epochs": 1, "batch_size": 40, "optimizer": {"sgd": {"momentum": 0.9}}, "learning_rate": 0.1}


@cache
def digits() -> Dataset:
    data = {"sklearn": "digits", "subset": 200}
    return load_dataset(Data.model_validate(data), Path())


def member(layers: list[Any], **training: Any) -> Member:
    settings = {**TRAINING, **training}
    return Member(0, read_configuration({"model": {"sequential": layers}, "training": settings}), 7)


def inner(layers: list[Any], features: tuple[int, ...] = (64,)) -> keras.Model:
    model = member(layers).configuration.model
    return SequentialSource().network(model, features, OBJECTIVE, 7).get_layer("layers")


def by_hand(name: str) -> keras.Model:
    rows = keras.Input((64,))
    return keras.Model(rows, keras.layers.Dense(10, name="output")(MODELS[name][1](rows)), name="layers")


def bare(told: Any) -> Any:
    """Leave out what a configuration has of first values."""
    if isinstance(told, dict):
        return {
            key: bare(value)
            for key, value in told.items()
            if not key.endswith("initializer") and key not in ("seed", "data_format")
        }
    return [bare(one) for one in told] if isinstance(told, list | tuple) else told


def without_input(config: dict[str, Any]) -> Any:
    return [
        (layer["class_name"], bare(layer["config"]))
        for layer in config["layers"]
        if "Input" not in layer["class_name"]
    ]


@pytest.mark.parametrize("name", MODELS)
def test_a_list_is_the_model_that_one_makes_by_hand(name: str) -> None:
    made, own = inner(MODELS[name][0]), by_hand(name)
    assert without_input(made.get_config()) == without_input(own.get_config())
    assert [weight.shape for weight in made.weights] == [weight.shape for weight in own.weights]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long) if name in ("lstm", "transformer") else name
        for name in MODELS
    ],
)
def test_an_epoch_is_that_of_fit(name: str) -> None:
    one = member(MODELS[name][0])
    trainer = KerasModelTrainer(digits(), sources=SOURCES)
    trainer.start(one)
    found = trainer.advance(0)
    assert found.failure is None
    assert trainer.new_notes() == ()
    own = by_hand(name)
    own.set_weights(inner(MODELS[name][0]).get_weights())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    own.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
    train = digits().splits[0].train
    order = epoch_order(7, 1, len(train))
    own.fit(train.x[order].astype(np.float32), train.y[order], 40, 1, shuffle=False, verbose=0)
    rows = digits().splits[0].validation
    logits = own(rows.x.astype(np.float32), training=False)
    told = float(np.mean(keras.ops.convert_to_numpy(OBJECTIVE.losses(rows.y, logits))))
    assert found.metrics["val_loss"] == pytest.approx(told, rel=2e-6)


@pytest.mark.slow
def test_a_member_that_goes_on_from_its_state_has_the_same_bits() -> None:
    layers = [*MODELS["lstm"][0], {"dropout": {"rate": 0.3}}, {"gaussian_noise": {"stddev": 0.1}}]
    whole, first, second = (KerasModelTrainer(digits(), sources=SOURCES) for _ in range(3))
    one = member(layers, epochs=2)
    for trainer in (whole, first):
        trainer.start(one)
        trainer.advance(0)
    second.start(one, first.state(0))
    assert second.advance(0).metrics == whole.advance(0).metrics


def test_the_first_weights_follow_from_the_seed() -> None:
    model = member(MODELS["lstm"][0]).configuration.model
    source = SequentialSource()
    nets = [source.network(model, (64,), OBJECTIVE, seed).get_weights() for seed in (7, 7, 8)]
    assert all(map(np.array_equal, nets[0], nets[1]))
    assert not all(map(np.array_equal, nets[0], nets[2]))


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        (
            [{"residual": [{"dense": {"units": 4}}]}],
            r"residual_1 adds \(4,\) to \(64,\): its layers have to give the shape that they are given",
        ),
        (
            [{"reshape": {"target_shape": [8, 8]}}, {"conv1d": {"filters": 2, "kernel_size": 9}}],
            r"conv1d_1 cannot be applied to \(8, 8\)",
        ),
        ([{"reshape": {"target_shape": [8, 8]}}], r"the output layer needs \(features\), and has \(8, 8\)"),
    ],
)
def test_shapes_that_do_not_fit_are_told(layers: list[Any], told: str) -> None:
    with pytest.raises(ModelError, match=told):
        inner(layers)


def test_an_activation_with_arguments_is_a_layer_behind_its_own() -> None:
    layers = [{"dense": {"units": 4, "activation": {"leaky_relu": {"negative_slope": 0.3}}}}, "tanh", "rrelu"]
    kinds = [type(layer).__name__ for layer in inner(layers).layers]
    assert kinds == ["InputLayer", "Dense", "LeakyReLU", "Activation", "RReLU", "Dense"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [name if name == "embedding" else pytest.param(name, marks=pytest.mark.long) for name in MODELS],
)
def test_a_study_of_two_trials(name: str, tmp_path: Path) -> None:
    study = {
        "name": name,
        "data": {"sklearn": "digits", "subset": 200},
        "model": {"sequential": [*MODELS[name][0], {"dropout": {"rate": {"uniform": [0.1, 0.5]}}}]},
        "training": {"epochs": 2, "learning_rate": {"log_uniform": [1e-3, 1e-1]}, "batch_size": 50},
        "search": {"trials": 2},
        "confirm": "none",
    }
    write_study(tmp_path / "a.yaml", study)
    result = here("optimize", "a.yaml", cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 complete" in result.stdout
    keras.saving.load_model(tmp_path / "runs" / name / "best.keras", safe_mode=True)


EXAMPLES: dict[str, Any] = {
    **dict.fromkeys(("units", "filters", "output_dim", "n", "num_bins"), 3),
    **dict.fromkeys(
        ("kernel_size", "pool_size", "output_size", "height", "width", "num_heads", "key_dim"), 2
    ),
    **dict.fromkeys(("head_dim", "num_query_heads", "num_key_value_heads"), 2),
    **dict.fromkeys(("rate", "stddev", "factor", "height_factor", "width_factor", "scale"), 0.5),
    "input_dim": 5,
    "activation": "relu",
    "target_shape": [36],
    "dims": [2, 1],
}
OWN: dict[str, tuple[dict[str, Any], Shape]] = {
    "bidirectional": ({"layer": {"lstm": {"units": 3}}}, (6, 6)),
    "category_encoding": ({"num_tokens": 4}, (6,)),
    "einsum_dense": ({"equation": "abc,cd->abd", "output_shape": [6, 3]}, (6, 6)),
    "group_normalization": ({"groups": 3}, (6, 6)),
    "random_posterization": ({"factor": 4}, (6, 6, 3)),
    "spectral_normalization": ({"layer": {"dense": {"units": 3}}}, (6,)),
    "stft_spectrogram": ({"frame_length": 4}, (6, 6)),
    "time_distributed": ({"layer": {"dense": {"units": 3}}}, (6, 6)),
    **dict.fromkeys(("permute", "reshape"), ({}, (6, 6))),
}


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_of_the_table_is_made_applied_and_saved(name: str, tmp_path: Path) -> None:
    if name in ("block", "repeat", "residual", "none"):
        pytest.skip("a group")
    own, features = OWN.get(name, ({}, None))
    kind = LAYERS[name]
    axes = int(next(iter(getattr(kind, "told", {"axes": {"1": 1}}).get("axes", {"1": 1}))))
    features = features or (*[6] * (axes - 1), 3)
    needed = {key: EXAMPLES[key] for key in required_fields(kind) if key in EXAMPLES} | own
    if name == "threshold":
        needed = {"threshold": 0.1, "default_value": 0.0}
    layers = [{name: needed} if needed else name]
    layers += ["flatten"] if name not in ("flatten", "masking") else []
    model = member(layers).configuration.model
    made = SequentialSource().network(model, features, OBJECTIVE, 7)
    rows = keras.Input(features)
    exported = keras.Model(rows, SequentialSource().connect(model, rows, OBJECTIVE, 7, training=False))
    assert [w.shape for w in exported.weights] == [w.shape for w in made.weights]
    exported.save(tmp_path / "m.keras")
    keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
