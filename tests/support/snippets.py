"""The snippets of the pages: found, and run as a reader would, one page after another's words in one directory."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from ruamel.yaml import YAML

from hpsearch.engines import ENGINES
from hpsearch.engines.in_process import InProcessEngine
from hpsearch.exceptions import StudyFileError
from hpsearch.spec import load_study_file
from support.commands import succeed_here, write_study

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

FENCED = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+) -->\n)?```(?P<language>\w*)(?: title=\"(?P<title>[^\"\n]+)\")?\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)

STUDY: dict[str, Any] = {
    "name": "a",
    "data": "sklearn:digits",
    "model": {"mlp": {"hidden": [8]}},
    "training": {"epochs": 1},
}
"""What a fragment of a study file is a part of."""

PLACES: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = (
    lambda part: part,
    lambda part: {"training": {"epochs": 1} | part},
    lambda part: {"model": {"mlp": {"hidden": [8]} | part}},
    lambda part: {"model": {"python": {"file": "nets.py"} | part}},
)
"""Where a fragment may stand: as sections of a study, or as fields of one."""


@dataclass(frozen=True)
class Snippet:
    """A block of code of a page; `title` is the file in which it is saved, `reason` why it is not run."""

    place: str
    language: str
    title: str | None
    text: str
    reason: str | None


def snippets_of(page: Path) -> list[Snippet]:
    """List the snippets of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Snippet(
            f"{page.name}:{len(text[: found.start('language')].splitlines())}",
            found["language"],
            found["title"],
            found["text"],
            found["reason"],
        )
        for found in FENCED.finditer(text)
    ]


def commands_of(snippet: Snippet) -> list[list[str]]:
    """Give the words of each command."""
    lines = snippet.text.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


def check_yaml(text: str, directory: Path) -> None:
    """Read a study file, or a part of one in the first place where it may stand."""
    part = YAML(typ="safe", pure=True).load(text) or {}
    failures = []
    for place in PLACES:
        path = write_study(directory / "study.yaml", STUDY | place(part))
        try:
            load_study_file(path)
        except StudyFileError as failure:
            failures.append(failure)
        else:
            return
    raise failures[0]


def run_snippets(page: Path, directory: Path) -> dict[str, Any]:
    """Save the files of a page, run its commands and its Python, and give the names of that.

    The studies that come along train for two epochs.
    """
    shutil.copytree(ROOT / "studies", directory / "studies")
    for path in (directory / "studies").rglob("*.yaml"):
        study = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"^  epochs: \d+", "  epochs: 2", study, flags=re.MULTILINE), encoding="utf-8")
    scope: dict[str, Any] = {"__name__": "page"}
    with chdir(directory), mock.patch.dict(ENGINES, local=InProcessEngine):
        for snippet in snippets_of(page):
            if snippet.title:
                (directory / snippet.title).write_text(snippet.text, encoding="utf-8")
            elif snippet.reason:
                continue
            elif snippet.language == "python":
                exec(compile(snippet.text, snippet.place, "exec"), scope)  # noqa: S102 - our own pages
            elif snippet.language == "console":
                for _, *arguments in commands_of(snippet):
                    succeed_here(*arguments, cwd=directory)
    return scope
