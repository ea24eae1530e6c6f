"""The textbook's studies: each begins with its claim and its command, and the command runs on a part of its data."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from hpsearch.spec import Data, StudyFile, load_study_file
from hpsearch.spec.space.arms import arms_of
from support.commands import succeed_here, write_study

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / "studies" / "textbook").glob("*.yaml"))
COMMAND = re.compile(r"^#   (hpsearch .+)$", re.MULTILINE)

PLACES = {name: os.environ[name] for name in ("HPSEARCH_DATA", "KERAS_HOME") if name in os.environ}

DONOR = {
    "name": "donor",
    "data": {"keras": "fashion_mnist", "subset": 300, "classes": [1, 3]},
    "model": {"mlp": {"hidden": [8, 8]}},
    "training": {"epochs": 1},
    "search": {"trials": 1},
}


def command_of(path: Path) -> list[str]:
    """Give the arguments of the command that a study's head names."""
    (command,) = COMMAND.findall(path.read_text(encoding="utf-8"))
    return shlex.split(command)[1:]


def skip_without(data: Data) -> None:
    """Skip a study whose data are not on this machine, rather than download them."""
    if data.keras is None:
        return
    file = f"{data.keras}.npz"
    directories = [
        Path(PLACES.get("HPSEARCH_DATA", "")),
        Path(PLACES.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets",
    ]
    if not any((directory / file).exists() for directory in directories):
        pytest.skip(f"{file} is not on this machine: HPSEARCH_DATA or KERAS_HOME can name its directory")


def small(study: StudyFile, directory: Path) -> list[str]:
    """Give the settings that leave of a study what there is time for."""
    data, model, training = study.spec.data, study.spec.model, study.spec.training
    settings = ["training.epochs=1" if training.epochs else "training.steps=3"]
    if data.keras is not None:
        # With fewer rows some topics of Reuters are too rare to be split.
        settings.append("data.subset=3000")
        settings += [] if data.validation.name == "test" else ["data.validation=0.2"]
    if model.name == "mlp" and model.layers is not None:
        settings.append("model.mlp.layers=10")
    if model.name == "pretrained":
        donor = write_study(directory / "donor.yaml", DONOR)
        settings.append(f"model.pretrained.donor={{study: {donor}}}")
    return [argument for setting in settings for argument in ("--set", setting)]


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_it_is_valid_and_begins_with_what_is_claimed(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../study.schema.json\n")
    assert f"studies/textbook/{path.name}" in command_of(path)
    study = load_study_file(path)
    assert study.spec.name == path.stem
    if study.spec.compare is not None:
        assert re.search("^# (Claim|On record): ", text, re.MULTILINE)
        assert study.spec.compare.claims
        arms_of(study.spec, study.source)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_its_command_runs(path: Path, tmp_path: Path) -> None:
    study = load_study_file(path)
    skip_without(study.spec.data)
    command = command_of(path)
    options = ["--out", tmp_path, *small(study, tmp_path)]
    if command[0] == "compare":
        options += ["--replicates", "1", "--format", "json"]
    result = succeed_here(*command, *options, cwd=ROOT)
    if study.spec.compare is not None:
        told = json.loads(result.stdout)
        assert len(told["claims"]) == len(study.spec.compare.claims)


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate_textbook", ROOT / "docs" / "generate_textbook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_what_was_measured() -> None:
    page = ROOT / "docs" / "textbook.md"
    text = page.read_text(encoding="utf-8")
    assert generator().filled(text) == text, "run: python docs/generate_textbook.py"


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_what_was_measured_is_the_study_as_it_stands(path: Path) -> None:
    study = load_study_file(path)
    stored = generator().results()
    if study.spec.compare is None:
        assert path.stem not in stored
        return
    result = stored[path.stem]
    assert result["replicates"] == study.spec.compare.replicates
    assert {arm["name"] for arm in result["arms"]} == {arm.name for arm in arms_of(study.spec).arms}
    said = [(claim.says, claim.better or claim.arm, claim.than) for claim in study.spec.compare.claims]
    assert [(claim["says"], claim["arm"], claim["than"]) for claim in result["claims"]] == said
