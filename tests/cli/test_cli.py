"""The command line, as a process: what it prints, what it leaves behind, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import select
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import optuna
import pytest
from ruamel.yaml import YAML

from hpsearch.cli.options import EngineChoice
from hpsearch.engines import ENGINES
from hpsearch.spec import load_study_file
from hpsearch.study.lifecycle import optimize
from hpsearch.study.options import Options
from support.commands import (
    LIMIT,
    Result,
    command,
    environment,
    events,
    python,
    run,
    started,
    succeed,
    succeed_here,
    wait_until,
    write_study,
)
from support.progress import Silent

HEAVY = ("keras", "jax", "tensorflow", "torch", "optuna", "sklearn", "matplotlib", "scipy")

STUDY: dict[str, Any] = {
    "name": "flowers",
    "data": "sklearn:iris",
    "model": {
        "mlp": {
            "hidden": [8],
            "activation": {"choice": ["relu", {"elu": {"alpha": {"uniform": [0.5, 1.5]}}}]},
        }
    },
    "training": {
        "optimizer": "sgd",
        "learning_rate": {"choice": [0.05, 0.1, 1e30]},
        "epochs": 3,
        "batch_size": 16,
    },
    "search": {
        "trials": 4,
        "enqueue": [
            {"activation": "elu", "activation.elu.alpha": 1.0, "learning_rate": 1e30},
            {"activation": "elu", "activation.elu.alpha": 0.75, "learning_rate": 0.1},
        ],
    },
    "confirm": "none",
}
"""A study with a condition, whose first trial fails."""


def small(name: str, **training: Any) -> dict[str, Any]:
    """Give a study that is quickly trained and searches one number."""
    return {
        "name": name,
        "data": "sklearn:iris",
        "model": {"mlp": {"hidden": [8]}},
        "training": {
            "learning_rate": {"log_uniform": [1e-3, 1e-1]},
            "epochs": 2,
            "batch_size": 16,
            **training,
        },
        "search": {"trials": 2},
    }


@dataclass(frozen=True)
class Finished:
    """A finished study: where it is, and what the command that ran it printed."""

    directory: Path
    result: Result

    @property
    def files(self) -> Path:
        return self.directory / "runs" / "flowers"

    @cached_property
    def trials(self) -> list[dict[str, Any]]:
        printed = succeed("trials", "flowers", "--format", "json", cwd=self.directory).stdout
        trials: list[dict[str, Any]] = json.loads(printed)
        return trials

    @property
    def best(self) -> dict[str, Any]:
        return min((t for t in self.trials if t["value"] is not None), key=lambda trial: trial["value"])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Run a study once for all who only look at it."""
    directory = tmp_path_factory.mktemp("finished")
    write_study(directory / "study.yaml", STUDY)
    return Finished(directory, succeed("optimize", "study.yaml", cwd=directory))


@pytest.mark.slow
def test_training_in_this_process_gives_the_same_numbers(finished: Finished, tmp_path: Path) -> None:
    assert [name.value for name in EngineChoice] == list(ENGINES)
    write_study(tmp_path / "study.yaml", STUDY)
    result = succeed("optimize", "study.yaml", "--engine", "in_process", cwd=tmp_path)
    here = Finished(tmp_path, result)
    told = [[{**trial, "seconds": 0} for trial in one.trials] for one in (finished, here)]
    assert told[0] == told[1]
    settings = [
        YAML(typ="safe", pure=True).load(one.files / "study.yaml")["resolved"]["settings"]
        for one in (finished, here)
    ]
    assert ["cores" in one for one in settings] == [True, False], "only a process of its own is pinned"


def refused(result: Result, code: int = 2) -> str:
    """Expect a message for people on stderr, and nothing else."""
    assert result.returncode == code, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert result.stderr.strip()
    return result.stderr


class TestWithoutHeavyLibraries:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("arguments", "without"),
        [
            (["--help"], HEAVY),
            (["validate", "study.yaml", "--no-data"], HEAVY),
            (["validate", "study.yaml"], ("keras", "jax", "tensorflow", "torch", "matplotlib")),
            (["schema"], HEAVY),
            (["optimize", "--help"], HEAVY),
        ],
    )
    def test_imports(self, arguments: list[str], without: tuple[str, ...], tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", STUDY)
        code = (
            "import sys\n"
            "from hpsearch.cli import main\n"
            "try:\n"
            "    main()\n"
            "except SystemExit as end:\n"
            "    assert not end.code, end.code\n"
            f"print('imported', *[name for name in {without} if name in sys.modules])\n"
        )
        result = python(code, *arguments, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines()[-1] == "imported"

    @pytest.mark.slow
    def test_help_lists_every_command_and_exit_code(self, tmp_path: Path) -> None:
        told = succeed("--help", cwd=tmp_path).stdout
        for name in (
            "validate",
            "schema",
            "optimize",
            "probe",
            "trials",
            "best",
            "report",
            "status",
            "list",
            "delete",
            "dashboard",
        ):
            assert re.search(rf"^  {name} ", told, re.MULTILINE), name
        for code in ("0 done", "1 failed", "2 bad input", "3 locked", "130"):
            assert code in told
        assert succeed("--version", cwd=tmp_path).stdout.startswith("hpsearch ")

    def test_schema_is_json(self, tmp_path: Path) -> None:
        schema = json.loads(succeed("schema", cwd=tmp_path).stdout)
        assert {"name", "data", "model", "training", "search"} <= set(schema["properties"])


class TestValidate:
    def test_shows_what_is_searched(self, tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", STUDY)
        result = succeed("validate", "study.yaml", cwd=tmp_path)
        rows = [line.split("  ") for line in result.stdout.splitlines()]
        cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
        assert ["activation.elu.alpha", "uniform [0.5, 1.5]", "activation = elu"] in cells
        assert ["learning_rate", "choice [0.05, 0.1, 1e+30]"] in cells
        assert cells[-1] == ["3 parameters, 1 distinct structure"]
        assert not (tmp_path / "runs").exists()

    def test_takes_settings(self, tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", small("a"))
        told = succeed("validate", "study.yaml", "--set", "training.learning_rate=0.1", cwd=tmp_path).stdout
        assert "nothing is searched" in told


GOOD = """name: a
data: sklearn:iris
model:
  mlp: {hidden: [4]}
training: {epochs: 2}
"""

BAD = {
    "not YAML": ("name: [1", 1, ""),
    "empty": ("", 1, ""),
    "a list": ("- 1\n", 1, ""),
    "unknown section": (GOOD + "serch: {}\n", 6, "serch"),
    "unknown field": (GOOD.replace("{hidden: [4]}", "{hiden: [4]}"), 4, "model.mlp"),
    "unknown activation": (GOOD.replace("[4]}", "[4], activation: relus}"), 4, "model.mlp.activation"),
    "wrong type": (GOOD.replace("epochs: 2", "epochs: two"), 5, "training.epochs"),
    "out of range": (GOOD.replace("[4]}", "[4], dropout: 1.5}"), 4, "model.mlp.dropout"),
    "bad range": (
        GOOD.replace("epochs: 2", "epochs: 2, learning_rate: {uniform: [1, 0]}"),
        5,
        "training.learning_rate",
    ),
    "bad name": (GOOD.replace("name: a", "name: a/b"), 1, "name"),
    "unknown data": (GOOD.replace("iris", "irises"), 2, "data"),
    "unknown metric": (GOOD + "search: {metric: vall_loss}\n", 6, "search.metric"),
    "unknown sampler": (GOOD + "search:\n  sampler: tpf\n", 7, "search.sampler"),
    "unknown in enqueue": (GOOD + "search:\n  enqueue: [{lr: 1}]\n", 7, "search.enqueue"),
}


class TestBadStudyFiles:
    @pytest.mark.slow
    @pytest.mark.parametrize("verb", ["validate", "optimize"])
    @pytest.mark.parametrize("kind", BAD)
    def test_exit_code_and_place(self, verb: str, kind: str, tmp_path: Path) -> None:
        text, line, path = BAD[kind]
        (tmp_path / "bad.yaml").write_text(text)
        told = refused(run(verb, "bad.yaml", cwd=tmp_path))
        assert f"bad.yaml:{line}: {path}" in told
        assert "expected" in told
        assert "found" in told
        assert not (tmp_path / "runs").exists()

    def test_all_problems_at_once(self, tmp_path: Path) -> None:
        (tmp_path / "bad.yaml").write_text(GOOD.replace("[4]", "[0]").replace("epochs: 2", "epochs: 0"))
        told = refused(run("validate", "bad.yaml", cwd=tmp_path))
        assert [line.split(" ")[0] for line in told.splitlines()] == ["bad.yaml:4:", "bad.yaml:5:"]

    def test_no_such_file(self, tmp_path: Path) -> None:
        assert "nowhere.yaml" in refused(run("optimize", "nowhere.yaml", cwd=tmp_path))

    @pytest.mark.parametrize(
        "options",
        [
            ["--trials", "0"],
            ["--trials", "many"],
            ["--seed", "-1"],
            ["--timeout", "0"],
            ["--set", "training.epochs=0"],
            ["--set", "nonsense"],
            ["--workers", "0"],
            ["--workers", "many"],
            ["--unknown"],
        ],
    )
    def test_bad_options(self, options: list[str], tmp_path: Path) -> None:
        (tmp_path / "study.yaml").write_text(GOOD)
        told = refused(run("optimize", "study.yaml", *options, cwd=tmp_path))
        assert options[0] in told or options[-1].split("=")[0] in told

    @pytest.mark.parametrize("verb", ["trials", "best", "status", "report", "delete"])
    def test_no_such_study(self, verb: str, tmp_path: Path) -> None:
        assert "'ghost'" in refused(run(verb, "ghost", cwd=tmp_path))
        assert list(tmp_path.iterdir()) == []

    def test_a_path_is_no_name(self, tmp_path: Path) -> None:
        assert "../ghost" in refused(run("status", "../ghost", cwd=tmp_path))

    @pytest.mark.parametrize("content", ["name: x\n", "", "[1", "- 1\n"])
    def test_a_directory_that_hpsearch_did_not_write(self, content: str, tmp_path: Path) -> None:
        (tmp_path / "runs" / "x").mkdir(parents=True)
        (tmp_path / "runs" / "x" / "study.yaml").write_text(content)
        for arguments in (["list"], ["status", "x"]):
            assert "study.yaml" in refused(run(*arguments, cwd=tmp_path))

    @pytest.mark.slow
    def test_a_broken_study_does_not_hide_the_others(self, finished: Finished, tmp_path: Path) -> None:
        shutil.copytree(finished.directory / "runs", tmp_path / "runs")
        (tmp_path / "runs" / "a").mkdir()
        (tmp_path / "runs" / "a" / "study.yaml").write_text("name: a")
        listed = run("list", cwd=tmp_path)
        assert listed.returncode == 2
        assert "flowers" in listed.stdout
        assert "study.yaml" in listed.stderr


class TestWhatAStudyLeaves:
    def test_files(self, finished: Finished) -> None:
        for name in ("study.yaml", "best.keras", "best.yaml", "trials.csv", "study.db", "ticks.jsonl"):
            assert (finished.files / name).stat().st_size > 0, name
        assert (finished.directory / "reports" / "flowers.html").read_text().startswith("<!")
        assert list((finished.files / "checkpoints").glob("*")) == []

    def test_summary(self, finished: Finished) -> None:
        lines = finished.result.stdout.splitlines()
        trials = [line for line in lines if re.match(r"[* ] trial ", line)]
        assert [int(line[7:12]) for line in trials] == [0, 1, 2, 3]
        assert "failed: the training loss is not finite" in trials[0]
        best = finished.best
        told = f"val_loss {best['value']!r} at epoch {best['best_epoch']}"
        (answer,) = (line for line in lines if line.startswith(f"trial {best['number']}: {told}; "))
        assert "a constant prediction" in answer
        assert any(line.startswith("no confirmation: ") for line in lines)
        counts = Counter(trial["state"] for trial in finished.trials)
        assert (
            "finished: the budget is used up: " + ", ".join(f"{n} {state}" for state, n in counts.items())
            in lines
        )
        assert "runs/flowers/best.keras" in finished.result.stdout
        assert "reports/flowers.html" in lines[-1]
        assert finished.result.stderr == ""

    def test_no_escapes_off_a_terminal(self, finished: Finished) -> None:
        assert "\x1b" not in finished.result.stdout
        for arguments in (["trials", "flowers"], ["list"], ["validate", "study.yaml"]):
            assert "\x1b" not in succeed(*arguments, cwd=finished.directory).stdout

    def test_trials_as_json(self, finished: Finished) -> None:
        trials = finished.trials
        assert [trial["number"] for trial in trials] == [0, 1, 2, 3]
        for trial in trials:
            assert {"number", "state", "value", "parameters", "epochs", "seconds", "seed"} <= set(trial)
        assert trials[0]["state"] == "failed"
        assert trials[0]["value"] is None
        assert "not finite" in trials[0]["cause"]
        assert trials[1]["parameters"] == {
            "activation": "elu",
            "activation.elu.alpha": 0.75,
            "learning_rate": 0.1,
        }
        for trial in trials[1:]:
            assert trial["state"] in ("complete", "failed")
        assert len({trial["seed"] for trial in trials}) == 4
        assert len({json.dumps(trial["parameters"], sort_keys=True) for trial in trials}) == 4

    def test_inactive_parameters_are_absent(self, finished: Finished) -> None:
        for trial in finished.trials:
            with_alpha = "activation.elu.alpha" in trial["parameters"]
            assert with_alpha == (trial["parameters"]["activation"] == "elu")

    def test_trials_as_csv(self, finished: Finished) -> None:
        told = succeed("trials", "flowers", "--format", "csv", cwd=finished.directory).stdout
        assert told == (finished.files / "trials.csv").read_text()
        rows = list(csv.DictReader(io.StringIO(told)))
        for row, trial in zip(rows, finished.trials, strict=True):
            assert int(row["number"]) == trial["number"]
            assert row["value"] == ("" if trial["value"] is None else repr(trial["value"]))
            assert int(row["seed"]) == trial["seed"]
            assert float(row["parameters.learning_rate"]) == trial["parameters"]["learning_rate"]
            assert row["parameters.activation.elu.alpha"] == str(
                trial["parameters"].get("activation.elu.alpha", "")
            )

    def test_trials_as_a_table(self, finished: Finished) -> None:
        lines = succeed("trials", "flowers", cwd=finished.directory).stdout.splitlines()
        assert lines[0].split() == ["number", "state", "val_loss", "epochs", "seconds", "parameters"]
        assert len(lines) == 5
        for line, trial in zip(lines[1:], finished.trials, strict=True):
            assert line.split()[:2] == [str(trial["number"]), trial["state"]]
            assert trial["value"] is None or f" {trial['value']:.6g} " in line

    def test_the_study_may_be_named_by_its_file(self, finished: Finished) -> None:
        by_name = succeed("trials", "flowers", "--format", "json", cwd=finished.directory).stdout
        by_file = succeed("trials", "study.yaml", "--format", "json", cwd=finished.directory).stdout
        out = succeed(
            "trials", "flowers", "--format", "json", "--out", finished.directory, cwd=Path("/")
        ).stdout
        assert by_name == by_file == out

    def test_the_report_has_the_same_numbers(self, finished: Finished) -> None:
        page = (finished.directory / "reports" / "flowers.html").read_text()
        for trial in finished.trials:
            assert trial["value"] is None or repr(trial["value"]) in page
        assert "flowers" in page

    def test_report_is_rebuilt(self, finished: Finished) -> None:
        path = finished.directory / "reports" / "flowers.html"
        before = path.read_text()
        path.unlink()
        assert succeed("report", "flowers", cwd=finished.directory).stdout.strip() == "reports/flowers.html"
        assert path.read_text() == before

    @pytest.mark.long
    def test_fanova_tells_what_it_costs_before_it_runs(self, tmp_path: Path) -> None:
        training = {"optimizer": "sgd", "learning_rate": {"log_uniform": [1e-4, 1.0]}, "epochs": 2}
        raw = {**STUDY, "training": training, "search": {"trials": 12}, "confirm": "none"}
        write_study(tmp_path / "study.yaml", raw)
        succeed_here("optimize", "study.yaml", cwd=tmp_path)
        told = succeed("report", "study.yaml", "--importance", "fanova", cwd=tmp_path)
        assert told.stderr == "fANOVA over 12 completed trials takes about 1 s; the result is saved\n"
        page = (tmp_path / told.stdout.strip()).read_text(encoding="utf-8")
        assert "fANOVA over 12 completed trials: the share" in page
        again = succeed("report", "study.yaml", "--importance", "fanova", cwd=tmp_path)
        assert again.stderr == ""
        assert (tmp_path / told.stdout.strip()).read_text(encoding="utf-8") == page
        succeed("report", "study.yaml", cwd=tmp_path)
        assert "PED-ANOVA over 12 finished trials" in (tmp_path / told.stdout.strip()).read_text(
            encoding="utf-8"
        )

    def test_the_optuna_storage_agrees(self, finished: Finished) -> None:
        study = optuna.load_study(study_name="flowers", storage=f"sqlite:///{finished.files / 'study.db'}")
        assert study.metric_names == ["val_loss"]
        for stored, trial in zip(study.trials, finished.trials, strict=True):
            assert stored.number == trial["number"]
            assert stored.params == trial["parameters"]
            assert stored.state.name == {"failed": "FAIL", "complete": "COMPLETE"}[trial["state"]]
            assert stored.value == trial["value"]
            assert len(stored.intermediate_values) == (3 if trial["state"] == "complete" else 0)
            assert stored.user_attrs["seed"] == trial["seed"]

    def test_the_resolved_study_has_every_default(self, finished: Finished) -> None:
        resolved = YAML(typ="safe", pure=True).load(finished.files / "study.yaml")
        assert resolved["training"]["optimizer"] == {"sgd": {"momentum": 0.0, "nesterov": False}}
        assert resolved["search"]["sampler"] == {"hierarchical_tpe": {"startup_trials": 10}}
        assert resolved["resolved"]["settings"]["sampler"].startswith("hierarchical_tpe, because ")
        assert resolved["resolved"]["settings"]["trainer"] == "CompiledTrainer"
        assert resolved["resolved"]["versions"]["keras"]

    def test_status_and_list(self, finished: Finished) -> None:
        best = finished.best["value"]
        told = succeed("status", "flowers", cwd=finished.directory).stdout
        assert "flowers: 4 of 4 trials ended" in told
        assert f"best val_loss {best:.6g}" in told
        listed = succeed("list", cwd=finished.directory).stdout.splitlines()
        assert ["flowers", "search", "sklearn:iris", "4/4", "val_loss", f"{best:.6g}"] in [
            line.split() for line in listed
        ]

    def test_status_tells_the_front_of_several_objectives(self, tmp_path: Path) -> None:
        search = {"trials": 3, "metric": ["val_loss", "parameters"], "sampler": {"grid": None}}
        model = {"mlp": {"hidden": [{"choice": [4, 8, 300]}]}}
        write_study(tmp_path / "a.yaml", {**STUDY, "name": "a", "model": model, "search": search})
        told = succeed("optimize", "a.yaml", cwd=tmp_path).stdout
        front = json.loads(succeed("best", "a", "--format", "json", cwd=tmp_path).stdout)["front"]["members"]
        numbers = "1 trial" if len(front) == 1 else f"{len(front)} trials"
        status = succeed("status", "a", cwd=tmp_path).stdout
        assert f"Pareto front by val_loss and parameters: {numbers}" in status
        sizes = {(4 + 1) * units + (units + 1) * 3 for units in (4, 8, 300)}
        assert {int(one["values"]["parameters"]) for one in front} <= sizes
        for one in front:
            assert f"parameters {int(one['values']['parameters'])}\n" in told
        best = succeed("best", "a", cwd=tmp_path).stdout
        assert f"parameters {int(front[0]['values']['parameters'])}; " in best

    def test_list_of_nothing(self, tmp_path: Path) -> None:
        assert "no studies" in succeed("list", cwd=tmp_path).stdout


class TestBest:
    def test_as_json(self, finished: Finished) -> None:
        told = json.loads(succeed("best", "flowers", "--format", "json", cwd=finished.directory).stdout)
        best = finished.best
        assert told["number"] == best["number"]
        assert told["value"] == best["value"]
        assert told["parameters"] == best["parameters"]
        assert told["study"]["training"]["learning_rate"] == best["parameters"]["learning_rate"]
        assert (finished.directory / told["model"]).is_file()

    @pytest.mark.slow
    def test_as_a_study_file(self, finished: Finished, tmp_path: Path) -> None:
        printed = succeed("best", "flowers", cwd=finished.directory).stdout
        best = finished.best["value"]
        assert repr(best) in printed.splitlines()[0]
        (tmp_path / "again.yaml").write_text(printed)
        result = succeed("optimize", "again.yaml", "--trials", "3", cwd=tmp_path)
        assert "every configuration of the search space has been tried: 1 complete" in result.stdout
        trials = json.loads(succeed("trials", "flowers-best", "--format", "json", cwd=tmp_path).stdout)
        assert [trial["parameters"] for trial in trials] == [{}]
        stored = YAML(typ="safe", pure=True).load(finished.files / "best.yaml")
        assert stored == YAML(typ="safe", pure=True).load(printed)


class TestModels:
    """The saved model is plain Keras, on any backend, and reproduces the value that was reported."""

    STUDIES: ClassVar[dict[str, dict[str, Any]]] = {
        "softmax": {"data": "sklearn:iris", "batch_norm": "before_activation", "dropout": 0.2, "l2": 1e-3},
        "sigmoid": {"data": {"sklearn": "breast_cancer", "standardize": True}, "activation": "gelu"},
        "regression": {
            "data": {"sklearn": "diabetes", "standardize": True},
            "batch_norm": "after_activation",
        },
        "rescaled": {"data": {"sklearn": "digits", "rescale": "1/16"}, "activation": "prelu"},
        "noisy": {
            "data": "sklearn:iris",
            "activation": {"rrelu": {"upper": 0.5}},
            "input_batch_norm": "batch_norm",
            "input_dropout": 0.1,
            "alpha_dropout": 0.2,
            "activity_l1": 1e-3,
        },
        "folds": {"data": {"sklearn": "iris", "standardize": True, "validation": {"folds": 3}}},
        "images": {
            "data": {
                "sklearn": "digits",
                "shape": [8, 8],
                "standardize": True,
                "rescale": 0.5,
                "subset": 300,
            },
            "model": {
                "cnn": {
                    "filters": [4, 6],
                    "pooling": ["max", "average"],
                    "activation": "prelu",
                    "batch_norm": "before_activation",
                    "dropout": 0.1,
                    "hidden": [8],
                }
            },
        },
        "table": {
            "data": {"csv": "rows.csv", "target": "buys", "standardize": True},
            "activation": "squareplus",
        },
    }

    CHECK: ClassVar[str] = """
import json, sys
from pathlib import Path
import keras
from hpsearch.data import load_dataset
from hpsearch.spec import load_study_file

def layers_of(model):
    return [layer for layer in model.layers if not type(layer).__module__.startswith("keras.src.")]

answers = {"backend": keras.backend.backend()}
for name in sys.argv[1:]:
    model = keras.saving.load_model(f"runs/{name}/best.keras", safe_mode=True)
    study = load_study_file(Path(f"{name}.yaml"))
    rows = load_dataset(study.spec.data, Path()).raw(0, "validation")
    loss, score = model.evaluate(rows.x, rows.y, verbose=0)
    strange = [type(layer).__qualname__ for layer in layers_of(model)]
    answers[name] = {"loss": loss, "score": score, "strange": strange, "optimizer": len(model.optimizer.variables)}
print(json.dumps(answers))
"""

    @pytest.fixture(scope="class")
    def directory(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        directory = tmp_path_factory.mktemp("models")
        lines = ["age,city,score,buys"]
        for row in range(90):
            city = ("Bonn", "Köln", "")[row % 3]
            lines.append(
                f"{20 + row * 7 % 50},{city},{row * 13 % 29 / 7 if row % 11 else ''},{'yn'[row * 7 % 50 > 20]}"
            )
        (directory / "rows.csv").write_text("\n".join(lines), encoding="utf-8")
        for name, parts in self.STUDIES.items():
            fields = {key: value for key, value in parts.items() if key not in ("data", "model")}
            study = small(name, epochs=3)
            study |= {"data": parts["data"], "model": parts.get("model", {"mlp": {"hidden": [8], **fields}})}
            loaded = load_study_file(write_study(directory / f"{name}.yaml", study))
            assert optimize(loaded, Options(out=directory, engine="in_process"), Silent())[0] == "finished"
        return directory

    @pytest.fixture(scope="class", params=["jax", "tensorflow"])
    def evaluated(self, request: pytest.FixtureRequest, directory: Path) -> dict[str, Any]:
        quiet = {"KERAS_BACKEND": request.param, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
        result = python(self.CHECK, *self.STUDIES, cwd=directory, **quiet)
        assert result.returncode == 0, result.stderr
        answers: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
        assert answers.pop("backend") == request.param
        return answers

    @pytest.mark.long
    def test_only_stock_layers(self, evaluated: dict[str, Any]) -> None:
        assert {name: answer["strange"] for name, answer in evaluated.items()} == {
            name: [] for name in self.STUDIES
        }

    @pytest.mark.long
    def test_the_reported_value_is_reproduced(self, evaluated: dict[str, Any], directory: Path) -> None:
        for name, answer in evaluated.items():
            best = json.loads(succeed("best", name, "--format", "json", cwd=directory).stdout)
            metric = "val_mae" if name == "regression" else "val_accuracy"
            reports = {(e["number"], e.get("epoch")): e for e in events(directory / "runs" / name)}
            score = reports[best["number"], best["best_epoch"]]["metrics"][metric]
            if name == "folds":  # the model is the first fold's, and the value is the mean of the folds
                continue
            assert answer["loss"] == pytest.approx(best["value"], rel=1e-5), name
            assert answer["score"] == pytest.approx(score, rel=1e-5), name

    @pytest.mark.long
    def test_best_of_a_table_is_found_from_elsewhere(self, directory: Path, tmp_path: Path) -> None:
        printed = succeed("best", "table", cwd=directory).stdout
        (tmp_path / "moved.yaml").write_text(printed, encoding="utf-8")
        assert "finished" in succeed_here("optimize", "moved.yaml", cwd=tmp_path).stdout


class TestOptions:
    @pytest.mark.slow
    def test_a_study_from_its_options_to_its_end(self, tmp_path: Path) -> None:
        """Settings, seed, place and storage; then more trials, another file, a fresh start, and its deletion."""
        write_study(tmp_path / "study.yaml", small("a"))
        storage = f"sqlite:///{tmp_path / 'elsewhere.db'}"
        options = ["--set", "training.epochs=1", "--seed", "7", "--out", "there", "--storage", storage]
        first = succeed_here("optimize", "study.yaml", *options, "--trials", "1", cwd=tmp_path)
        assert "at epoch 1/1" in first.stdout
        files = tmp_path / "there" / "runs" / "a"
        assert not (files / "study.db").exists()
        assert not (tmp_path / "runs").exists()
        resolved = YAML(typ="safe", pure=True).load(files / "study.yaml")
        assert (resolved["training"]["epochs"], resolved["search"]["seed"], resolved["search"]["trials"]) == (
            1,
            7,
            1,
        )

        more = succeed_here("optimize", "study.yaml", *options, "--trials", "3", cwd=tmp_path)
        assert "trial    0" not in more.stdout
        assert "finished: the budget is used up: 3 complete" in more.stdout
        assert [trial.number for trial in optuna.load_study(study_name="a", storage=storage).trials] == [
            0,
            1,
            2,
        ]

        before = (files / "ticks.jsonl").read_bytes()
        there = ["--out", "there", "--storage", storage]
        changed = refused(run("optimize", "study.yaml", *there, "--trials", "4", cwd=tmp_path))
        assert "training.epochs: 1 -> 2" in changed
        assert "search.seed: 7 -> 0" in changed
        assert "--new" in changed
        assert "trials" not in changed
        assert (files / "ticks.jsonl").read_bytes() == before

        again = succeed_here("optimize", "study.yaml", *options[2:], "--new", "--trials", "1", cwd=tmp_path)
        assert "at epoch 1/2" in again.stdout or "at epoch 2/2" in again.stdout
        assert [event["number"] for event in events(files) if event["kind"] == "ask"] == [0]
        assert len(optuna.load_study(study_name="a", storage=storage).trials) == 1

        kept = refused(run("optimize", "study.yaml", "--out", "there", "--trials", "2", cwd=tmp_path))
        assert f"add --storage {storage}" in kept
        assert len(optuna.load_study(study_name="a", storage=storage).trials) == 1

        succeed("delete", "a", "--yes", "--out", "there", "--storage", storage, cwd=tmp_path)
        assert not files.exists()
        assert not (tmp_path / "there" / "reports" / "a.html").exists()
        assert optuna.get_all_study_names(storage) == []
        refused(run("status", "a", "--out", "there", cwd=tmp_path))

    def test_delete_asks(self, finished: Finished) -> None:
        result = run("delete", "flowers", cwd=finished.directory)
        assert result.returncode == 1
        assert "4 trials" in result.stderr
        assert finished.files.exists()

    @pytest.mark.slow
    def test_timeout(self, tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", small("a"))
        options = ["--timeout", "0.001", "--trials", "50"]
        result = succeed("optimize", "study.yaml", *options, cwd=tmp_path)
        assert "finished: the time limit is reached" in result.stdout
        assert len(events(tmp_path / "runs" / "a")) < 50

    @pytest.mark.slow
    def test_two_workers(self, tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", small("a"))
        succeed("optimize", "study.yaml", "--workers", "2", "--trials", "5", cwd=tmp_path)
        trials = json.loads(succeed("trials", "a", "--format", "json", cwd=tmp_path).stdout)
        assert [trial["state"] for trial in trials] == ["complete"] * 5
        assert len({trial["parameters"]["learning_rate"] for trial in trials}) == 5

    @pytest.mark.slow
    def test_strange_names(self, tmp_path: Path) -> None:
        name = "it's 100% #1 [bold]ü[+bold] 🚀 $(x) &amp; ;".ljust(96, "~")
        assert len(name.encode()) == 100, "as long as a name may be"
        write_study(tmp_path / "study.yaml", small(name))
        result = succeed("optimize", "study.yaml", "--trials", "1", cwd=tmp_path)
        assert f"runs/{name}/best.keras" in result.stdout
        assert (tmp_path / "runs" / name / "study.db").exists()
        assert (tmp_path / "reports" / f"{name}.html").exists()
        assert f"{name}: 1 of 1" in succeed("status", name, cwd=tmp_path).stdout
        assert name in succeed("list", cwd=tmp_path).stdout
        (tmp_path / "best.yaml").write_text(succeed("best", name, cwd=tmp_path).stdout, encoding="utf-8")
        succeed("validate", "best.yaml", cwd=tmp_path)
        succeed("delete", name, "--yes", cwd=tmp_path)
        assert list((tmp_path / "runs").iterdir()) == []
        assert list((tmp_path / "reports").iterdir()) == []


class TestRefused:
    @pytest.mark.slow
    def test_the_study_is_locked(self, tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", small("a", epochs=100_000))
        with started("optimize", "study.yaml", cwd=tmp_path) as process:
            wait_until(lambda: bool(events(tmp_path / "runs" / "a")), process)
            told = refused(run("optimize", "study.yaml", cwd=tmp_path), 3)
            assert str(process.pid) in told
            assert str(process.pid) in refused(run("delete", "a", "--yes", cwd=tmp_path), 3)
            assert "0 of 2 trials ended (1 running)" in succeed("status", "a", cwd=tmp_path).stdout

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("settings", "word"),
        [
            (["data=csv:nowhere.csv"], "target"),
            (["data={csv: nowhere.csv, target: y}"], "nowhere.csv"),
            (["data={npz: nowhere.npz}"], "nowhere.npz"),
            (["data={sklearn: iris, validation: 100000}"], "100"),
            (["search.metric=r2"], "classification"),
            (["data=sklearn:diabetes", "search.metric=accuracy"], "regression"),
            (["search.sampler=grid"], "learning_rate"),
            (["model={cnn: {filters: [4]}}"], "a cnn needs images: rows of height x width [x channels]"),
            (
                ["model={cnn: {filters: 4, blocks: {int: [1, 3]}}}", "data={sklearn: iris, shape: [2, 2]}"],
                "the output of block 2 would be empty: its input is 1 x 1 (images are 2 x 2)",
            ),
            (["search.sampler=cmaes", "model.mlp.activation={choice: [relu, tanh]}"], "activation"),
            (
                [
                    "search.sampler=gp",
                    "model.mlp.activation={choice: [relu, {elu: {alpha: {uniform: [1, 2]}}}]}",
                ],
                "activation.elu.alpha",
            ),
        ],
    )
    def test_what_does_not_go_together(self, settings: list[str], word: str, tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", small("a"))
        options = [option for setting in settings for option in ("--set", setting)]
        told = refused(run("optimize", "study.yaml", *options, cwd=tmp_path))
        assert word in told
        assert not (tmp_path / "runs" / "a" / "study.yaml").exists()

    @pytest.mark.slow
    def test_quiet_until_the_data_change(self, tmp_path: Path) -> None:
        table = tmp_path / "rows.csv"
        table.write_text("a,y\n" + "".join(f"{row},{row % 2}\n" for row in range(40)))
        study = {**small("a"), "data": {"csv": "rows.csv", "target": "y"}}
        write_study(tmp_path / "study.yaml", study)
        result = succeed("optimize", "study.yaml", "--trials", "1", "--quiet", cwd=tmp_path)
        assert (result.stdout, result.stderr) == ("", "")
        assert (tmp_path / "runs" / "a" / "best.keras").exists()
        table.write_text(table.read_text().replace("7,1", "8,1"))
        assert "data" in refused(run("optimize", "study.yaml", cwd=tmp_path))

    def test_a_place_that_cannot_be_written(self, tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", small("a"))
        (tmp_path / "file").write_text("")
        told = refused(run("optimize", "study.yaml", "--out", "file/there", cwd=tmp_path), 1)
        assert told.count("\n") == 1
        assert "cannot write file/there" in told

    def test_a_report_that_cannot_be_written(self, finished: Finished, tmp_path: Path) -> None:
        (tmp_path / "runs").symlink_to(finished.directory / "runs")
        (tmp_path / "reports").write_text("")
        told = refused(run("report", "flowers", cwd=tmp_path), 1)
        assert told.startswith("hpsearch: cannot write reports/flowers.html")
        assert told.count("\n") == 1

    def test_a_storage_that_cannot_be_opened(self, tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", small("a"))
        told = refused(run("optimize", "study.yaml", "--storage", "nonsense", cwd=tmp_path), 1)
        assert "nonsense" in told
        assert told.count("\n") == 1


def on_a_terminal(*arguments: str, cwd: Path, **extra: str) -> str:
    """Run hpsearch on a pseudo-terminal and give what it writes there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(*arguments),
        cwd=cwd,
        env=environment(TERM="xterm-256color", **extra),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    while True:
        ready, _, _ = select.select([ours], [], [], LIMIT)
        try:
            part = os.read(ours, 65536) if ready else b""
        except OSError:  # the other end is closed
            part = b""
        if not part:
            break
        written += part
    os.close(ours)
    assert process.wait(LIMIT) == 0, written.decode()
    return written.decode()


COLOR = re.compile(r"\x1b\[(?:3|4|9|10)[0-9][;0-9]*m")


class TestOnATerminal:
    @pytest.mark.slow
    def test_a_live_line(self, tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", small("a"))
        told = on_a_terminal("optimize", "study.yaml", cwd=tmp_path)
        assert "2/2" in told
        assert COLOR.search(told)
        assert "trial    1" in told

    @pytest.mark.slow
    def test_no_color(self, tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", small("a"))
        told = on_a_terminal("optimize", "study.yaml", cwd=tmp_path, NO_COLOR="1")
        assert "trial    1" in told
        assert not COLOR.search(told)
