"""Models of a person's own through programs of their structure, held against the fit trainer."""

from __future__ import annotations

import gc
import textwrap
import weakref
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras.src.random.seed_generator import global_seed_generator

from hpsearch.data import Dataset, load_dataset
from hpsearch.engines.messages import Job
from hpsearch.engines.session.open import trainer_of
from hpsearch.exceptions import ModelError
from hpsearch.models.interface import ModelFiles
from hpsearch.models.sources.kinds import Sources, sources_of
from hpsearch.seeds import derive
from hpsearch.spec import Data, StudySpec, read_configuration
from hpsearch.training.compiled.keras_model.trainer import KerasModelTrainer
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.interface import epoch_order
from hpsearch.training.messages import EpochReport, Member
from hpsearch.training.trainer import Trainer

pytestmark = pytest.mark.slow

NETS = """
import keras
from keras import layers as kl


def stock(features, outputs, rate, strength=0.01):
    rows = keras.Input(features)
    hidden = kl.Dense(6, "tanh", kernel_regularizer=keras.regularizers.L2(strength))(rows)
    hidden = kl.Dropout(rate)(kl.LayerNormalization()(hidden))
    return keras.Model(rows, kl.Dense(outputs)(hidden))


class Scaled(kl.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        # It does not tell all that it computes.
        return super().get_config()


def own(features, outputs, rate, factor):
    rows = keras.Input(features)
    hidden = kl.Dropout(rate)(Scaled(factor)(kl.Dense(6, "tanh")(rows)))
    return keras.Model(rows, kl.Dense(outputs)(hidden))


def eager(features, outputs, rate):
    model = stock(features, outputs, rate)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss, run_eagerly=True)
    return model


def always():
    return 0.25


def compiled(features, outputs, rate, kind):
    rows = keras.Input(features)
    model = keras.Model(rows, kl.Dense(outputs)(kl.Dense(6, "tanh")(rows)))
    falling = keras.optimizers.schedules.CosineDecay(rate, 5)
    rates = {"constant": rate, "falling": falling, "a function": always}
    optimizer = keras.optimizers.SGD(rates[kind], momentum=0.9, clipnorm=0.5)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


class Trained(keras.Model):
    def train_step(self, state, data):
        x, y = data
        return super().train_step(state, (2.0 * x, y))


def trained(features, outputs, rate):
    rows = keras.Input(features)
    return Trained(rows, kl.Dense(outputs)(kl.Dropout(rate)(kl.Dense(6, "relu")(rows))))
"""


@cache
def iris() -> Dataset:
    return load_dataset(Data.model_validate({"sklearn": "iris", "standardize": True}), Path())


def model(function: str, **arguments: Any) -> dict[str, Any]:
    return {"python": {"file": "nets.py", "function": function, "arguments": arguments}}


@pytest.fixture
def sources(tmp_path: Path) -> Any:
    (tmp_path / "nets.py").write_text(textwrap.dedent(NETS), encoding="utf-8")

    def of(named: dict[str, Any]) -> tuple[StudySpec, Sources]:
        data = {"sklearn": "iris", "standardize": True}
        spec = StudySpec.model_validate(
            {"name": "own", "data": data, "model": named, "training": {"epochs": 3}}
        )
        return spec, sources_of(spec, ModelFiles(tmp_path), iris())

    return of


def member(number: int, named: dict[str, Any], **training: Any) -> Member:
    settings = {
        "epochs": 3,
        "batch_size": 40,
        "optimizer": {"sgd": {"momentum": 0.5 + number / 10}},
        **training,
    }
    return Member(number, read_configuration({"model": named, "training": settings}), 7)


def reports(trainer: Trainer, one: Member, epochs: int = 3) -> list[EpochReport]:
    trainer.start(one)
    return [trainer.advance(one.number) for _ in range(epochs)]


def metrics_of(told: list[EpochReport]) -> list[list[float]]:
    assert all(report.failure is None for report in told), told
    return [list(report.metrics.values()) for report in told]


@pytest.mark.parametrize(
    ("function", "first", "other"),
    [
        ("stock", {"rate": 0.2}, {"rate": 0.6, "strength": 0.2}),
        pytest.param("trained", {"rate": 0.2}, {"rate": 0.6}, marks=pytest.mark.long),
    ],
)
def test_the_second_trial_of_a_structure_equals_fit_and_compiles_nothing_of_stock(
    sources: Any, function: str, first: dict[str, Any], other: dict[str, Any]
) -> None:
    _, known = sources(model(function, **first))
    trainer, plain = KerasModelTrainer(iris(), sources=known), FitTrainer(iris(), sources=known)
    reports(trainer, member(0, model(function, **first)))
    made = trainer.programs.compilations
    one = member(1, model(function, **other), clipping={"clipvalue": 0.1}, learning_rate=0.1)
    two = member(2, model(function, **first), clipping={"clipvalue": 0.3}, learning_rate=0.2)
    found = reports(trainer, one)
    clipped = trainer.programs.compilations
    assert clipped > made
    again = reports(trainer, two, 2)
    if function == "stock":
        assert trainer.programs.compilations == clipped
    for told, each in ((found, one), (again, two)):
        expected = reports(plain, each, len(told))
        np.testing.assert_allclose(metrics_of(told), metrics_of(expected), rtol=1e-6, atol=1e-6)
        weights = plain.weights(each.number)
        for name, value in trainer.weights(each.number).items():
            np.testing.assert_allclose(value, weights[name], rtol=1e-5, atol=1e-6)
    assert trainer.new_notes() == ()


def test_a_member_goes_on_from_its_state_to_the_same_bits(sources: Any) -> None:
    _, known = sources(model("stock", rate=0.3))
    trainer, one = KerasModelTrainer(iris(), sources=known), member(0, model("stock", rate=0.3))
    whole = reports(trainer, one)
    trainer.start(one)
    trainer.advance(0)
    state = trainer.state(0)
    trainer.stop(0)
    other = KerasModelTrainer(iris(), sources=known)
    other.start(one, state)
    assert metrics_of([other.advance(0) for _ in range(2)]) == metrics_of(whole[1:])


def test_averages_of_weights_and_accumulation_equal_fit_and_go_on(sources: Any) -> None:
    """An epoch of 3 batches, 2 of which make one step; the averages are judged and are what is kept."""
    _, known = sources(model("stock", rate=0.3))
    trainer, plain = KerasModelTrainer(iris(), sources=known), FitTrainer(iris(), sources=known)
    settings = {"use_ema": True, "gradient_accumulation_steps": 2, "ema_overwrite_frequency": 2}
    first, one = (
        member(number, model("stock", rate=0.3), optimizer={"adam": {**settings, "ema_momentum": momentum}})
        for number, momentum in enumerate((0.5, 0.8))
    )
    reports(trainer, first, 1)
    made = trainer.programs.compilations
    found, expected = reports(trainer, one), reports(plain, one)
    assert trainer.programs.compilations == made
    np.testing.assert_allclose(metrics_of(found), metrics_of(expected), rtol=1e-6, atol=1e-6)
    kept, weights = trainer.weights(1), plain.weights(1)
    for name, value in kept.items():
        np.testing.assert_allclose(value, weights[name], rtol=1e-5, atol=1e-6)
    reports(trainer, one, 2)
    state = trainer.state(1)
    goes_on = [value for name, value in state.arrays.items() if "/trained/" in name]
    averages = list(trainer.weights(1).values())
    assert any(not np.allclose(*pair) for pair in zip(goes_on, averages, strict=True))
    other = KerasModelTrainer(iris(), sources=known)
    other.start(one, state)
    assert metrics_of([other.advance(1)]) == metrics_of(found[2:])
    for name, value in other.weights(1).items():
        np.testing.assert_array_equal(value, kept[name])


def test_what_a_configuration_does_not_tell_is_keyed_by_what_is_computed(sources: Any) -> None:
    _, known = sources(model("own", rate=0.2, factor=2.0))
    trainer, plain = KerasModelTrainer(iris(), sources=known), FitTrainer(iris(), sources=known)
    reports(trainer, member(0, model("own", rate=0.2, factor=2.0)))
    made = trainer.programs.compilations
    reports(trainer, member(1, model("own", rate=0.5, factor=2.0)))
    assert trainer.programs.compilations == made
    one = member(2, model("own", rate=0.2, factor=0.5))
    found = reports(trainer, one)
    assert trainer.programs.compilations > made
    np.testing.assert_allclose(metrics_of(found), metrics_of(reports(plain, one)), rtol=1e-6, atol=1e-6)


def test_what_cannot_be_compiled_is_trained_by_fit_with_a_note(sources: Any) -> None:
    _, known = sources(model("eager", rate=0.2))
    trainer, plain = KerasModelTrainer(iris(), sources=known), FitTrainer(iris(), sources=known)
    one = member(0, model("eager", rate=0.2))
    assert metrics_of(reports(trainer, one, 1)) == metrics_of(reports(plain, one, 1))
    assert any("compiled to run eagerly" in note for note in trainer.new_notes())
    assert trainer.new_notes() == ()


def test_no_program_keeps_the_model_of_a_trial(sources: Any) -> None:
    _, known = sources(model("own", rate=0.2, factor=2.0))
    trainer = KerasModelTrainer(iris(), sources=known)
    held = []
    for number, named in enumerate((model("stock", rate=0.2), model("own", rate=0.2, factor=2.0))):
        one = member(number, named)
        trainer.sources = sources(named)[1]
        reports(trainer, one)
        held.append(weakref.ref(trainer._slots[number].networks[0].model))
        trainer.stop(number)
    gc.collect()
    assert [one() for one in held] == [None, None]


def test_a_study_keeps_the_trainer_that_it_was_begun_with(sources: Any) -> None:
    spec, known = sources(model("stock", rate=0.2))

    def kind(trainer: str | None) -> str:
        job = Job(spec.dump(), "", trainer=trainer)
        return type(trainer_of("auto", iris(), spec, job, known)[0]).__name__

    assert kind(None) == kind("KerasModelTrainer") == "KerasModelTrainer"
    assert kind("FitTrainer") == kind("") == "FitTrainer"
    assert type(trainer_of("jax", iris(), spec, Job(spec.dump(), ""), known)[0]) is FitTrainer


YAML: dict[str, Any] = {
    "learning_rate": 5.0,
    "schedule": "cosine",
    "clipping": {"clipvalue": 1e-3},
    "loss": {"categorical_crossentropy": {"label_smoothing": 0.5}},
}
"""What a model's own `compile` takes the place of."""


@pytest.mark.parametrize("maker", [FitTrainer, KerasModelTrainer])
@pytest.mark.parametrize("kind", ["constant", "falling"])
def test_a_model_that_is_compiled_trains_as_in_plain_keras(
    sources: Any, maker: type[FitTrainer], kind: str, tmp_path: Path
) -> None:
    named = model("compiled", rate=0.25, kind=kind)
    found: dict[str, Any] = {}
    exec((tmp_path / "nets.py").read_text(), found)  # noqa: S102 - it is our own
    keras.utils.set_random_seed(derive(7, "build") % 2**32)
    plain = found["compiled"]((4,), 3, rate=0.25, kind=kind)
    trainer = maker(iris(), sources=sources(named)[1])
    trainer.start(member(0, named, **YAML))
    rows = iris().splits[0].train
    for epoch in (1, 2):
        report = trainer.advance(0)
        order = epoch_order(7, epoch, len(rows))
        plain.fit(rows.x[order], rows.y[order], batch_size=40, shuffle=False, verbose=0)
        if epoch == 1:
            state = trainer.state(0)
    for own, expected in zip(trainer.weights(0).values(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-5, atol=1e-6)
    rate = 0.25 if kind == "constant" else float(plain.optimizer._learning_rate(5))
    assert report.metrics["learning_rate"] == pytest.approx(rate, abs=1e-7)
    first, second = trainer.new_notes()
    assert first.startswith("the model is compiled with SGD, which trains it: optimizer, learning_rate")
    assert second.startswith("the model is compiled with a loss, which trains it: loss of the training")
    logits = plain.predict(iris().splits[0].validation.x, verbose=0)
    smooth = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.5)
    expected = smooth(keras.ops.one_hot(iris().splits[0].validation.y, 3), logits)
    assert report.metrics["val_loss"] == pytest.approx(float(expected), rel=1e-5)
    later = maker(iris(), sources=sources(named)[1])
    later.start(member(0, named, **YAML), state)
    assert later.advance(0).metrics == report.metrics


def test_what_draws_without_a_seed_is_seeded_in_each_epoch_in_one_variable(sources: Any) -> None:
    named = model("stock", rate=0.2)
    trainer = FitTrainer(iris(), sources=sources(named)[1])
    network = trainer.network(member(0, named), iris().splits[0])
    generators = []
    for seed in (3, 4, 3):
        keras.utils.set_random_seed(seed)
        expected = [float(keras.random.uniform(())) for _ in range(2)]
        network._seed_noise(seed)
        assert [float(keras.random.uniform(())) for _ in range(2)] == expected
        generators.append(global_seed_generator())
    assert generators[0] is generators[1] is generators[2]


def test_a_learning_rate_that_is_a_function_is_refused(sources: Any) -> None:
    named = model("compiled", rate=0.25, kind="a function")
    trainer = FitTrainer(iris(), sources=sources(named)[1])
    with pytest.raises(ModelError, match="neither a number nor a schedule"):
        trainer.start(member(0, named))
