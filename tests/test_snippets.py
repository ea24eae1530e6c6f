"""What the pages show works: study files are valid, commands are commands, and what can run is run."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from hpsearch.cli import reading, running, starting  # noqa: F401 - which add the commands
from hpsearch.cli.app import app
from support.snippets import PAGES, Snippet, check_yaml, commands_of, run_snippets, snippets_of

SNIPPETS = [snippet for page in PAGES for snippet in snippets_of(page)]
RUN = [
    page
    for page in PAGES
    if any(each.language in ("python", "console") and not each.reason for each in snippets_of(page))
]


def of(language: str) -> pytest.MarkDecorator:
    """Run a test for each snippet of a language."""
    found = [snippet for snippet in SNIPPETS if snippet.language == language]
    return pytest.mark.parametrize("snippet", found, ids=lambda snippet: snippet.place)


def test_every_snippet_says_what_it_is() -> None:
    known = {"yaml", "python", "console", "text", "mermaid"}
    assert not [snippet.place for snippet in SNIPPETS if snippet.language not in known]
    fences = sum(page.read_text(encoding="utf-8").count("\n```") for page in PAGES)
    assert fences == 2 * len(SNIPPETS)


@of("yaml")
def test_yaml_is_that_of_a_study(snippet: Snippet, tmp_path: Path) -> None:
    check_yaml(snippet.text, tmp_path)


@of("python")
def test_python_is_python(snippet: Snippet) -> None:
    compile(snippet.text, snippet.place, "exec")


@of("console")
def test_commands_are_those_of_the_command_line(snippet: Snippet) -> None:
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for program, *arguments in commands_of(snippet):
        if program == "hpsearch":
            known[arguments[0]].make_context(arguments[0], arguments[1:])
        else:
            assert snippet.reason, (
                f"{snippet.place}: {program} is not run: say why, in a comment in front of it"
            )


@pytest.mark.long
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_the_snippets_of_a_page_run_one_after_another(page: Path, tmp_path: Path) -> None:
    run_snippets(page, tmp_path)
