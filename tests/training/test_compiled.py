"""What a user relies on in the compiled trainer: one program, exact company, honest dropout."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import pytest

from hpsearch.data import Dataset, load_dataset
from hpsearch.engines.messages import Job
from hpsearch.engines.policy import device
from hpsearch.engines.policy.cores import ONE_CORE_MULTIPLICATIONS, largest_network
from hpsearch.engines.policy.width import SideBySide, side_by_side
from hpsearch.spec import Choice, Configuration, Data, StudySpec, read_spec
from hpsearch.spec.sections.activations import ACTIVATIONS
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.source import Source
from hpsearch.training.compiled import CompiledTrainer
from hpsearch.training.compiled.forward.operations import activation_branch, dropout
from hpsearch.training.compiled.forward.options import activation_kind, program_options
from hpsearch.training.compiled.forward.structure import _numbers
from hpsearch.training.compiled.program import Program
from hpsearch.training.compiled.trainer import MAX_PROGRAMS, CompiledNetwork
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.messages import Member
from support.compiling import optimized

pytestmark = pytest.mark.slow

CARD: dict[str, Any] = {
    "hidden": [12, 8],
    "initializer": {"choice": ["glorot_uniform", "he_normal"]},
    "activation": {"choice": ["relu", "tanh", {"leaky_relu": {"negative_slope": {"uniform": [0.01, 0.3]}}}]},
    "batch_norm": {"choice": ["none", "before_activation", "after_activation"]},
    "dropout": {"uniform": [0.0, 0.5]},
    "l1": {"log_uniform": [1e-7, 1e-3]},
    "l2": {"log_uniform": [1e-7, 1e-2]},
}

TWO_STRUCTURES = {**CARD, "hidden": {"choice": [[4], [8]]}}
LARGE = {"hidden": {"choice": [[8], [512, 512]]}}


def spec_of(
    model: dict[str, Any] | None = None, *, search: dict[str, Any] | None = None, **training: Any
) -> StudySpec:
    study = {
        "name": "compiled",
        "data": "sklearn:iris",
        "model": {"mlp": model or CARD},
        "training": {
            "learning_rate": {"log_uniform": [1e-4, 1e-2]},
            "epochs": 5,
            "batch_size": 16,
            **training,
        },
        "search": search or {},
    }
    return read_spec(Source("test", study, {}))


@pytest.fixture(scope="module", autouse=True)
def compiled_as_for_people() -> Iterator[None]:
    """Compare bits of the programs that people get."""
    with optimized():
        yield


@cache
def iris() -> Dataset:
    return load_dataset(spec_of().data, Path())


def draw(spec: StudySpec, seed: int) -> Configuration:
    generator = random.Random(seed)  # noqa: S311 - no secret

    def choose(parameter: Parameter) -> Value:
        distribution = parameter.distribution
        if isinstance(distribution, Choice):
            return generator.choice(parameter.options)
        return generator.uniform(distribution.low, distribution.high)

    return SearchSpace(spec).configure(choose)


def weights_of(trainer: CompiledTrainer, number: int) -> dict[str, Any]:
    weights = trainer.best_weights(number)
    assert weights is not None
    return dict(weights)


def same_bits(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return all(np.array_equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def cohort() -> tuple[StudySpec, CompiledTrainer]:
    """Give a trainer of width 3 with three members that have had three epochs."""
    spec = spec_of()
    trainer = CompiledTrainer(iris(), program_options(spec), width=3)
    for number in range(3):
        trainer.start(Member(number, draw(spec, number), number))
    for _ in range(3):
        trainer.advance_all((0, 1, 2))
    return spec, trainer


@pytest.mark.parametrize("company", [(1,), (2, 1), (0, 1)])
def test_a_members_bits_do_not_depend_on_its_slot_or_neighbours(
    cohort: tuple[StudySpec, CompiledTrainer], company: tuple[int, ...]
) -> None:
    spec, trainer = cohort
    other = CompiledTrainer(iris(), program_options(spec), width=3)
    other.programs = trainer.programs
    other._data = trainer._data
    for number in company:
        other.start(Member(number, draw(spec, number), number))
    for _ in range(3):
        other.advance_all(company)
    assert same_bits(weights_of(other, 1), weights_of(trainer, 1))


def test_a_member_of_a_cohort_equals_the_same_member_alone(cohort: tuple[StudySpec, CompiledTrainer]) -> None:
    spec, trainer = cohort
    alone = CompiledTrainer(iris(), program_options(spec))
    for number in range(3):
        alone.start(Member(number, draw(spec, number), number))
        for _ in range(3):
            alone.advance(number)
        ours, theirs = weights_of(trainer, number), weights_of(alone, number)
        for name, value in theirs.items():
            np.testing.assert_allclose(ours[name], value, atol=1e-4, err_msg=name)


@pytest.mark.long
def test_members_in_threads_train_at_once_and_get_the_bits_that_they_get_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = spec_of(TWO_STRUCTURES)
    trainers = (
        CompiledTrainer(iris(), program_options(spec)),
        CompiledTrainer(iris(), program_options(spec), threads=2),
    )
    meeting = threading.Barrier(2, timeout=60)

    def met(train: Any) -> Any:
        def trained(*arguments: Any) -> Any:
            meeting.wait()
            return train(*arguments)

        return trained

    for trainer in trainers:
        for number in range(4):
            trainer.start(Member(number, draw(spec, number), number))
    in_turn, at_once = trainers
    alone = [in_turn.advance_all(range(4)) for _ in range(2)]
    monkeypatch.setattr(CompiledNetwork, "train", met(CompiledNetwork.train))
    together = [at_once.advance_all(range(4)) for _ in range(2)]
    assert [[r.metrics for r in tick] for tick in together] == [[r.metrics for r in tick] for tick in alone]
    for number in range(4):
        assert same_bits(weights_of(at_once, number), weights_of(in_turn, number))
    at_once.close()


def test_a_member_that_diverges_leaves_its_neighbours_alone(
    cohort: tuple[StudySpec, CompiledTrainer],
) -> None:
    spec, trainer = cohort
    wild = spec_of({**CARD, "batch_norm": "none", "activation": "relu"}, learning_rate=1e30)
    other = CompiledTrainer(iris(), program_options(spec), width=3)
    other.programs, other._data = trainer.programs, trainer._data
    other.start(Member(7, draw(wild, 0), 7))
    other.start(Member(1, draw(spec, 1), 1))
    reports = [other.advance_all((7, 1)) for _ in range(3)]
    assert reports[0][0].failure is not None
    assert reports[0][0].failure.step is not None
    assert all(pair[1].failure is None for pair in reports)
    assert same_bits(weights_of(other, 1), weights_of(trainer, 1))


def test_the_whole_card_goes_through_one_program(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, compile_program = [], Program.compile

    def compile_and_tell(program: Program, *inputs: Any) -> None:
        compiled.append(program)
        compile_program(program, *inputs)

    monkeypatch.setattr(Program, "compile", compile_and_tell)
    spec = spec_of(
        schedule={"choice": ["constant", {"cosine": {"warmup": 0.1}}]},
        clipping={"choice": ["none", {"clipvalue": 0.1}, {"global_clipnorm": 1.0}, {"clipnorm": 1.0}]},
    )
    trainer = CompiledTrainer(iris(), program_options(spec))
    for number in range(12):
        trainer.start(Member(number, draw(spec, number), number))
        assert trainer.advance(number).failure is None
    (made,) = trainer.programs._programs.values()
    assert compiled == [made.program], "it is compiled once"


def test_programs_are_bounded() -> None:
    trainer = CompiledTrainer(iris())
    cache = trainer.programs
    for key in range(MAX_PROGRAMS + 3):
        cache.get(key, lambda key=key: f"program {key}")
    assert len(cache._programs) == MAX_PROGRAMS
    assert cache.get(MAX_PROGRAMS, lambda: "made again") == f"program {MAX_PROGRAMS}"
    assert cache.get(0, lambda: "made again") == "made again"


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_scales_the_rest(rate: float) -> None:
    x = np.ones((500, 400), np.float32)
    dropped = np.asarray(dropout(x, np.float32(rate), np.array([1, 2], np.uint32)))
    assert np.mean(dropped == 0) == pytest.approx(rate, abs=5 * np.sqrt(rate * (1 - rate) / x.size))
    np.testing.assert_allclose(dropped[dropped != 0], 1 / (1 - rate), rtol=1e-6)


def test_dropout_differs_by_step_layer_and_epoch() -> None:
    x = np.ones((64, 64), np.float32)
    keys = [np.array(key, np.uint32) for key in ([1, 2], [2, 2], [1, 3], [9, 9])]
    masks = [np.asarray(dropout(x, np.float32(0.5), key)) == 0 for key in keys]
    for index, mask in enumerate(masks):
        for other in masks[:index]:
            assert np.mean(mask == other) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("optimizer", "names"),
    [
        ({"sgd": {"momentum": {"uniform": [0.1, 0.9]}}}, {"sgd.momentum"}),
        ({"rmsprop": {"momentum": {"choice": [0.0, 0.5]}, "centered": True}}, {"rmsprop.momentum"}),
        pytest.param(
            {"adamw": {"weight_decay": {"log_uniform": [1e-3, 1e-1]}}},
            {"adamw.weight_decay"},
            marks=pytest.mark.long,
        ),
        pytest.param({"adam": {"beta_1": {"uniform": [0.8, 0.95]}}}, {"adam.beta_1"}, marks=pytest.mark.long),
    ],
)
def test_searched_coefficients_are_arguments_of_one_program(
    optimizer: dict[str, Any], names: set[str]
) -> None:
    """A searched coefficient gives what the same coefficient as a constant gives, without compiling again."""
    spec = spec_of({"hidden": [8]}, optimizer=optimizer, learning_rate=0.01)
    assert program_options(spec).coefficients == names
    trainer = CompiledTrainer(iris(), program_options(spec))
    constant = CompiledTrainer(iris())
    for number in (0, 1):
        configuration = draw(spec, number)
        for each in (trainer, constant):
            each.start(Member(number, configuration, 3))
            each.advance(number)
            each.advance(number)
        ours, theirs = weights_of(trainer, number), weights_of(constant, number)
        for name, value in theirs.items():
            np.testing.assert_allclose(ours[name], value, atol=2e-5, err_msg=name)
    assert len(trainer.programs._programs) == 1
    first, second = weights_of(trainer, 0), weights_of(trainer, 1)
    assert not same_bits(first, second)


@pytest.mark.parametrize("rows", [pytest.param(1_100, marks=pytest.mark.long), 1_093])
@pytest.mark.parametrize("maker", [CompiledTrainer, FitTrainer])
def test_penalties_of_activations_are_averaged_over_all_validation_rows(maker: Any, rows: int) -> None:
    """However the rows are cut into batches: these are more than the compiled trainer validates at once."""
    data = {"sklearn": "digits", "validation": rows, "rescale": "1/16"}
    dataset = load_dataset(Data.model_validate(data), Path())
    l1, l2 = [0.03, 0.0], [0.0, 0.2]
    spec = spec_of(
        {"hidden": [6, 5], "activation": "tanh", "activity_l1": l1, "activity_l2": l2}, batch_size=256
    )
    trainer = maker(dataset)
    trainer.start(Member(0, draw(spec, 0), 3))
    told = trainer.advance(0).metrics
    weights, tensor = trainer.best_weights(0), dataset.splits[0].validation.x.astype(np.float64)
    penalty = 0.0
    for layer in range(2):
        name = f"hidden_{layer + 1}"
        tensor = np.tanh(tensor @ weights[f"{name}/kernel"] + weights[f"{name}/bias"])
        penalty += np.sum(l1[layer] * np.abs(tensor) + l2[layer] * tensor**2, axis=1).mean()
    assert penalty > 0.05
    assert told["val_loss_with_penalties"] - told["val_loss"] == pytest.approx(penalty, rel=1e-4)
    assert told["loss_with_penalties"] - told["loss"] > 0.05


@pytest.mark.parametrize(
    "settings",
    [
        {"max_value": 2.0},
        {"max_value": 6.0},
        {"negative_slope": 0.1},
        {"negative_slope": 0.1, "max_value": 3.0},
        {"threshold": 0.5},
        {"threshold": 0.25, "negative_slope": 0.1, "max_value": 5.0},
    ],
    ids=str,
)
def test_relu_with_arguments_is_that_of_keras_at_its_corners_too(settings: dict[str, float]) -> None:
    """Where weights begin with zero, every row lies on a corner."""
    component = ACTIVATIONS["relu"].model_validate(settings)
    branch, numbers = activation_branch(activation_kind(component)), _numbers(component)
    layer = keras.layers.ReLU(**settings)
    x = np.array([0.0, 0.25, 0.5, -0.5, -3.0, 7.0], np.float32)
    np.testing.assert_allclose(branch(x, numbers), layer(x), rtol=1e-6)
    ours, theirs = (jax.grad(lambda x, f=f: f(x).sum())(x) for f in (lambda x: branch(x, numbers), layer))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize(
    ("spec", "platform", "cores", "expected"),
    [
        (spec_of(), "cpu", 2, (1, False)),
        (spec_of(LARGE), "cpu", 1, (1, False)),
        (spec_of(LARGE), "cpu", 2, (2, False)),
        (spec_of(LARGE), "cpu", 64, (4, False)),
        (spec_of(search={"width": 5}), "cpu", 2, (5, True)),
        (spec_of(LARGE, search={"width": 5}), "cpu", 2, (5, False)),
        (spec_of(), "gpu", 2, (8, True)),
        (spec_of(TWO_STRUCTURES), "gpu", 2, (1, False)),
        (spec_of(LARGE, search={"width": 3}), "gpu", 2, (3, True)),
    ],
)
def test_side_by_side_follows_the_study_the_platform_and_the_size_of_its_networks(
    spec: StudySpec, platform: str, cores: int, expected: tuple[int, bool]
) -> None:
    assert side_by_side(spec, iris(), platform, cores) == SideBySide(*expected)


def test_members_whose_seconds_are_compared_take_turns() -> None:
    assert side_by_side(spec_of(LARGE), iris(), "cpu", 2, timed=True).width == 1
    assert side_by_side(spec_of(LARGE, search={"width": 2}), iris(), "cpu", 2, timed=True).width == 2


def test_large_networks_get_all_cores() -> None:
    small, large = spec_of(), spec_of(LARGE)
    assert largest_network(small, iris()) == 4 * 12 + 12 * 8 + 8 * 3 < ONE_CORE_MULTIPLICATIONS
    assert largest_network(large, iris()) == 4 * 512 + 512 * 512 + 512 * 3 > ONE_CORE_MULTIPLICATIONS


def test_streaming_trains_what_arrays_train() -> None:
    spec = spec_of({"hidden": [8], "dropout": 0.3}, learning_rate=0.01)
    configuration = draw(spec, 0)
    reports = []
    for stream in (False, True):
        trainer = FitTrainer(iris(), stream=stream)
        trainer.start(Member(0, configuration, 5))
        reports.append([trainer.advance(0).metrics for _ in range(2)])
    assert reports[0] == reports[1]


def test_data_larger_than_their_share_of_the_device_are_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    from hpsearch.engines.session import session

    assert device.fits_device(iris())
    monkeypatch.setattr(device, "device_bytes", lambda: device.data_bytes(iris()))
    trainer, _ = session.trainer_of("auto", iris(), spec_of(), Job(spec_of().dump(), ""))
    assert isinstance(trainer, FitTrainer)
    assert trainer.stream
    assert "streamed through model.fit" in device.too_large(iris())


def test_a_spawned_worker_is_pinned_before_jax_starts(tmp_path: Path) -> None:
    """The tool's own worker runs a small study on one core; this process keeps all of its cores."""
    script = """
import os
from pathlib import Path
from hpsearch.engines.messages import Job
from hpsearch.engines.local import LocalWorker
from hpsearch.spec import read_spec
from hpsearch.spec.study_file.source import Source

if __name__ == "__main__":
    model = {"mlp": {"hidden": [4]}}
    study = {"name": "w", "data": "sklearn:iris", "model": model, "training": {"epochs": 1}}
    before = os.sched_getaffinity(0)
    worker = LocalWorker(Job(read_spec(Source("w", study, {})).dump(), "."))
    decisions = worker.result().decisions
    theirs = os.sched_getaffinity(worker._process.pid)
    worker.close()
    print(decisions.cores, len(theirs), os.sched_getaffinity(0) == before)
"""
    path = tmp_path / "pinned.py"
    path.write_text(script)
    out = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["one", "1", "True"]
