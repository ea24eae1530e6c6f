"""A shell completes studies: those that were begun by name, and study files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.commands import environment


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for directory in ("runs/digits", "runs/wine", "studies"):
        (tmp_path / directory).mkdir(parents=True)
    for file in ("diabetes.yaml", "studies/digits_cnn.yaml", "studies/notes.txt", "data.csv"):
        (tmp_path / file).touch()
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("status di", ["digits", "diabetes.yaml"]),
        ("optimize di", ["diabetes.yaml"]),
        ("optimize studies/", ["studies/digits_cnn.yaml"]),
        ("status --out nowhere d", ["diabetes.yaml"]),
        ("opti", ["optimize"]),
        ("optimize --take", ["--takeover"]),
    ],
)
def test_a_shell_completes(typed: str, completed: list[str], place: Path) -> None:
    words = f"hpsearch {typed}"
    count = str(len(words.split()) - 1)
    bash = asked(place, _HPSEARCH_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=count)
    assert bash.split() == completed
    zsh = asked(place, _HPSEARCH_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=words)
    assert all(f'"{word}"' in zsh for word in completed)


def asked(place: Path, **question: str) -> str:
    """Ask the command, by the name that a shell knows, as its completion does."""
    return subprocess.run(
        [Path(sys.executable).parent / "hpsearch"],
        cwd=place,
        env=environment(**question),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
