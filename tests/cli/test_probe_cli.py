"""`hpsearch probe` as a process: what it prints, what it leaves behind, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hpsearch.spec import load_study_file
from hpsearch.spec.space.enqueue import check_enqueued
from hpsearch.spec.space.space import SearchSpace
from support.commands import Result, run, succeed_here, write_study

pytestmark = pytest.mark.slow

TEXTBOOK = sorted((Path(__file__).parents[2] / "studies" / "textbook").glob("activation_*.yaml"))

STUDY: dict[str, Any] = {
    "name": "inside",
    "data": {"random_normal": {"rows": 60, "features": 5, "classes": 3}},
    "model": {
        "mlp": {
            "hidden": [6, 4],
            "initializer": {"choice": ["zeros", "glorot_normal"]},
            "activation": {"choice": ["sigmoid", "relu"]},
            "dropout": {"uniform": [0.0, 0.2]},
        }
    },
    "training": {"epochs": 1, "batch_size": 16},
}


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    directory = tmp_path_factory.mktemp("probed")
    write_study(directory / "study.yaml", STUDY)
    return directory, succeed_here("probe", "study.yaml", cwd=directory)


def test_the_table_has_a_row_for_each_arm_and_says_what_is_fixed(probed: tuple[Path, Result]) -> None:
    _, result = probed
    lines = result.stdout.splitlines()
    rows = {tuple(line.split()[:2]): line for line in lines if line.startswith(("zeros", "glorot"))}
    assert set(rows) == {
        (initializer, activation)
        for initializer in ("zeros", "glorot_normal")
        for activation in ("sigmoid", "relu")
    }
    assert "symmetry" in rows["zeros", "relu"]
    assert "symmetry" not in rows["glorot_normal", "relu"]
    assert "arms: 4, hidden layers: 2, rows: 48, means over 3 seeds" in result.stdout
    assert "first option, or middle of the range): dropout = 0.1" in result.stdout
    assert lines[-1] == "page: reports/inside-probe.html"
    assert result.stderr == ""


def test_it_leaves_one_page_and_no_study(probed: tuple[Path, Result]) -> None:
    directory, _ = probed
    page = (directory / "reports" / "inside-probe.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("<svg ") == 3
    assert {path.name for path in directory.iterdir()} == {"study.yaml", "reports"}


def test_json_holds_every_number(probed: tuple[Path, Result]) -> None:
    directory, _ = probed
    settings = ("--set", "model.mlp.activation=tanh", "--set", "model.mlp.dropout=0")
    options = ("--rows", "20", "--replicates", "1", "--format", "json", "--out", "elsewhere")
    told = json.loads(succeed_here("probe", "study.yaml", *settings, *options, cwd=directory).stdout)
    assert (told["rows"], told["replicates"], told["fixed"]) == (20, 1, {})
    assert [(arm["initializer"], arm["activation"]) for arm in told["arms"]] == [
        ("zeros", "tanh"),
        ("glorot_normal", "tanh"),
    ]
    zeros, glorot = told["arms"]
    assert [layer["units"] for layer in glorot["layers"]] == [6, 4]
    assert zeros["deviation_ratio"] is None
    first, last = glorot["layers"]
    assert glorot["deviation_ratio"] == pytest.approx(last["deviation"] / first["deviation"])
    assert glorot["gradient_ratio"] == pytest.approx(first["gradient_norm"] / last["gradient_norm"])
    assert "symmetry" in [finding["kind"] for finding in zeros["findings"]]
    assert Path(directory, told["page"]).exists()
    assert told["page"] == "elsewhere/reports/inside-probe.html"


@pytest.mark.parametrize(
    ("model", "options", "told"),
    [
        ({"python": {"file": "nets.py"}}, [], "a probe needs an mlp"),
        ({"cnn": {"filters": [4]}}, [], "a probe needs an mlp, and the model of this study is 'cnn'"),
        (
            {"mlp": {"hidden": [4] * 7, "activation": [{"choice": ["relu", "tanh"]}] * 7}},
            [],
            "more than 100 combinations",
        ),
        (STUDY["model"], ["--set", "data=sklearn:nothing"], "data.sklearn"),
        (STUDY["model"], ["--rows", "1"], "--rows"),
    ],
)
def test_it_refuses(model: Any, options: list[str], told: str, tmp_path: Path) -> None:
    write_study(tmp_path / "study.yaml", {**STUDY, "model": model})
    result = run("probe", "study.yaml", *options, cwd=tmp_path)
    assert result.returncode == 2
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("path", TEXTBOOK, ids=lambda path: path.stem)
def test_the_studies_of_the_textbook_are_valid(path: Path) -> None:
    """They begin with the line for editors, search what they claim about, and train all of it."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../study.schema.json\n")
    assert "# Claim: " in text
    study = load_study_file(path)
    check_enqueued(study.spec, study.source)
    space = SearchSpace(study.spec)
    assert [parameter.name for parameter in space.parameters] == ["initializer", "activation"]
    assert study.spec.name == path.stem
    assert space.size() == study.spec.search.trials


def test_both_studies_of_the_textbook_are_there() -> None:
    assert [path.stem for path in TEXTBOOK] == ["activation_distributions", "activation_distributions_100"]
