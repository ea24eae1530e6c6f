"""Models that a person builds in Python: announced, refused, trained, kept, and blamed for what they raise."""

from __future__ import annotations

import json
import os
import signal
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.data import Dataset, load_dataset
from hpsearch.exceptions import ModelCodeError, ModelError, StudyFileError, StudyMismatchError
from hpsearch.models.model import export_model, save_model
from hpsearch.models.saved import foreign_classes, saved_configuration
from hpsearch.models.sources.kinds import Sources
from hpsearch.models.sources.python import PythonSource
from hpsearch.seeds import derive
from hpsearch.spec import Data, StudySpec, load_study_file, print_spec, read_configuration, read_spec
from hpsearch.spec.sources.python_file import announced_code, model_code
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.source import Source, parse
from hpsearch.store.arrays import read_arrays, write_arrays
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.interface import epoch_order
from hpsearch.training.messages import EpochReport, Member, MemberState
from support.commands import ended, events, run, started, succeed, wait_until, write_study

pytestmark = pytest.mark.slow

NETS = """
import os, pathlib
import keras
from keras import layers

pathlib.Path(__file__).with_suffix(".ran").open("a").write(f"{os.getpid()}\\n")


def build(features, outputs, units, activation="relu"):
    if units == 13:
        raise ValueError("13 units\\nbring bad luck")
    rows = keras.Input(features)
    hidden = layers.Dense(units, activation=activation, kernel_regularizer="l2")(rows)
    hidden = layers.Dropout(0.2)(layers.BatchNormalization()(hidden))
    return keras.Model(rows, layers.Dense(outputs)(hidden))
"""

EPOCHS = 20
LINE_THAT_RAISES = NETS[: NETS.index("raise ValueError")].count("\n") + 1


def study(**changes: Any) -> dict[str, Any]:
    """Give a study whose first trial fails."""
    return {
        "name": "own",
        "data": {"sklearn": "iris", "standardize": True},
        "model": {
            "python": {
                "file": "nets.py",
                "arguments": {"units": {"int": [8, 16]}, "activation": {"choice": ["relu", "tanh"]}},
            }
        },
        "training": {
            "epochs": EPOCHS,
            "batch_size": 40,
            "learning_rate": {"log_uniform": [1e-3, 1e-1]},
            # Each epoch is a tick of its own, because it has to be decided about.
            "early_stopping": {"patience": EPOCHS},
        },
        "search": {
            "trials": 3,
            "enqueue": [{"units": 13, "activation": "tanh", "learning_rate": 0.01}],
        },
        **changes,
    }


def spec_of(model: dict[str, Any], **changes: Any) -> StudySpec:
    return StudySpec.model_validate({**study(), "search": {}, "model": {"python": model}, **changes})


class TestStudyFile:
    def test_distributions_become_parameters_with_the_names_of_the_arguments(self) -> None:
        arguments = {
            "units": {"int": [16, 64]},
            "sizes": [8, {"choice": [4, 8]}],
            "kernels": [[3, 3], [5, {"int": [5, 7]}]],
            "rate": {"uniform": [0.0, 0.5]},
            "residual": {"choice": [True, False]},
            "word": "same",
        }
        spec = spec_of({"file": "nets.py", "arguments": arguments}, training={"epochs": 1})
        space = SearchSpace(spec)
        names = ["units", "sizes.1", "kernels.1.1", "rate", "residual"]
        assert [parameter.name for parameter in space.parameters] == names
        values = dict(zip(names, (20, 8, 6, 0.25, True), strict=True))
        model: Any = space.configuration(values).model
        assert dict(model.arguments.items()) == {
            "units": 20,
            "sizes": (8, 8),
            "kernels": ((3, 3), (5, 6)),
            "rate": 0.25,
            "residual": True,
            "word": "same",
        }
        assert model.arguments.dump()["kernels"] == [[3, 3], [5, 6]]
        assert read_spec(parse(print_spec(spec), "printed")) == spec

    def test_an_argument_may_be_a_mapping_that_depends_on_a_choice(self) -> None:
        cells = [
            {"lstm": {"units": {"int": [4, 8]}, "gates": [{"uniform": [0.0, 1.0]}, 0.5]}},
            {"kind": "dense", "layers": 2, "units": {"int": [4, 8]}},
            "none",
        ]
        arguments = {"cell": {"choice": cells}, "ends": {"head": "flat", "rate": {"uniform": [0.0, 0.5]}}}
        spec = spec_of({"file": "nets.py", "arguments": arguments}, training={"epochs": 1})
        space = SearchSpace(spec)
        dense = "cell.dense.units"
        assert [parameter.name for parameter in space.parameters] == [
            "cell",
            "cell.lstm.units",
            "cell.lstm.gates.0",
            dense,
            "ends.rate",
        ]
        assert all(parameter.structural for parameter in space.parameters)
        first = {"cell": "lstm", "cell.lstm.units": 5, "cell.lstm.gates.0": 0.25, "ends.rate": 0.125}
        one = space.configuration(first)
        assert read_configuration(one.dump()) == one
        model: Any = one.model
        assert model.arguments.dump() == {
            "cell": {"lstm": {"units": 5, "gates": [0.25, 0.5]}},
            "ends": {"head": "flat", "rate": 0.125},
        }
        other: Any = space.configuration({"cell": "dense, layers=2", dense: 6, "ends.rate": 0.125}).model
        assert other.arguments.dump()["cell"] == {"kind": "dense", "layers": 2, "units": 6}
        assert read_spec(parse(print_spec(spec), "printed")) == spec

    def test_beside_a_perceptron_the_names_say_whose_they_are(self) -> None:
        own = {"python": {"file": "nets.py", "arguments": {"units": {"int": [2, 3]}}}}
        mlp = {"mlp": {"layers": 1, "units": {"int": [2, 3]}}}
        space = SearchSpace(StudySpec.model_validate({**study(), "model": {"choice": [own, mlp]}}))
        names = [parameter.name for parameter in space.parameters][:3]
        assert names == ["model", "model.python(file=nets.py).units", "model.mlp(layers=1).units"]

    @pytest.mark.parametrize(
        ("model", "path", "expected"),
        [
            ({}, "", "the key 'file'"),
            ({"file": ""}, "file", "text that is not empty"),
            ({"file": "a.py", "function": "a b"}, "function", "the name of a function"),
            ({"file": "a.py", "arguments": [1]}, "arguments", "a mapping"),
            ({"file": "a.py", "arguments": {"a-b": 1}}, "arguments.a-b", "the name of an argument"),
            ({"file": "a.py", "arguments": {"class": 1}}, "arguments.class", "the name of an argument"),
            ({"file": "a.py", "arguments": {"outputs": 1}}, "arguments.outputs", "other than features and"),
            ({"file": "a.py", "arguments": {"choice": [1, 2]}}, "arguments.choice", "names of arguments"),
            ({"file": "a.py", "arguments": {"x": None}}, "arguments.x", "a number, a word"),
            ({"file": "a.py", "arguments": {"x": {"y": None}}}, "arguments.x.y", "a number, a word"),
            ({"file": "a.py", "arguments": {"x": {"a-b": 1}}}, "arguments.x.a-b", "the name of an argument"),
            (
                {"file": "a.py", "arguments": {"x": {"itn": [1, 2]}}},
                "arguments.x.itn",
                "a distribution (choice",
            ),
            (
                {"file": "a.py", "arguments": {"x": {"y": 1, "int": 2}}},
                "arguments.x.int",
                "a distribution (ch",
            ),
            (
                {"file": "a.py", "arguments": {"x": {"min": 1, "max": 2}}},
                "arguments.x",
                "a distribution, as in",
            ),
            (
                {"file": "a.py", "arguments": {"x": {"choice": [{"y": {"int": [2, 1]}}]}}},
                "arguments.x.choice.0.y",
                "a low",
            ),
            ({"file": "a.py", "arguments": {"x": []}}, "arguments.x", "at least one item"),
            ({"file": "a.py", "arguments": {"x": float("nan")}}, "arguments.x", "a number that is finite"),
            ({"file": "a.py", "arguments": {"x": [1, {"int": [3, 2]}]}}, "arguments.x.1", "a low bound"),
            ({"file": "a.py", "arguments": {"x": {"choice": [1, True]}}}, "arguments.x.choice.1", "differ"),
            ({"file": "a.py", "arguments": {"steps": {"int": [1, 2]}}}, "arguments.steps", "another name"),
        ],
    )
    def test_errors_name_their_place(self, model: dict[str, Any], path: str, expected: str) -> None:
        data = {**study(), "model": {"python": model}}
        with pytest.raises(StudyFileError) as error:
            read_spec(Source("study.yaml", data, {(): 1}))
        (problem,) = error.value.problems
        assert problem.path == f"model.python{'.' if path else ''}{path}"
        assert expected in problem.expected


def reports(directory: Path) -> list[tuple[Any, ...]]:
    """Give the number, the epoch and the metrics of every report of a study."""
    told = [event for event in events(directory) if event["kind"] == "report"]
    return [(event["number"], event["epoch"], event["metrics"]) for event in told]


class TestCommands:
    """The real process."""

    @pytest.fixture(scope="class")
    def directory(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Give the directory of a study that was run, and whose code is no more."""
        directory: Path = tmp_path_factory.mktemp("own")
        (directory / "nets.py").write_text(NETS)
        write_study(directory / "study.yaml", study())
        result = succeed("optimize", "study.yaml", cwd=directory)
        (directory / "told").write_text(result.stdout)
        (directory / "nets.py").rename(directory / "nets.was")
        return directory

    def test_it_is_announced_before_anything_else(self, directory: Path) -> None:
        first = (directory / "told").read_text().splitlines()[0]
        assert first == f"this study runs code: {directory.resolve() / 'nets.py'} (build)"

    def test_it_runs_in_the_training_process_only(self, directory: Path) -> None:
        assert len((directory / "nets.ran").read_text().splitlines()) == 1

    def test_what_a_build_raises_fails_its_trial_alone(self, directory: Path) -> None:
        ends = ended(directory / "runs" / "own")
        assert [ends[number]["state"] for number in range(3)] == ["failed", "complete", "complete"]
        cause = f"ValueError: 13 units bring bad luck (in build, nets.py:{LINE_THAT_RAISES})"
        assert ends[0]["cause"] == cause

    def test_readers_need_no_code(self, directory: Path) -> None:
        for command in (["validate", "--no-data"], ["trials"], ["report"], ["check"]):
            assert "Traceback" not in succeed(*command, "study.yaml", cwd=directory).stderr
        missing = run("validate", "study.yaml", cwd=directory)
        assert missing.returncode == 2
        assert "nets.py: no such file" in missing.stderr
        assert "ValueError: 13 units" in (directory / "reports" / "own.html").read_text()

    def test_the_best_model_loads_in_plain_keras_and_keeps_its_loss(self, directory: Path) -> None:
        best = json.loads(succeed("best", "own", "--format", "json", cwd=directory).stdout)
        own = best["study"]["model"]["python"]
        assert own["file"] == str(directory.resolve() / "nets.py")
        assert own["arguments"]["units"] == best["parameters"]["units"]
        model = keras.saving.load_model(directory / "runs" / "own" / "best.keras", safe_mode=True)
        rows = load_dataset(Data.model_validate(study()["data"]), Path()).raw(0, "validation")
        outputs = model.predict(rows.x, verbose=0)
        np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)
        loss = -np.log(outputs[np.arange(len(rows)), rows.y.astype(int)]).mean()
        assert loss == pytest.approx(best["value"], rel=1e-5)

    def test_a_missing_file_is_one_line(self, directory: Path) -> None:
        result = run("optimize", "study.yaml", "--trials", "4", cwd=directory)
        assert result.returncode == 2
        path = directory.resolve() / "nets.py"
        assert (
            result.stderr == f"hpsearch: study.yaml:5: model.python.file: {path}: no such file or directory\n"
        )

    def test_a_changed_file_is_refused_and_not_run(self, directory: Path) -> None:
        changed = directory / "nets.py"
        changed.write_text(NETS.replace("Dropout(0.2)", "Dropout(0.3)"))
        result = run("optimize", "study.yaml", "--trials", "4", cwd=directory)
        changed.unlink()
        assert result.returncode == 2
        assert "the Python code of the study 'own' has changed since it was started" in result.stderr
        assert "restore the old file, give the study another name, or start over with --new" in result.stderr
        assert len((directory / "nets.ran").read_text().splitlines()) == 1

    def test_no_code_refuses_it_before_anything_runs(self, tmp_path: Path) -> None:
        (tmp_path / "nets.py").write_text(NETS)
        (tmp_path / "study.yaml").write_text(print_spec(StudySpec.model_validate(study())))
        lines = (tmp_path / "study.yaml").read_text().splitlines()
        result = run("optimize", "study.yaml", "--no-code", cwd=tmp_path)
        assert result.returncode == 2
        place = f"study.yaml:{lines.index('  python:') + 1}: model.python: "
        assert result.stderr.startswith(f"hpsearch: {place}")
        assert "--no-code" in result.stderr
        assert "Traceback" not in result.stderr
        assert sorted(path.name for path in tmp_path.iterdir()) == ["nets.py", "study.yaml"]

    def test_no_code_lets_other_studies_run(self, tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", study(model={"mlp": {"hidden": [4]}}, search={}))
        told: list[str] = []
        loaded = load_study_file(tmp_path / "study.yaml")
        assert announced_code(loaded, told.append, refused=True) == ()
        assert told == []

    def test_a_file_that_is_not_python_ends_the_study_with_its_line(self, tmp_path: Path) -> None:
        (tmp_path / "nets.py").write_text("import keras\ndef build(features:\n")
        write_study(tmp_path / "study.yaml", study())
        result = run("optimize", "study.yaml", cwd=tmp_path)
        assert result.returncode == 2
        assert f"{tmp_path.resolve() / 'nets.py'}:2: not Python" in result.stderr
        assert "Traceback" not in result.stderr
        assert not events(tmp_path / "runs" / "own")

    @pytest.mark.long
    def test_interrupted_it_goes_on_with_the_same_numbers(self, directory: Path, tmp_path: Path) -> None:
        """The states of dropout are in the checkpoint, and weights are a function of the trial's seed."""
        (tmp_path / "nets.py").write_text(NETS)
        write_study(tmp_path / "study.yaml", study())
        files = tmp_path / "runs" / "own"
        with started("optimize", "study.yaml", cwd=tmp_path) as process:
            wait_until(lambda: len(reports(files)) >= EPOCHS // 2, process)
            os.kill(process.pid, signal.SIGINT)
            process.communicate(timeout=60)
        assert process.returncode == 130
        assert EPOCHS // 2 <= len(reports(files)) < EPOCHS, (
            "it should stop within the first trial that trains"
        )
        succeed("optimize", "study.yaml", cwd=tmp_path)
        assert len(reports(files)) == 2 * EPOCHS
        assert reports(files) == reports(directory / "runs" / "own")

    @pytest.mark.long
    def test_on_another_backend(self, tmp_path: Path) -> None:
        training = {"epochs": 2, "batch_size": 40, "backend": "tensorflow"}
        (tmp_path / "nets.py").write_text(NETS)
        write_study(tmp_path / "study.yaml", study(training=training, search={"trials": 1}))
        succeed("optimize", "study.yaml", cwd=tmp_path)
        assert ended(tmp_path / "runs" / "own")[0]["state"] == "complete"
        assert (tmp_path / "runs" / "own" / "best.keras").exists()


@cache
def data(name: str = "iris", **options: Any) -> Dataset:
    return load_dataset(Data.model_validate({"sklearn": name, "standardize": True, **options}), Path())


AblationSpace = tuple[FitTrainer, Callable[..., Member]]


def opened(
    directory: Path, code: str, dataset: Dataset | None = None, name: str = "nets.py"
) -> AblationSpace:
    """Give a trainer of models that `code` builds, and what makes its members."""
    (directory / name).write_text(textwrap.dedent(code))
    spec = spec_of({"file": name})
    trainer = FitTrainer(
        dataset or data(), sources=Sources({"python": PythonSource(model_code(spec, directory))})
    )

    def member(number: int = 0, seed: int = 5, **arguments: Any) -> Member:
        model = {"python": {"file": name, "arguments": arguments}}
        training = {"epochs": 6, "batch_size": 40, "learning_rate": 0.01}
        return Member(number, read_configuration({"model": model, "training": training}), seed)

    return trainer, member


def train(trainer: FitTrainer, one: Member, epochs: int) -> list[EpochReport]:
    trainer.start(one)
    return [trainer.advance(one.number) for _ in range(epochs)]


NOISY = """
    import keras
    from keras import layers

    class Noise(layers.Layer):
        def __init__(self):
            super().__init__()
            self.generators = [keras.random.SeedGenerator() for _ in range(2)]

        def call(self, rows):
            draws = [keras.random.normal((4,), seed=generator) for generator in self.generators]
            return rows + 0.1 * sum(draws)

    def build(features, outputs, rate=0.3):
        inner = keras.Sequential([layers.Dense(6), layers.BatchNormalization(), layers.Dropout(rate)])
        rows = keras.Input(features)
        return keras.Model(rows, layers.Dense(outputs)(inner(Noise()(rows))))
"""


class TestTraining:
    def test_goes_on_from_a_state_as_if_never_stopped(self, tmp_path: Path) -> None:
        trainer, member = opened(tmp_path, NOISY)
        train(trainer, member(), 2)
        state = trainer.state(0)
        write_arrays(tmp_path / "state.npz", state.arrays, state.progress)
        going_on = [trainer.advance(0).metrics for _ in range(2)]
        stored = read_arrays(tmp_path / "state.npz")
        assert stored is not None
        later, _ = opened(tmp_path, NOISY)
        later.start(member(), MemberState(*stored))
        assert [later.advance(0).metrics for _ in range(2)] == going_on
        for name, array in trainer.state(0).arrays.items():
            np.testing.assert_array_equal(later.state(0).arrays[name], array, err_msg=name)
        random = [name for name in state.arrays if "/random/" in name]
        assert len(random) == 3, "dropout has a state, and the layer of one's own has two"

    def test_numbers_depend_on_the_seed_and_on_nothing_around(self, tmp_path: Path) -> None:
        alone, member = opened(tmp_path, NOISY)
        (report,) = train(alone, member(), 1)
        trainer, _ = opened(tmp_path, NOISY)
        np.random.seed(1)  # noqa: NPY002 - what a person's code may do
        trainer.start(member(7, seed=9, rate=0.1))
        trainer.start(member())
        assert trainer.advance_all((7, 0))[1].metrics == report.metrics
        trainer.start(member(1))
        trainer.start(member(2, seed=6))
        kernels = [trainer.state(number).arrays["0/now/model/0"] for number in (1, 2)]
        assert not np.array_equal(*kernels)

    @pytest.mark.parametrize("penalty", ["kernel_regularizer='l2'", "activity_regularizer='l1'"])
    def test_penalties_count_only_where_they_are_told(self, penalty: str, tmp_path: Path) -> None:
        code = f"""
            import keras
            def build(features, outputs):
                layers = [keras.layers.Dense(5, {penalty}), keras.layers.Dense(outputs)]
                return keras.Sequential([keras.Input(features), *layers])
        """
        trainer, member = opened(tmp_path, code)
        metrics = train(trainer, member(), 1)[0].metrics
        weights = trainer.best_weights(0)
        assert weights is not None
        first, second, third, last = (weights[f"model/{index}"] for index in range(4))
        rows = data().splits[0].validation
        hidden = rows.x @ first + second
        logits = (hidden @ third + last).astype(np.float64)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        bare = -logs[np.arange(len(rows)), rows.y].mean()
        added = {"k": 0.01 * np.square(first).sum(), "a": 0.01 * np.abs(hidden).sum() / len(rows)}
        assert metrics["val_loss"] == pytest.approx(bare, rel=1e-5)
        apart = metrics["val_loss_with_penalties"] - metrics["val_loss"]
        assert apart == pytest.approx(added[penalty[:1]], rel=1e-3, abs=1e-6)

    @pytest.mark.parametrize(("name", "units"), [("breast_cancer", 1), ("diabetes", 1)])
    def test_the_exported_model_has_scaling_and_activation(
        self, name: str, units: int, tmp_path: Path
    ) -> None:
        code = """
            import keras
            from keras import layers
            def build(features, outputs):
                assert isinstance(features, tuple)
                two = [keras.Sequential([layers.Dense(4, name="same"), layers.ReLU()]) for _ in range(2)]
                return keras.Sequential([*two, layers.Dense(outputs)])
        """
        dataset = data(name, subset=120)
        trainer, member = opened(tmp_path, code, dataset)
        metrics = train(trainer, member(), 2)[-1].metrics
        weights = trainer.best_weights(0)
        assert weights is not None
        assert len(weights) == 6, "layers of one name have weights of their own"
        split = dataset.splits[0]
        model = export_model(
            member().configuration,
            dataset.features,
            trainer.objective,
            split.scaling,
            weights,
            member().seed,
            trainer.sources,
        )
        save_model(model, tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
        rows = dataset.raw(0, "validation")
        told = loaded.evaluate(rows.x, rows.y, verbose=0, return_dict=True)
        assert loaded.output_shape == (None, units)
        assert told["loss"] == pytest.approx(min(metrics["val_loss"], told["loss"] + 1), rel=1e-4)


class TestFailures:
    @pytest.mark.parametrize(
        ("code", "cause"),
        [
            ("raise KeyError('x')", "nets.py: KeyError: 'x' (in <module>, nets.py:1)"),
            ("\nimport no_such_module", "nets.py:2)"),
            ("raise SystemExit(3)", "SystemExit: 3 (in <module>, nets.py:1)"),
            ("x = 1\n  y = 2", "nets.py:2: not Python: unexpected indent"),
            ("build = 3", "nets.py has no function 'build'"),
            ("", "nets.py has no function 'build'"),
        ],
    )
    def test_of_a_file(self, code: str, cause: str, tmp_path: Path) -> None:
        with pytest.raises(ModelCodeError) as error:
            opened(tmp_path, code)
        assert cause in str(error.value)
        assert error.value.exit_code == 2
        assert "\n" not in str(error.value)

    def test_of_a_file_that_has_changed_under_way(self, tmp_path: Path) -> None:
        (tmp_path / "nets.py").write_text("raise AssertionError")
        code = model_code(spec_of({"file": "nets.py"}), tmp_path)
        with pytest.raises(StudyMismatchError):
            PythonSource(code, "another fingerprint")

    @pytest.mark.parametrize(
        ("body", "cause"),
        [
            ("return helper()", "ZeroDivisionError: division by zero (in helper, nets.py:3)"),
            ("raise SystemExit('no more')", "SystemExit: no more (in build, nets.py:5)"),
            ("return 3", "the function returns int instead of a keras.Model (in build, nets.py:4)"),
            (
                "return keras.Sequential([DENSE])",
                "layers of an earlier model: each trial needs new ones",
            ),
            (
                "return keras.Sequential([keras.layers.Dense(outputs + 1)])",
                "the model has outputs of shape (None, 4), but this study needs (None, 3): give its single output as many units as the argument outputs (in build, nets.py:4)",
            ),
            (
                "r = keras.Input(features); return keras.Model(r, [r, r])",
                "the model has several outputs, but this study needs (None, 3): give its single output as many units as the argument outputs (in build, nets.py:4)",
            ),
            (
                "return keras.Sequential([keras.layers.Dense(outputs)], name='predictions')",
                "a model called 'predictions', which is the name of a layer that hpsearch adds",
            ),
            (
                "return Unsaveable(object())",
                "the model cannot be saved: NotImplementedError: Object Unsaveable was created by passing",
            ),
            ("return keras.layers.Dense(-3)", "(in build, nets.py:5)"),
        ],
    )
    def test_of_a_function(self, body: str, cause: str, tmp_path: Path) -> None:
        code = """\
            import keras; DENSE = keras.layers.Dense(3)
            def helper():
                return 1 / 0
            def build(features, outputs):
                BODY

            class Unsaveable(keras.Model):
                def __init__(self, thing):
                    super().__init__()
                    self.dense = keras.layers.Dense(3)

                def call(self, rows):
                    return self.dense(rows)
        """
        trainer, member = opened(tmp_path, code.replace("BODY", body))
        if "DENSE" in body:
            trainer.start(member(1))
        with pytest.raises(ModelError) as error:
            trainer.start(member())
        assert cause in str(error.value)
        assert not trainer.has(0)

    def test_of_an_argument_that_the_function_does_not_have(self, tmp_path: Path) -> None:
        trainer, member = opened(tmp_path, "\ndef build(features, outputs):\n    return None\n")
        with pytest.raises(ModelError, match=r"unexpected keyword argument 'units' \(in build, nets.py:2\)"):
            trainer.start(member(units=3))

    def test_of_a_layer_in_training_end_that_trial_and_no_other(self, tmp_path: Path) -> None:
        code = """
            import keras
            class Fragile(keras.layers.Layer):
                def __init__(self, when):
                    super().__init__()
                    self.when = when
                def call(self, rows, training=False):
                    if training and self.when == "train":
                        raise RuntimeError("it broke")
                    return rows
            def build(features, outputs, when):
                layers = [Fragile(when), keras.layers.Dense(outputs)]
                return keras.Sequential([keras.Input(features), *layers])
        """
        trainer, member = opened(tmp_path, code)
        for number, when in enumerate(("train", "never")):
            trainer.start(member(number, when=when))
        broken, whole = trainer.advance_all((0, 1))
        assert whole.failure is None
        assert broken.failure is not None
        assert "RuntimeError" in broken.failure.cause
        assert "it broke" in broken.failure.cause
        assert broken.failure.cause.endswith("(in call, nets.py:9)")
        trainer.stop(0)
        assert trainer.advance(1).failure is None


WEIGHTED = """
    import keras
    from keras import layers, ops

    @keras.saving.register_keras_serializable("weighted")
    class Weighted(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            weights = ops.where(ops.equal(ops.cast(y, "int32"), 2), 20.0, 1.0)
            return super().compute_loss(x, y, y_pred, ops.reshape(weights, (-1,)), training)

    def build(features, outputs, kind="weighted", end=None):
        rows = keras.Input(features)
        given = layers.Dense(outputs, activation=end)(layers.Dense(8, activation="tanh")(rows))
        return (Weighted if kind == "weighted" else keras.Model)(rows, given)
"""


class TestMethodsOfItsOwn:
    """A class-weighted loss trains as it does in plain Keras, and only as that."""

    @pytest.mark.parametrize("end", ["linear", "softmax"])
    def test_train_as_in_plain_keras(self, end: str, tmp_path: Path) -> None:
        trainer, member = opened(tmp_path, WEIGHTED)
        (report,) = train(trainer, member(end=end), 1)
        assert report.failure is None
        found: dict[str, Any] = {}
        exec(textwrap.dedent(WEIGHTED), found)  # noqa: S102 - it is our own
        keras.utils.set_random_seed(derive(5, "build") % 2**32)
        model = found["build"]((4,), 3, end=end)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=end == "linear")
        model.compile(keras.optimizers.Adam(0.01), loss)
        split = data().splits[0]
        order = epoch_order(5, 1, len(split.train))
        x, y = split.train.x[order], split.train.y[order]
        told = model.fit(x, y, batch_size=40, shuffle=False, verbose=0)
        for own, plain in zip(trainer.weights(0).values(), model.get_weights(), strict=True):
            np.testing.assert_allclose(own, plain, rtol=1e-5, atol=1e-6)
        assert report.metrics["loss_with_penalties"] == pytest.approx(told.history["loss"][0], rel=1e-5)
        unweighted = keras.Model(model.inputs, model.outputs)
        unweighted.compile(loss=loss)
        expected = unweighted.evaluate(split.validation.x, split.validation.y, verbose=0)
        assert report.metrics["val_loss"] == pytest.approx(expected, rel=1e-5)

    def test_are_no_part_of_what_is_kept(self, tmp_path: Path) -> None:
        trainer, member = opened(tmp_path, WEIGHTED)
        one = member(end="softmax")
        (report,) = train(trainer, one, 1)
        scaling = data().splits[0].scaling
        weights = trainer.best_weights(0)
        assert weights is not None
        arguments = (one.configuration, (4,), trainer.objective, scaling, weights, one.seed, trainer.sources)
        save_model(export_model(*arguments), tmp_path / "best.keras")
        assert not list(foreign_classes(saved_configuration(tmp_path / "best.keras")))
        rows = data().raw(0, "validation")
        model = keras.saving.load_model(tmp_path / "best.keras", safe_mode=True)
        told = model.evaluate(rows.x, rows.y, verbose=0, return_dict=True)
        assert told["loss"] == pytest.approx(report.metrics["val_loss"], rel=1e-5)

    def test_go_on_from_a_state_as_if_never_stopped(self, tmp_path: Path) -> None:
        trainer, member = opened(tmp_path, WEIGHTED)
        train(trainer, member(end="softmax"), 1)
        state = trainer.state(0)
        going_on = trainer.advance(0).metrics
        later, _ = opened(tmp_path, WEIGHTED)
        later.start(member(end="softmax"), state)
        assert later.advance(0).metrics == going_on

    def test_what_they_raise_is_told(self, tmp_path: Path) -> None:
        raising = WEIGHTED.replace("weights = ops", "raise KeyError('my loss'); weights = ops")
        trainer, member = opened(tmp_path, raising)
        (report,) = train(trainer, member(), 1)
        assert report.failure is not None
        assert "KeyError: 'my loss'" in report.failure.cause
