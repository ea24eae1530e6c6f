"""Functions and hypermodels of Keras Tuner: explored, trained, resumed, and blamed for what they raise."""

from __future__ import annotations

import json
import os
import re
import signal
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpsearch.data import load_dataset
from hpsearch.exceptions import ModelCodeError, ModelError
from hpsearch.models.sources.keras_tuner import KerasTunerSource
from hpsearch.models.sources.kinds import Sources
from hpsearch.spec import Data, StudySpec, read_configuration
from hpsearch.spec.sources.python_file import model_code
from hpsearch.store.layout import StudyFiles
from hpsearch.store.resolved import read_resolved
from hpsearch.training.compiled.keras_model.trainer import KerasModelTrainer
from hpsearch.training.messages import Member
from support.commands import events, here, started, succeed, succeed_here, wait_until, write_study

pytestmark = pytest.mark.slow

GUIDE = """
import keras


def build(hp):
    model = keras.Sequential([keras.layers.Flatten()])
    for i in range(hp.Int("num_layers", 1, 2)):
        model.add(
            keras.layers.Dense(
                units=hp.Int(f"units_{i}", min_value=8, max_value=16, step=8),
                activation=hp.Choice("activation", ["relu", "tanh"]),
            )
        )
    if hp.Boolean("dropout"):
        model.add(keras.layers.Dropout(rate=0.25))
    model.add(keras.layers.Dense(3, activation="softmax"))
    learning_rate = hp.Float("lr", min_value=1e-4, max_value=1e-2, sampling="log")
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model
"""
"""The function of Keras Tuner's guide for beginners, with fewer units and classes."""

FOUND = [
    {"name": "num_layers", "value": {"int": [1, 2]}, "default": 1},
    {"name": "units_0", "value": {"int": [8, 16, 8]}, "default": 8},
    {"name": "activation", "value": {"choice": ["relu", "tanh"]}, "default": "relu"},
    {"name": "units_1", "value": {"int": [8, 16, 8]}, "default": 8, "when": {"num_layers": [2]}},
    {"name": "dropout", "value": {"choice": [True, False]}, "default": False},
    {"name": "lr", "value": {"log_uniform": [1e-4, 1e-2]}, "default": 1e-4},
]

EPOCHS = 8


def study(**changes: Any) -> dict[str, Any]:
    return {
        "name": "own",
        "data": {"sklearn": "iris", "standardize": True},
        "model": {"keras_tuner": "nets.py:build"},
        "training": {"epochs": EPOCHS, "batch_size": 60, "early_stopping": {"patience": EPOCHS}},
        "search": {"trials": 3, "sampler": {"tpe": {"startup_trials": 2}}},
        "confirm": {"finalists": 0},
        **changes,
    }


def source(directory: Path, code: str, name: str = "build") -> tuple[KerasTunerSource, StudySpec]:
    (directory / "nets.py").write_text(textwrap.dedent(code))
    spec = StudySpec.model_validate(study(model={"keras_tuner": f"nets.py:{name}"}))
    return KerasTunerSource(model_code(spec, directory)), spec


def explored(directory: Path, code: str, name: str = "build") -> Any:
    found, spec = source(directory, code, name)
    model: Any = found.explored(spec).model
    return [one.dump() for one in model.hyperparameters]


def test_the_space_of_the_guide(tmp_path: Path) -> None:
    assert explored(tmp_path, GUIDE) == FOUND


@pytest.mark.parametrize("name", ["Hyper", "hyper"])
def test_a_hypermodel_is_a_class_or_an_object(name: str, tmp_path: Path) -> None:
    code = GUIDE + textwrap.dedent("""

    class Hyper:
        def declare_hyperparameters(self, hp):
            hp.Fixed("num_layers", 1)

        def build(self, hp):
            return build(hp)

    hyper = Hyper()
    """)
    without = [one for one in FOUND if one["name"] not in ("num_layers", "units_1")]
    assert explored(tmp_path, code, name) == [{"name": "num_layers", "value": 1, "default": 1}, *without]


@pytest.mark.parametrize(
    ("code", "name", "told"),
    [
        (
            "def build(hp):\n    hp.Int('a', 3, 1)\n",
            "build",
            "min_value 3 is greater than the max_value 1.* nets.py:2",
        ),
        ("def other(hp):\n    pass\n", "build", "no function 'build' and no hypermodel"),
        (
            "class Net:\n    def __init__(self, size):\n        pass\n",
            "Net",
            "an object of it, as in my_model",
        ),
    ],
)
def test_errors_say_what_to_do(code: str, name: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ModelCodeError, match=told):
        explored(tmp_path, code, name)


def test_a_missing_keras_tuner_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "keras_tuner", None)
    code = "import keras_tuner\n\ndef build(hp: keras_tuner.HyperParameters):\n    pass\n"
    with pytest.raises(ModelCodeError, match=r"pip install 'hpsearch\[keras-tuner\]', or remove the import"):
        explored(tmp_path, code)


def opened(directory: Path, code: str) -> tuple[KerasModelTrainer, Callable[..., Member]]:
    """Give a trainer of models that `code` builds, and what makes its members."""
    directory.mkdir(exist_ok=True)
    found, _ = source(directory, code)
    dataset = load_dataset(Data.model_validate(study()["data"]), Path())
    trainer = KerasModelTrainer(dataset, sources=Sources({"keras_tuner": found}))

    def member(number: int, **values: Any) -> Member:
        every = {one["name"]: one["default"] for one in FOUND if "when" not in one} | values
        known = [{"name": name, "value": value} for name, value in every.items()]
        model = {"keras_tuner": {"file": "nets.py", "hyperparameters": known}}
        return Member(number, read_configuration({"model": model, "training": study()["training"]}), 5)

    return trainer, member


def test_a_learning_rate_compiles_nothing_anew(tmp_path: Path) -> None:
    trainer, member = opened(tmp_path, GUIDE)
    compilations = []
    for number, (units, rate) in enumerate([(8, 1e-3), (8, 1e-2), (8, 2e-4), (16, 1e-3)]):
        trainer.start(member(number, units_0=units, activation="tanh", dropout=True, lr=rate))
        assert trainer.advance(number).metrics["learning_rate"] == pytest.approx(rate)
        compilations.append(trainer.programs.compilations)
    first, second, third, other = compilations
    assert first == second == third < other


def reports(directory: Path) -> list[tuple[Any, ...]]:
    """Give the number, the epoch and the metrics of every report of a study."""
    told = [event for event in events(directory) if event["kind"] == "report"]
    return [(event["number"], event["epoch"], event["metrics"]) for event in told]


class TestCommands:
    @pytest.fixture(scope="class")
    def directory(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        directory: Path = tmp_path_factory.mktemp("own")
        (directory / "nets.py").write_text(GUIDE)
        write_study(directory / "study.yaml", study())
        succeed_here("optimize", "study.yaml", cwd=directory)
        return directory

    def test_what_was_found_is_kept_and_what_was_tried_is_of_it(self, directory: Path) -> None:
        resolved = read_resolved(StudyFiles(directory, "own"))
        assert resolved is not None
        assert resolved.spec.dump()["model"] == {
            "keras_tuner": {"file": "nets.py", "function": "build", "hyperparameters": FOUND}
        }
        asked = [event["values"] for event in events(directory / "runs" / "own") if event["kind"] == "ask"]
        assert len(asked) == 3
        for values in asked:
            assert ("units_1" in values) == (values["num_layers"] == 2)
        best = json.loads(succeed_here("best", "own", "--format", "json", cwd=directory).stdout)
        own = best["study"]["model"]["keras_tuner"]["hyperparameters"]
        assert {one["name"]: one["value"] for one in own} == best["parameters"]

    def test_validate_runs_nothing(self, directory: Path) -> None:
        told = succeed_here("validate", "study.yaml", cwd=directory).stdout
        assert "what nets.py:build searches is found by running it when the study begins" in told

    @pytest.mark.long
    def test_it_goes_on_with_more_trials(self, directory: Path) -> None:
        before = reports(directory / "runs" / "own")
        succeed_here("optimize", "study.yaml", "--trials", "4", cwd=directory)
        assert reports(directory / "runs" / "own")[: len(before)] == before
        assert len(reports(directory / "runs" / "own")) == 4 * EPOCHS

    def test_a_configuration_to_try_first_must_be_of_the_space(self, tmp_path: Path) -> None:
        (tmp_path / "nets.py").write_text(GUIDE)
        write_study(tmp_path / "study.yaml", study(search={"trials": 1, "enqueue": [{"unit": 8}]}))
        result = here("optimize", "study.yaml", cwd=tmp_path)
        assert result.returncode == 2
        assert "search.enqueue.0.unit: expected the name of a searched parameter" in result.stderr
        assert "Traceback" not in result.stderr

    @pytest.mark.long
    def test_killed_it_goes_on_with_the_same_numbers(self, tmp_path: Path) -> None:
        found = []
        for kill in (True, False):
            directory = tmp_path / str(kill)
            directory.mkdir()
            (directory / "nets.py").write_text(GUIDE)
            write_study(directory / "study.yaml", study())
            files = directory / "runs" / "own"
            if kill:
                with started("optimize", "study.yaml", cwd=directory) as process:
                    wait_until(lambda files=files: len(reports(files)) >= EPOCHS + 2, process)
                    os.killpg(process.pid, signal.SIGKILL)
                    process.communicate(timeout=60)
            succeed("optimize", "study.yaml", cwd=directory)
            found.append(reports(files))
        assert found[0] == found[1]
        assert len(found[0]) == 3 * EPOCHS


@pytest.mark.parametrize("loss", ["'categorical_crossentropy'", "keras.losses.CategoricalCrossentropy()"])
def test_a_loss_of_ones_among_zeros_is_that_of_numbers(loss: str, tmp_path: Path) -> None:
    """The getting-started models of `keras_tuner.applications` are compiled with it."""
    found = []
    for number, name in enumerate(("'sparse_categorical_crossentropy'", loss)):
        code = GUIDE.replace('"sparse_categorical_crossentropy"', name)
        trainer, member = opened(tmp_path / str(number), code)
        trainer.start(member(0, activation="tanh", lr=1e-2))
        found.append(dict(trainer.advance(0).metrics))
    assert found[0] == pytest.approx(found[1], rel=1e-6)


def test_smoothed_labels_are_refused_with_what_to_write(tmp_path: Path) -> None:
    smoothed = "keras.losses.CategoricalCrossentropy(label_smoothing=0.1)"
    trainer, member = opened(tmp_path, GUIDE.replace('"sparse_categorical_crossentropy"', smoothed))
    with pytest.raises(ModelError, match=r"categorical_crossentropy: \{label_smoothing: 0.1\}"):
        trainer.start(member(0))


@pytest.mark.long
def test_a_subclass_of_keras_tuners_hypermodel(tmp_path: Path) -> None:
    pytest.importorskip("keras_tuner")
    code = (
        f"import keras_tuner\n{GUIDE}\n\n"
        "class Hyper(keras_tuner.HyperModel):\n"
        "    def build(self, hp: keras_tuner.HyperParameters):\n"
        "        return build(hp)\n\n"
        "fixed = Hyper(tunable=False)\n"
    )
    assert explored(tmp_path, code, "Hyper") == FOUND
    assert explored(tmp_path, code, "fixed") == []


FIT = (
    GUIDE.replace("def build(", "def network(")
    + """

TOLD = []

class Hyper:
    def build(self, hp):
        return network(hp)

    def fit(self, hp, model, *args, callbacks, **kwargs):
        shuffle = hp.Boolean("shuffle")
        TOLD.append(model.fit(*args, callbacks=callbacks, shuffle=shuffle, verbose=0, **kwargs).history)
        return TOLD[-1]

build = Hyper()
"""
)

LOOP = (
    GUIDE.replace("def build(", "def network(")
    + """

class Hyper:
    def build(self, hp):
        return network(hp)

    def fit(self, hp, model, x, y, validation_data, callbacks=None, **kwargs):
        epochs = hp.Int("epochs", 2, 12)
        for callback in callbacks:
            callback.set_model(model)
        for epoch in range(epochs):
            model.train_on_batch(x, y)
            for callback in callbacks:
                callback.on_epoch_end(epoch, logs={"my_metric": 1.0})
        return 1.0

build = Hyper()
"""
)
"""The form of the guide's own training loop."""


def test_a_fit_of_its_own_is_asked_for_what_it_searches(tmp_path: Path) -> None:
    assert explored(tmp_path, FIT)[-1] == {
        "name": "shuffle",
        "value": {"choice": [True, False]},
        "default": False,
    }
    assert explored(tmp_path, LOOP)[-1] == {"name": "epochs", "value": {"int": [2, 12]}, "default": 2}


@pytest.mark.long
def test_a_fit_of_its_own_reports_what_keras_tells_it_and_goes_on(tmp_path: Path) -> None:
    trainer, member = opened(tmp_path, FIT)
    one = member(0, activation="tanh", lr=1e-2, shuffle=True)
    trainer.start(one)
    found = [trainer.advance(0) for _ in range(EPOCHS)]
    (told,) = __import__("sys").modules["model_nets"].TOLD
    assert [report.last for report in found] == [False] * (EPOCHS - 1) + [True]
    for name in ("val_loss", "val_accuracy"):
        assert [report.metrics[name] for report in found] == pytest.approx(told[name], rel=1e-5)
    assert found[0].metrics["learning_rate"] == pytest.approx(1e-2)

    trainer.start(replace(one, number=1))
    for _ in range(3):
        trainer.advance(1)
    state = trainer.state(1)
    trainer.start(replace(one, number=2), state)
    assert [trainer.advance(2).metrics for _ in range(3, EPOCHS)] == [report.metrics for report in found[3:]]
    assert "trains by its own fit" in " ".join(trainer.new_notes())


@pytest.mark.long
def test_a_loop_of_its_own_says_how_long_it_is(tmp_path: Path) -> None:
    trainer, member = opened(tmp_path, LOOP)
    trainer.start(member(0, lr=1e-2, epochs=10))
    found = [trainer.advance(0) for _ in range(10)]
    assert [report.last for report in found] == [False] * 9 + [True]
    assert found[-1].metrics["val_loss"] < found[0].metrics["val_loss"]


def test_what_a_fit_of_its_own_raises_is_blamed_on_it(tmp_path: Path) -> None:
    trainer, member = opened(tmp_path, LOOP.replace("model.train_on_batch(x, y)", "raise ValueError('no')"))
    trainer.start(member(0, epochs=2))
    failure = trainer.advance(0).failure
    assert failure is not None
    assert re.search(r"ValueError: no \(in fit, nets.py:\d+\)", failure.told)
