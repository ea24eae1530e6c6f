"""The page on the architecture says what the code is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "hpsearch"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def arrows() -> set[tuple[str, str]]:
    """Read the arrows of the picture."""
    (picture,) = re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
    plain = re.sub(r'\[".*?"\]', "", picture)
    return set(re.findall(r"(\w+) --> (\w+)", plain))


def rooms() -> set[str]:
    return {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}


def imports() -> Iterator[tuple[str, str]]:
    """List the imports between rooms, late and type-checking ones too."""
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hpsearch."):
                names = [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names if alias.name.startswith("hpsearch.")]
            else:
                continue
            for name in names:
                yield room, name.split(".")[1]


def below(room: str) -> set[str]:
    """List the rooms that the picture has below a room."""
    found, new = set[str](), {room}
    while new:
        new = {low for high, low in arrows() if high in new} - found
        found |= new
    return found


def test_the_picture_has_every_room() -> None:
    assert {room for arrow in arrows() for room in arrow} == rooms()


def test_every_import_points_down_the_picture() -> None:
    up = {(a, b) for a, b in imports() if a in rooms() and b in rooms() and a != b and b not in below(a)}
    assert not up


def test_every_arrow_is_an_import() -> None:
    assert arrows() <= set(imports())


def test_what_the_page_names_is_there() -> None:
    named = set(re.findall(r"`((?:\w+/)+\w*(?:\.py)?)`", PAGE))
    assert len(named) > 20
    assert [name for name in named if not (PACKAGE / name).exists() and not (ROOT / name).exists()] == []


def test_no_module_stands_loose() -> None:
    loose = {path.stem for path in PACKAGE.glob("*.py")}
    assert loose == {"__init__", "__main__", "exceptions", "seeds"}


LONG = {"analysis/analysis.py: analyze_search"}
"""A function of one expression: a record, with each of its fields."""


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function but those of its docstring."""
    first = function.body[0] if ast.get_docstring(function, clean=False) is not None else None
    docstring = 0 if first is None else (first.end_lineno or 0) - first.lineno + 1
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def test_functions_are_short() -> None:
    long = {
        f"{path.relative_to(PACKAGE).as_posix()}: {node.name}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines_of(node) > 30
    }
    assert long == LONG


def test_files_are_short() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert [path for path, length in lengths.items() if length > 400] == []


def test_two_loops_order_training() -> None:
    """The coordinator trains members side by side and decides between epochs; all else trains single ones."""
    orders = {path.stem for path in PACKAGE.rglob("*.py") if "TickOrder(" in path.read_text(encoding="utf-8")}
    assert orders == {"coordinator", "single_member"}
    advances = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "trainer.advance" in path.read_text(encoding="utf-8")
    }
    assert advances == {"engines/session/session.py"}
