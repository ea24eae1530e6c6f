"""What is written for people and editors agrees with the program."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from hpsearch import exceptions
from hpsearch.cli import reading, running  # noqa: F401 - which add the commands
from hpsearch.cli.app import app
from hpsearch.spec import (
    Cnn,
    Data,
    EarlyStopping,
    KerasTunerModel,
    Layered,
    Mlp,
    Part,
    Pretrained,
    PythonModel,
    Search,
    Sequential,
    StudySpec,
    Training,
    json_schema,
    load_study_file,
)
from hpsearch.spec.space.enqueue import check_enqueued
from hpsearch.spec.space.space import SearchSpace

ROOT = Path(__file__).parent.parent
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
PAGE = (ROOT / "docs" / "study_file.md").read_text(encoding="utf-8")
MODELINE = "# yaml-language-server: $schema=study.schema.json\n"


def generator(name: str = "generate") -> Any:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def section(page: str, title: str) -> str:
    """Cut a section out of a page, up to the next one of the same or a higher level."""
    level = title.partition(" ")[0]
    begin = page.index(f"\n{title}\n")
    rest = page[begin + len(title) + 2 :]
    end = re.search(rf"^#{{1,{len(level)}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_studies_are_valid_and_begin_with_the_line_for_editors(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith(MODELINE)
    study = load_study_file(path)
    check_enqueued(study.spec, study.source)
    assert SearchSpace(study.spec).parameters
    assert study.spec.name == path.stem


def test_the_schema_beside_the_studies_is_up_to_date() -> None:
    stored = (ROOT / "studies" / "study.schema.json").read_text(encoding="utf-8")
    assert json.loads(stored) == json_schema(), "run: hpsearch schema > studies/study.schema.json"


def test_the_tables_of_the_reference_are_up_to_date() -> None:
    assert generator().filled(PAGE) == PAGE, "run: python docs/generate.py"


@pytest.mark.long
def test_what_programs_are_fed_and_what_fit_trains_is_told() -> None:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    assert generator("generate_programs").filled(page) == page, "run: python docs/generate_programs.py"


def fields_to_be_told(part: type[Part]) -> list[str]:
    """List the fields that need a row: a cnn has many fields of the mlp, and the page says so."""
    told = set(Layered.model_fields) if part is Cnn else set()
    return [name for name in part.model_fields if name not in told]


@pytest.mark.parametrize(
    ("title", "part"),
    [
        ("## data", Data),
        ("## model", Mlp),
        ("### Convolutional networks", Cnn),
        ("### Lists of layers", Sequential),
        ("### Pretrained models", Pretrained),
        ("### Models in Python", PythonModel),
        ("### Models of Keras Tuner", KerasTunerModel),
        ("## training", Training),
        ("## search", Search),
    ],
)
def test_the_reference_has_a_row_for_each_field_and_no_other(title: str, part: type[Part]) -> None:
    text = section(PAGE, title).partition("\n### ")[0]
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == fields_to_be_told(part)


def test_the_reference_names_the_sections_and_what_stops_early() -> None:
    for name in StudySpec.model_fields:
        assert f"\n## {name}\n" in PAGE
    for name in EarlyStopping.model_fields:
        assert f"`{name}`" in section(PAGE, "## training") or f"{name}:" in section(PAGE, "## training")


@pytest.mark.parametrize(
    ("part", "title"),
    [
        (Data, "## data"),
        (Mlp, "## model"),
        (Cnn, "### Convolutional networks"),
        (Training, "## training"),
        (Search, "## search"),
    ],
)
def test_the_reference_gives_the_defaults(part: type[Part], title: str) -> None:
    text = section(PAGE, title).partition("\n### ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (.*) \| [^|]* \|$", text, re.MULTILINE))
    written = generator().written
    for name in fields_to_be_told(part):
        field = part.model_fields[name]
        value = "required" if field.is_required() else field.get_default(call_default_factory=True)
        told = {None: "none", "required": "required"}.get(value) if isinstance(value, str | None) else None
        expected = told or f"`{'[]' if value == () else written(value)}`"
        assert rows[name] == expected, name


def test_the_readme_names_every_command_and_option() -> None:
    commands = typer.main.get_command(app)
    for name, command in commands.commands.items():  # type: ignore[attr-defined]
        assert f"`hpsearch {name}" in README, name
        for parameter in command.params:
            for option in parameter.opts:
                assert not option.startswith("--") or f"`{option}" in README, option


def test_the_readme_gives_the_exit_codes() -> None:
    kinds = [kind for kind in vars(exceptions).values() if isinstance(kind, type)]
    codes = {kind.exit_code for kind in kinds if issubclass(kind, exceptions.HpsearchError)}
    told = re.findall(r"^\| (\d+) \|", section(README, "### Exit codes"), re.MULTILINE)
    assert {int(code) for code in told} == codes | {0, 130}


def anchors(path: Path) -> set[str]:
    """Name the headings of a page as links do."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_lead_to_files_and_headings(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        file = path.parent / name if name else path
        assert file.is_file(), target
        assert not heading or heading in anchors(file), target


@pytest.mark.parametrize(
    "marker",
    ["throughput", "decisions", "models", "peers", "calibration", "search_quality", "search_training"],
)
def test_figures_in_the_pages_are_those_that_were_measured(marker: str) -> None:
    """`benchmarks/table.py` was run after the last measurement."""
    location = importlib.util.spec_from_file_location("table", ROOT / "benchmarks" / "table.py")
    assert location is not None
    assert location.loader is not None
    table = importlib.util.module_from_spec(location)
    location.loader.exec_module(table)
    ((page, figures),) = [(page, figures) for page, name, figures in table.BLOCKS if name == marker]
    text = (ROOT / page).read_text()
    assert figures() in text
    assert table.filled(text, marker, figures()) == text
