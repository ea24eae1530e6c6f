"""What of a script an expression needs: every statement that binds or changes what it looks up, no other."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from hpsearch.spec.sources.script import NAME, call_at, code_for, statements

SCRIPT = """
from __future__ import annotations
import json
import numpy as np

classes = 3
classes += 1
sizes = []
sizes.append(classes)
options = {}
options["rate"] = 0.5
unused = open("there is no such file")


class Base:
    def build(self, hp: Missing):
        return hp, sizes, options


class Hyper(Base):
    def __init__(self, extra):
        unused = extra
        self.extra = unused


if __name__ == "__main__":
    local = np.arange(2)
    tuner = search(
        Hyper(local.sum()), trials=3
    )
"""


def call(body: list[ast.stmt]) -> ast.Call:
    (found,) = (
        one for node in body for one in ast.walk(node) if isinstance(one, ast.Call) and name(one) == "search"
    )
    return found


def name(one: ast.Call) -> str:
    return one.func.id if isinstance(one.func, ast.Name) else ""


def test_what_is_needed_runs_by_itself() -> None:
    body = statements([SCRIPT])
    code = code_for(call(body).args[0], body)
    names: dict[str, Any] = {}
    exec(compile(code, "model.py", "exec", dont_inherit=True), names)  # noqa: S102 - written above
    model = names[NAME]
    assert model.extra == 1
    assert model.build("hp") == ("hp", [4], {"rate": 0.5})
    assert not {"unused", "json", "tuner"} & names.keys()


def test_a_comment_or_what_is_not_needed_changes_nothing() -> None:
    body = statements([SCRIPT])
    other = statements(
        [SCRIPT.replace("classes = 3", "classes = 3  # kinds").replace("trials=3", "trials=9")]
    )
    assert code_for(call(body).args[0], body) == code_for(call(other).args[0], other)


def test_cells_of_a_notebook_are_one_script() -> None:
    body = statements(["a = 1", "%magic", "def build(hp):\n    return a", "search(build)"])
    assert code_for(call(body).args[0], body[:-1]).split() == [
        "a",
        "=",
        "1",
        "def",
        "build(hp):",
        "return",
        "a",
        "hypermodel",
        "=",
        "build",
    ]


@pytest.mark.parametrize("shift", [0, 1])
def test_a_call_is_found_by_its_place(shift: int) -> None:
    body = statements([SCRIPT])
    known = call(body)
    place = (known.lineno, known.end_lineno, known.col_offset + shift, known.end_col_offset)
    assert call_at(body, place) is (None if shift else known)
    assert call_at(body, None) is None
