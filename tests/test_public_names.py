"""What is public, and what is wrong with a call: checked before anything is trained."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from sklearn.datasets import load_iris

import hpsearch
from hpsearch.analysis import Importance, ParameterImportance, StudyFinding
from hpsearch.api import functions as api
from hpsearch.api.functions import RunOptions, optimize
from hpsearch.cli import reading, running  # noqa: F401 - which add the commands
from hpsearch.cli.app import app
from hpsearch.exceptions import DataError, StudyFileError, StudyNotFoundError, UnsupportedError
from support.commands import STUDY

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")

X, Y = load_iris(return_X_y=True)
PLAIN: dict[str, Any] = {name: section for name, section in STUDY.items() if name != "data"}


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: optimize({**STUDY, "training": {"epochs": "many", "batch_size": 0}}),
            StudyFileError,
            r"(?s)study: training.epochs: expected .*study: training.batch_size: expected",
        ),
        (lambda: optimize({**STUDY, "modle": 1}), StudyFileError, r"study: modle: .*did you mean 'model'"),
        (
            lambda: optimize("there.yaml"),
            StudyFileError,
            "there.yaml: expected a study file; found no such file",
        ),
        (
            lambda: optimize(STUDY, settings={"training.epochs": "many"}),
            StudyFileError,
            '--set training.epochs="many": training.epochs: expected',
        ),
        (lambda: optimize(PLAIN), StudyFileError, "study: expected the key 'data'"),
        (lambda: optimize({**PLAIN, "name": "../a"}, (X, Y)), StudyFileError, "study: name: expected a name"),
        (lambda: optimize(PLAIN, X), DataError, "data: expected"),
        (lambda: optimize(PLAIN, "sklearn:irises"), StudyFileError, "data=: data.sklearn: expected"),
        (
            lambda: optimize(STUDY, workers=0),
            UnsupportedError,
            "workers: expected a whole number from 1 to 1,024",
        ),
        (
            lambda: optimize(STUDY, engine="cluster"),
            UnsupportedError,
            "engine: expected one of local, in_process, ray, slurm; found 'cluster'",
        ),
        (
            lambda: hpsearch.ablate(STUDY, replicates=0),
            UnsupportedError,
            "replicates: expected a whole number from 1",
        ),
        (lambda: hpsearch.probe(STUDY, rows=1), UnsupportedError, "rows: expected a whole number from 2"),
        (lambda: hpsearch.load("b"), StudyNotFoundError, "there is no study 'b'"),
        (lambda: hpsearch.confirm(STUDY), StudyNotFoundError, "there is no study 'a'"),
        (lambda: hpsearch.probe(STUDY, at_epochs=[-1]), UnsupportedError, "expected epochs"),
    ],
)
def test_errors_are_the_sentences_of_the_command_line(
    call: Callable[[], Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        call()
    assert not Path("runs").exists()
    assert not Path("..", "a").exists()


@pytest.mark.parametrize("name", ["optimize", "compare", "confirm", "ablate", "probe", "predict"])
def test_python_can_what_the_command_can(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    shown = {"study": "what", "quiet": "progress", "format": None, "output": None}
    if name == "predict":
        shown = {**shown, "study": "study", "data": "x"}
    wanted = {shown.get(option.name, option.name) for option in command.params} - {None}
    known = set(inspect.signature(getattr(hpsearch, name)).parameters)
    known |= set(RunOptions.__annotations__) if "options" in known else set()
    assert wanted <= known


def test_what_is_public_is_what_the_page_describes() -> None:
    assert set(api.__all__) - {"ABLATION_REPLICATES", "Command", "RunOptions", "run"} <= set(hpsearch.__all__)
    functions = set(re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE))
    objects = {
        "Study",
        "Best",
        "Trial",
        "Trials",
        "Curves",
        "Front",
        "FrontMember",
        "StudySpec",
        "HpsearchError",
        "exceptions",
        "keras_tuner",
        "__version__",
    }
    objects |= {"KerasSearchClassifier", "KerasSearchRegressor"}
    assert functions | objects == set(hpsearch.__all__)
    assert [
        name for name in objects - {"__version__"} if f"`{name}" not in PAGE and f".{name}" not in PAGE
    ] == []
    assert dir(hpsearch) == sorted(hpsearch.__all__)
    for name in hpsearch.__all__:
        assert getattr(hpsearch, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'optimise'"):
        _ = hpsearch.optimise  # type: ignore[attr-defined]
    methods = [name for name in vars(hpsearch.Study) if not name.startswith("_")]
    assert [name for name in methods if not re.search(rf"`{name}[`(]", PAGE)] == []
    results = (hpsearch.Best, hpsearch.Trial, hpsearch.Front, hpsearch.FrontMember)
    for kind in (*results, StudyFinding, Importance, ParameterImportance):
        for field in kind.__dataclass_fields__:
            assert f"`{field}`" in PAGE or field.startswith("_")


def test_mypy_sees_every_public_name_used() -> None:
    used = (ROOT / "tests" / "support" / "public_names.py").read_text(encoding="utf-8")
    assert [name for name in hpsearch.__all__ if f"hpsearch.{name}" not in used] == []
    assert "tests/support/public_names.py" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_package_is_imported_in_no_time_and_imports_nothing() -> None:
    code = (
        "import sys, time; start = time.process_time(); import hpsearch; seconds = time.process_time() - start\n"
        "known = sorted(name for name in sys.modules if name.partition('.')[0] in sys.argv[1].split())\n"
        "print(seconds < 0.1, known, hpsearch.__version__)"
    )
    heavy = "numpy pydantic keras jax tensorflow torch optuna sklearn scipy matplotlib rich typer"
    done = subprocess.run([sys.executable, "-c", code, heavy], capture_output=True, text=True, check=True)
    assert done.stdout == f"True [] {hpsearch.__version__}\n"
