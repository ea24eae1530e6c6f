"""What a shell may complete where a study is expected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

SUFFIXES = (".yaml", ".yml")


def study_files(incomplete: str) -> list[str]:
    """Return the study files that begin so, and the directories that lead to some."""
    return list(_files(incomplete))


def studies(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of studies that were begun and begin so, and study files."""
    runs = Path(ctx.params.get("out") or "") / "runs"
    begun = runs.iterdir() if runs.is_dir() else ()
    names = sorted(path.name for path in begun if path.is_dir() and path.name.startswith(incomplete))
    return [*names, *_files(incomplete)]


def _files(incomplete: str) -> Iterator[str]:
    parent, separator, start = incomplete.rpartition("/")
    directory = Path(parent + separator)
    for path in sorted(directory.iterdir()) if directory.is_dir() else ():
        hidden = path.name.startswith(".") and not start
        if not path.name.startswith(start) or hidden:
            continue
        if path.is_dir():
            yield f"{parent}{separator}{path.name}/"
        elif path.suffix in SUFFIXES:
            yield f"{parent}{separator}{path.name}"
