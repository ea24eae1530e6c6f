"""Trials that hurt: recorded with their cause, told to the sampler, and never fatal to the study."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import h5py
import pytest

from hpsearch.store.arrays import read_arrays
from support.commands import ended, events, here, run, succeed, succeed_here, write_study

pytestmark = pytest.mark.slow

BUILDER = """
import os, signal, time
import keras

def build(features, outputs, units):
    if units == 13:
        {trouble}
    inputs = keras.Input(features)
    return keras.Model(inputs, keras.layers.Dense(outputs)(keras.layers.Dense(units)(inputs)))
"""

LINEAR = {"mlp": {"hidden": [4], "activation": "linear"}}

DIE = "os.kill(os.getpid(), signal.SIGKILL)"
HANG = "time.sleep(1000)"
USE_UP_MEMORY = "raise MemoryError('cannot allocate 10 TB')"


def study(**parts: Any) -> dict[str, Any]:
    search = {"trials": 4, "sampler": "random", **parts.pop("search", {})}
    training = {"epochs": 2, "batch_size": 64, **parts.pop("training", {})}
    model = parts.pop("model", {"mlp": {"hidden": [4]}})
    return {
        "name": "s",
        "data": "sklearn:iris",
        "model": model,
        "training": training,
        "search": search,
        **parts,
    }


def with_builder(directory: Path, trouble: str, **search: Any) -> Path:
    """Write a study in which trial 1, with 13 units, is in trouble."""
    (directory / "nets.py").write_text(BUILDER.format(trouble=trouble))
    python = {"file": "nets.py", "arguments": {"units": {"choice": [4, 8, 12, 13]}}}
    tried = [{"units": 4}, {"units": 13}, {"units": 8}, {"units": 12}]
    raw = study(model={"python": python}, search={"enqueue": tried, **search})
    write_study(directory / "s.yaml", raw)
    return directory / "runs" / "s"


def states(directory: Path) -> list[str]:
    return [end["state"] for _, end in sorted(ended(directory).items())]


def values(directory: Path) -> dict[int, Any]:
    return {n: end["value"] for n, end in ended(directory).items() if end["state"] == "complete"}


class TestModelsInTrouble:
    @pytest.fixture(scope="class")
    def undisturbed(self, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
        directory = tmp_path_factory.mktemp("undisturbed")
        files = with_builder(directory, "pass")
        succeed("optimize", "s.yaml", cwd=directory)
        return values(files)

    @pytest.mark.parametrize(
        ("trouble", "search", "cause"),
        [
            (DIE, {}, "the worker process died (signal 9)"),
            pytest.param(DIE, {"width": 4}, "the worker process died (signal 9)", marks=pytest.mark.long),
            pytest.param(
                HANG, {"trial_timeout": 15}, "it exceeded trial_timeout, 15 s", marks=pytest.mark.long
            ),
            (USE_UP_MEMORY, {}, "MemoryError: cannot allocate 10 TB"),
        ],
        ids=["dies", "dies among others", "hangs", "memory"],
    )
    def test_costs_its_own_trial_only(
        self, trouble: str, search: dict[str, Any], cause: str, undisturbed: dict[int, Any], tmp_path: Path
    ) -> None:
        files = with_builder(tmp_path, trouble, **search)
        result = succeed("optimize", "s.yaml", cwd=tmp_path)
        assert "Traceback" not in result.stderr
        assert states(files) == ["complete", "failed", "complete", "complete"]
        assert cause in ended(files)[1]["cause"]
        assert values(files) == {n: value for n, value in undisturbed.items() if n != 1}


class TestDivergence:
    @pytest.mark.long
    def test_a_space_that_mostly_fails_has_its_budget(self, tmp_path: Path) -> None:
        raw = study(
            model=LINEAR,
            training={"optimizer": "sgd", "learning_rate": {"log_uniform": [1e-3, 1e30]}, "epochs": 4},
            search={"trials": 30, "sampler": "tpe"},
        )
        write_study(tmp_path / "s.yaml", raw)
        succeed_here("optimize", "s.yaml", "--set", "search.sampler=random", cwd=tmp_path)
        files = tmp_path / "runs" / "s"
        assert len(states(files)) == 30
        assert states(files).count("failed") >= 15, "the space should mostly fail"
        rates = {e["number"]: e["values"]["learning_rate"] for e in events(files) if e["kind"] == "ask"}
        # TPE, which knows of the failures, finds where they do not happen.
        succeed_here("optimize", "s.yaml", "--set", "name=t", cwd=tmp_path)
        learned = tmp_path / "runs" / "t"
        assert states(learned).count("failed") < states(files).count("failed")
        assert max(rates.values()) > 1e6

    def test_a_study_in_which_everything_fails_is_given_up(self, tmp_path: Path) -> None:
        training = {"optimizer": "sgd", "learning_rate": {"log_uniform": [1e25, 1e30]}}
        write_study(tmp_path / "s.yaml", study(model=LINEAR, training=training, search={"trials": 40}))
        result = here("optimize", "s.yaml", cwd=tmp_path)
        assert result.returncode == 1
        assert "the training loss is not finite" in result.stderr
        assert "--new" in result.stderr
        assert states(tmp_path / "runs" / "s") == ["failed"] * 20
        assert (tmp_path / "reports" / "s.html").exists()
        again = here("optimize", "s.yaml", cwd=tmp_path)
        assert (again.returncode, states(tmp_path / "runs" / "s")) == (1, ["failed"] * 20)

    def test_two_causes_are_no_reason_to_give_up(self, tmp_path: Path) -> None:
        raising = (
            "def build(features, outputs, units):\n    raise ValueError('odd' if units % 2 else 'even')\n"
        )
        (tmp_path / "nets.py").write_text(raising)
        python = {"file": "nets.py", "arguments": {"units": {"int": [1, 60]}}}
        write_study(tmp_path / "s.yaml", study(model={"python": python}, search={"trials": 22}))
        result = here("optimize", "s.yaml", cwd=tmp_path)
        assert result.returncode == 1
        assert "every trial failed, 1" in result.stderr
        assert "of 22 with this error: ValueError: " in result.stderr
        files = tmp_path / "runs" / "s"
        assert states(files) == ["failed"] * 22
        causes = {end["cause"] for end in ended(files).values()}
        assert {cause.partition(" (")[0] for cause in causes} == {"ValueError: odd", "ValueError: even"}


NOT_FINITE = {"optimizer": "sgd", "learning_rate": {"log_uniform": [1e25, 1e30]}}


class TestExitCodeWhereEverythingFails:
    """Documented: 0 done, 1 failed; a study without a single result has failed, however it was begun."""

    @pytest.fixture(scope="class")
    def failed(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        directory = tmp_path_factory.mktemp("failed")
        write_study(directory / "s.yaml", study(model=LINEAR, training=NOT_FINITE, search={"trials": 2}))
        result = here("optimize", "s.yaml", cwd=directory)
        assert (result.returncode, states(directory / "runs" / "s")) == (1, ["failed"] * 2)
        assert "every trial failed with the same error: the training loss is not finite" in result.stderr
        assert "Traceback" not in result.stderr
        return directory

    @pytest.mark.parametrize(
        ("arguments", "code", "told"),
        [
            (("optimize", "s.yaml"), 1, "every trial failed with the same error"),
            (("confirm", "s.yaml"), 1, "every trial failed with the same error"),
            (("ablate", "s.yaml"), 1, "no trial of 's' has a value"),
            (("best", "s"), 1, "'s' has no best configuration: every trial failed with the same error"),
            (("best", "s", "--format", "json"), 1, "every trial failed with the same error"),
            (("predict", "s", "s.yaml"), 2, "has no best model"),
            (("report", "s"), 0, ""),
            (("status", "s"), 0, ""),
        ],
        ids=lambda value: value[0] if isinstance(value, tuple) else "",
    )
    def test_of_every_command_on_such_a_study(
        self, failed: Path, arguments: tuple[str, ...], code: int, told: str
    ) -> None:
        result = here(*arguments, cwd=failed)
        assert result.returncode == code, result.stderr
        assert told in result.stderr
        assert "Traceback" not in result.stderr

    def test_of_a_study_that_has_run_out_of_time(self, tmp_path: Path) -> None:
        raw = study(model=LINEAR, training=NOT_FINITE, search={"trials": 19, "timeout": 0.001})
        write_study(tmp_path / "s.yaml", raw)
        result = here("optimize", "s.yaml", cwd=tmp_path)
        assert "the time limit is reached: 1 failed" in result.stdout
        assert result.returncode == 1
        assert "the only trial failed: the training loss is not finite" in result.stderr

    def test_of_a_comparison(self, tmp_path: Path) -> None:
        compare = {"factors": ["activation"], "replicates": 2}
        model = {"mlp": {"hidden": [4], "activation": {"choice": ["linear", "relu"]}}}
        bad = {"optimizer": "sgd", "learning_rate": 1e30}
        raw = study(model=model, training=bad, compare=compare, confirm="none")
        write_study(tmp_path / "s.yaml", raw)
        for more in ((), ("--format", "json")):
            result = here("compare", "s.yaml", *more, cwd=tmp_path)
            assert result.returncode == 1, result.stdout
            assert "every run failed" in result.stderr

    def test_one_result_is_enough(self, tmp_path: Path) -> None:
        tried = [{"learning_rate": 1e-2}, {"learning_rate": 1e30}]
        training = {"optimizer": "sgd", "learning_rate": {"log_uniform": [1e-3, 1e30]}}
        raw = study(model=LINEAR, training=training, search={"trials": 2, "enqueue": tried}, confirm="none")
        write_study(tmp_path / "s.yaml", raw)
        succeed_here("optimize", "s.yaml", cwd=tmp_path)
        assert states(tmp_path / "runs" / "s") == ["complete", "failed"]


def weights_in(path: Path) -> dict[str, bytes]:
    """Give the arrays of a saved model, bit for bit."""
    found: dict[str, bytes] = {}
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as stored:
        stored.visititems(
            lambda name, item: found.update({name: item[()].tobytes()} if hasattr(item, "dtype") else {})
        )
    assert found
    return found


class TestKeptModels:
    def test_so_many_of_the_best(self, tmp_path: Path) -> None:
        training = {"learning_rate": {"log_uniform": [1e-3, 1e-1]}}
        write_study(tmp_path / "s.yaml", study(training=training, search={"trials": 6, "keep": 3}))
        succeed_here("optimize", "s.yaml", cwd=tmp_path)
        files = tmp_path / "runs" / "s"
        trials = json.loads(succeed("trials", "s", "--format", "json", cwd=tmp_path).stdout)
        best = sorted(trial["number"] for trial in sorted(trials, key=lambda t: t["value"])[:3])
        assert [int(path.stem) for path in sorted(files.glob("models/*.npz"))] == best
        first = min(trials, key=lambda trial: trial["value"])["number"]
        others = [number for number in best if number != first]
        assert [int(path.stem) for path in sorted(files.glob("models/*.keras"))] == others

    def test_weights_that_are_gone_are_trained_again(self, tmp_path: Path) -> None:
        training = {"learning_rate": {"log_uniform": [1e-3, 1e-1]}, "epochs": 4}
        write_study(tmp_path / "s.yaml", study(training=training, search={"trials": 2}))
        succeed_here("optimize", "s.yaml", cwd=tmp_path)
        files = tmp_path / "runs" / "s"
        (weights,) = files.glob("models/*.npz")
        before = read_arrays(weights)
        model = weights_in(files / "best.keras")
        weights.write_bytes(weights.read_bytes()[:-10])
        told = run("check", "s", cwd=tmp_path)
        assert told.returncode == 1
        assert f"DAMAGED  runs/s/models/{weights.name}" in told.stdout
        (files / "best.keras").unlink()
        succeed_here("optimize", "s.yaml", cwd=tmp_path)
        assert before is not None
        assert weights_in(files / "best.keras") == model


class TestStoredStudies:
    @pytest.fixture(scope="class")
    def short(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Give the directory of a study of one trial."""
        directory = tmp_path_factory.mktemp("short")
        write_study(directory / "s.yaml", study(search={"trials": 1}))
        succeed_here("optimize", "s.yaml", cwd=directory)
        return directory

    @pytest.mark.long
    def test_a_locked_storage_does_not_stop_the_study(self, tmp_path: Path) -> None:
        training = {"learning_rate": {"log_uniform": [1e-3, 1e-1]}}
        write_study(tmp_path / "s.yaml", study(training=training, search={"trials": 1}))
        succeed_here("optimize", "s.yaml", cwd=tmp_path)
        files = tmp_path / "runs" / "s"
        with closing(sqlite3.connect(files / "study.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            result = succeed_here("optimize", "s.yaml", "--trials", "2", cwd=tmp_path)
        assert "it is locked by another process" in result.stdout
        assert states(files) == ["complete"] * 2
        succeed_here("optimize", "s.yaml", "--trials", "3", cwd=tmp_path)
        with closing(sqlite3.connect(files / "study.db")) as storage:
            assert storage.execute("SELECT COUNT(*) FROM trials").fetchone() == (3,)

    def test_what_a_killed_process_left_half_written_goes(self, short: Path, tmp_path: Path) -> None:
        shutil.copytree(short, tmp_path, dirs_exist_ok=True)
        names = ("runs/s/.trials.csv.1.tmp", "runs/s/.best.1.tmp.keras", "reports/.s.html.1.tmp")
        for name in (*names, "reports/.other.html.1.tmp"):
            (tmp_path / name).write_text("half")
        succeed_here("optimize", "s.yaml", cwd=tmp_path)
        assert [(tmp_path / name).exists() for name in names] == [False] * 3
        assert (tmp_path / "reports/.other.html.1.tmp").exists()

    def test_another_format_is_refused_with_the_way_out(self, short: Path, tmp_path: Path) -> None:
        shutil.copytree(short, tmp_path, dirs_exist_ok=True)
        for name in ("study.yaml", "study.copy.yaml"):
            path = tmp_path / "runs" / "s" / name
            path.write_text(path.read_text().replace("format: 3", "format: 1"))
        for command in (["optimize", "s.yaml"], ["trials", "s"]):
            result = run(*command, cwd=tmp_path)
            assert result.returncode == 2
            assert "format 1" in result.stderr
            assert "--new" in result.stderr
        succeed_here("optimize", "s.yaml", "--new", cwd=tmp_path)

    def test_a_damaged_study_file_is_read_from_its_copy(self, short: Path, tmp_path: Path) -> None:
        shutil.copytree(short, tmp_path, dirs_exist_ok=True)
        path = tmp_path / "runs" / "s" / "study.yaml"
        written = path.read_text()
        path.write_text(written.replace("width: '", "width: '9"))
        told = run("check", "s", cwd=tmp_path)
        assert (told.returncode, "DAMAGED  runs/s/study.yaml" in told.stdout) == (1, True)
        result = succeed_here("optimize", "s.yaml", "--trials", "2", cwd=tmp_path)
        assert "using its copy" in result.stdout
        body = written.replace("trials: 1", "trials: 2").rpartition("#")[0]
        assert path.read_text().rpartition("#")[0] == body
        succeed("check", "s", cwd=tmp_path)
