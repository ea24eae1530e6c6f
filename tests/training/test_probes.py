"""What trainers measure inside networks: against the Keras model, plain `fit` and NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import pytest

from hpsearch.data import Dataset, Rows, load_dataset
from hpsearch.models.components.objectives import Objective
from hpsearch.models.model import training_model
from hpsearch.models.weights import put_weights
from hpsearch.spec import Data, StudySpec
from hpsearch.spec.sections.study import read_configuration
from hpsearch.training.compiled import CompiledTrainer
from hpsearch.training.compiled.forward.options import program_options
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.interface import EpochPlan
from hpsearch.training.messages import EpochReport, Member
from hpsearch.training.probes.network import Prober
from hpsearch.training.probes.record import LOSS, TrainingProbe
from hpsearch.training.trainer import Trainer
from support.compiling import optimized

pytestmark = pytest.mark.slow

BATCH = 25

STEPS = 5


@pytest.fixture(scope="module", autouse=True)
def compiled_as_for_people() -> Iterator[None]:
    """Compare bits of the programs that people get."""
    with optimized():
        yield


@pytest.fixture(scope="module")
def iris() -> Dataset:
    return load_dataset(Data.model_validate({"sklearn": "iris"}), Path())


STUDY = StudySpec.model_validate(
    {
        "name": "s",
        "data": "sklearn:iris",
        "model": {
            "mlp": {
                "hidden": [6, 5],
                "activation": {"choice": ["linear", "tanh"]},
                "dropout": {"uniform": [0, 0.5]},
            }
        },
        "training": {
            "epochs": 1,
            "clipping": {"choice": ["none", {"clipvalue": 1.0}, {"clipnorm": 1.0}, {"global_clipnorm": 1.0}]},
        },
    }
)
"""What most members of these tests can ask for, so that they share one program."""


@pytest.fixture(scope="module")
def plain(iris: Dataset) -> CompiledTrainer:
    return CompiledTrainer(iris, program_options(STUDY))


@pytest.fixture(scope="module")
def probing(iris: Dataset) -> CompiledTrainer:
    return CompiledTrainer(iris, program_options(STUDY), probes=True)


def member(number: int = 0, mlp: Any = None, **training: Any) -> Member:
    known = {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 5, "batch_size": BATCH, **training}
    network = {"hidden": [6, 5], "activation": "tanh", **(mlp or {})}
    return Member(number, read_configuration({"model": {"mlp": network}, "training": known}), seed=3)


def trained(trainer: Trainer, one: Member) -> list[EpochReport]:
    trainer.start(one)
    reports = []
    for _ in range(one.configuration.training.epochs or 0):
        reports.append(trainer.advance(one.number))
        if reports[-1].failure:
            break
    return reports


NORMALIZED = {"activation": ["relu", "sigmoid"], "batch_norm": "before_activation"}


@pytest.mark.parametrize("mlp", [{}, {"initializer": "zeros"}, NORMALIZED], ids=str)
def test_what_is_measured_is_what_a_probe_of_the_keras_model_gives(
    mlp: Any, iris: Dataset, probing: CompiledTrainer
) -> None:
    trainer = CompiledTrainer(iris, probes=True) if mlp is NORMALIZED else probing
    one = member(mlp=mlp, epochs=2)
    probe = trained(trainer, one)[-1].probe
    weights, train = trainer.weights(0), iris.splits[0].train
    assert probe is not None
    prober = Prober(Rows(train.x[:BATCH], train.y[:BATCH]), Objective("classification", 3))
    expected = prober.probe(one.configuration, (3,), (weights,))
    assert [layer.name for layer in probe.layers] == ["hidden_1", "hidden_2", "output"]
    for sample, layer in zip(probe.layers, expected, strict=False):
        assert sample.gradient_norm == pytest.approx(layer.gradient_norm, rel=1e-4, abs=1e-6)
        assert sample.deviation == pytest.approx(layer.deviation, rel=1e-4, abs=1e-6)
        assert sample.dead == pytest.approx(layer.dead, rel=1e-5)
        flat = layer.saturated is not None
        assert sample.saturated == (pytest.approx(layer.saturated, rel=1e-5) if flat else None)
        assert sample.weight_norm == pytest.approx(np.linalg.norm(weights[f"{sample.name}/kernel"]), rel=1e-5)
    assert probe.layers[-1].deviation is None
    assert (probe.clipped, probe.broken) == (None, None)


def test_convolutions_are_measured_by_channel() -> None:
    """Against the gradient of the Keras model; a channel whose bias is far below 0 is dead."""
    digits = load_dataset(Data.model_validate({"sklearn": "digits", "shape": [8, 8], "subset": 200}), Path())
    cnn = {"filters": [4], "kernel": 3, "pooling": "max", "hidden": [5]}
    training = {"optimizer": "sgd", "learning_rate": 0.001, "epochs": 1, "batch_size": BATCH}
    configuration = read_configuration({"model": {"cnn": cnn}, "training": training})
    trainer, train = CompiledTrainer(digits), digits.splits[0].train
    trainer.start(Member(0, configuration, seed=3))
    trainer.advance(0)
    slot = trainer._slots[0]
    network: Any = slot.networks[0]
    bias = np.array([-1e3, 0, 0, 0], np.float32)
    network.now = {**network.now, "weights": {**network.now["weights"], "hidden_1/bias": bias}}
    probe = network.measure(slot.plans[0])
    model = training_model(configuration, digits.features, trainer.objective, 3)
    put_weights(model, trainer.weights(0))

    def loss(trained: Any) -> Any:
        logits, _ = model.stateless_call(trained, [], train.x[:BATCH], training=True)
        return keras.ops.mean(trainer.objective.losses(train.y[:BATCH], logits))

    slopes = jax.grad(loss)([variable.value for variable in model.trainable_variables])
    kernels = [s for v, s in zip(model.trainable_variables, slopes, strict=True) if v.name == "kernel"]
    assert [layer.name for layer in probe.layers] == ["hidden_1", "hidden_2", "output"]
    for sample, slope in zip(probe.layers, kernels, strict=True):
        assert sample.gradient_norm == pytest.approx(float(np.linalg.norm(slope)), rel=1e-3)
    assert probe.layers[0].dead == 0.25


def test_the_first_the_middle_and_the_last_epoch_are_measured(probing: CompiledTrainer) -> None:
    reports = trained(probing, member())
    assert [report.epoch for report in reports if report.probe] == [1, 3, 5]
    assert [report.epoch for report in trained(probing, member(epochs=1)) if report.probe] == [1]


def test_training_has_the_same_bits_with_and_without(
    plain: CompiledTrainer, probing: CompiledTrainer
) -> None:
    one = member(mlp={"dropout": 0.3})
    without, probed = trained(plain, one), trained(probing, one)
    assert [report.metrics for report in without] == [report.metrics for report in probed]
    assert not any(report.probe for report in without)
    for name, array in plain.weights(0).items():
        assert np.array_equal(array, probing.weights(0)[name])


def test_a_member_that_goes_on_elsewhere_is_measured_the_same(
    plain: CompiledTrainer, probing: CompiledTrainer
) -> None:
    one = member(mlp={"dropout": 0.3})
    whole = trained(probing, one)
    plain.start(one)
    for _ in range(2):
        plain.advance(0)
    probing.start(one, plain.state(0))
    assert [probing.advance(0).probe for _ in range(3)] == [report.probe for report in whole[2:]]


def test_of_a_network_without_hidden_layers_the_output_is_measured(iris: Dataset) -> None:
    trainer = CompiledTrainer(iris, probes=True)
    (layer,) = trained(trainer, member(mlp={"hidden": []}, epochs=2))[-1].probe.layers
    norm = np.linalg.norm(trainer.state(0).arrays["0/now/output/kernel"])
    assert (layer.name, layer.dead) == ("output", None)
    assert layer.weight_norm == pytest.approx(float(norm), rel=1e-5)


@pytest.mark.parametrize(
    ("clipping", "clipped"),
    [
        ("none", None),
        *(({kind: 1e-6}, True) for kind in ("clipvalue", "clipnorm", "global_clipnorm")),
        *(({kind: 1e6}, False) for kind in ("clipvalue", "clipnorm", "global_clipnorm")),
    ],
    ids=str,
)
def test_it_tells_whether_clipping_is_at_work(
    clipping: Any, clipped: bool | None, probing: CompiledTrainer
) -> None:
    (report,) = trained(probing, member(epochs=1, clipping=clipping))
    assert report.probe is not None
    assert report.probe.clipped is clipped


def broken_by_hand(dataset: Dataset, one: Member, epoch: int, step: int) -> str | None:
    """Train by plain `fit` up to a step, and send its rows through the layers in NumPy."""
    trainer = FitTrainer(dataset)
    trainer.start(one)
    for _ in range(epoch - 1):
        assert trainer.advance(0).failure is None
    ((network, plan),) = trainer._slots[0].work()
    if step > 1:
        assert network.train(EpochPlan(epoch, plan.order, plan.rates[: step - 1], plan.seed)).bad_step is None
    weights, begin = network.weights(), (step - 1) % STEPS * BATCH
    rows = plan.order[begin : begin + BATCH]
    values = dataset.splits[0].train.x[rows]
    with np.errstate(over="ignore", invalid="ignore"):
        for name in ("hidden_1", "hidden_2", "output"):
            values = values @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]
            if not np.isfinite(values).all():
                return name
    return LOSS if step <= STEPS else None


DIVERGING = {"activation": "linear"}


@pytest.mark.parametrize("rate", [1.5, 1e9, 1e12, 1e38])
def test_a_network_that_diverges_says_in_which_layer(
    rate: float, iris: Dataset, plain: CompiledTrainer
) -> None:
    one = member(mlp=DIVERGING, learning_rate=rate, epochs=20)
    report = trained(plain, one)[-1]
    failure, probe = report.failure, report.probe
    assert failure is not None
    assert probe is not None
    step = failure.step or STEPS + 1
    assert failure.layer == probe.broken == broken_by_hand(iris, one, failure.epoch, step)
    named = "the loss" if failure.layer == LOSS else f"layer {failure.layer}"
    layer = f", first in {named}" if failure.layer else ""
    where = "" if failure.step is None else f", step {step}"
    assert failure.told.endswith(f"(epoch {failure.epoch}{where}{layer})")


def test_the_gradient_norms_are_those_of_the_step_before(iris: Dataset, plain: CompiledTrainer) -> None:
    """In the first step no gradient is too large; in the second all layers are beyond their range."""
    one = member(mlp=DIVERGING, learning_rate=1e30)
    report = trained(plain, one)[-1]
    assert report.failure is not None
    assert report.failure.step == 2
    plain.start(one)
    ((_, plan),) = plain._slots[0].work()
    rows, train = plan.order[:BATCH], iris.splits[0].train
    prober = Prober(Rows(train.x[rows], train.y[rows]), Objective("classification", 3))
    expected = prober.probe(one.configuration, (3,))
    assert report.probe is not None
    for sample, layer in zip(report.probe.layers, expected, strict=False):
        assert sample.gradient_norm == pytest.approx(layer.gradient_norm, rel=1e-4)


def test_side_by_side_the_same_layer_is_named(iris: Dataset, plain: CompiledTrainer) -> None:
    cohort = CompiledTrainer(iris, width=2)
    one, healthy = member(mlp=DIVERGING, learning_rate=1e3), member(1, DIVERGING, learning_rate=0.01)
    expected = trained(plain, one)[-1]
    for each in (one, healthy):
        cohort.start(each)
    bad, good = cohort.advance_all((0, 1))
    assert good.failure is good.probe is None
    assert bad.failure == expected.failure


def test_norms_of_huge_numbers_do_not_overflow(plain: CompiledTrainer) -> None:
    """Weights of 1e25, whose squares no float32 can hold, are made in the first of three steps."""
    for rate in (1e9, 1e12):
        report = trained(plain, member(mlp=DIVERGING, learning_rate=rate, epochs=20))[-1]
        assert report.failure is not None
        assert report.probe is not None
        numbers = [(layer.gradient_norm, layer.weight_norm) for layer in report.probe.layers]
        assert None not in [number for pair in numbers for number in pair], numbers


def test_the_fit_trainer_measures_nothing_and_goes_on(iris: Dataset) -> None:
    one = member(mlp=DIVERGING, learning_rate=1e30)
    report = trained(FitTrainer(iris), one)[-1]
    assert report.failure is not None
    assert report.failure.told == "the training loss is not finite (epoch 1, step 2)"
    assert report.probe is None


def test_a_probe_crosses_a_file_as_it_is(probing: CompiledTrainer) -> None:
    (report,) = trained(probing, member(epochs=1))
    assert report.probe is not None
    assert TrainingProbe.read(report.probe.dump()) == report.probe
    assert replace(report.probe, broken="hidden_1") != report.probe
