"""Where workers find what builds the models: in a file of its own, or among the statements of a script."""

from __future__ import annotations

import ast
import inspect
import linecache
import os
import types
from pathlib import Path
from typing import Any

from hpsearch.exceptions import ModelCodeError, StudyMismatchError
from hpsearch.spec.sources.script import NAME, call_at, code_for, statements
from hpsearch.store.disk import write_atomically
from hpsearch.store.layout import StudyFiles

INSIDE = __name__.rpartition(".")[0]
REMEDY = "workers run it; move the function or class to a file such as my_model.py, and import it from there"


def has_own_file(hypermodel: Any) -> bool:
    """Return whether a function or class is defined at the top of a module that workers can run."""
    known = isinstance(hypermodel, types.FunctionType | type) and hypermodel.__module__ != "__main__"
    return known and "." not in hypermodel.__qualname__


def caller() -> types.FrameType:
    """Return the frame of the script that makes a tuner."""
    frame = inspect.currentframe()
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(INSIDE):
        frame = frame.f_back
    assert frame is not None  # noqa: S101 - something has called us
    return frame


def code_of(frame: types.FrameType, kept: Path) -> str:
    """Return a file that has the hypermodel of the tuner which a script is about to make, under `NAME`.

    Args:
        frame: That of the script.
        kept: The path of the file.

    Raises:
        ModelCodeError: It is not told by the statements at the top of the script.
    """
    path = frame.f_code.co_filename
    body = statements(["".join(linecache.getlines(path, frame.f_globals))])
    call = call_at(body, inspect.getframeinfo(frame, context=0).positions)
    given = None if call is None else _hypermodel(call)
    where = f"hypermodel: {path}:{frame.f_lineno}: expected"
    if call is None or given is None:
        raise ModelCodeError(f"{where} a call that names what builds the models: {REMEDY}")
    before = [one for one in body if one.lineno < call.lineno]
    if frame.f_code.co_name != "<module>":
        own = {one.id for one in ast.walk(given) if isinstance(one, ast.Name)} & set(frame.f_locals)
        if own:
            raise ModelCodeError(
                f"{where} what the top of the script defines; found {', '.join(sorted(own))} of "
                f"{frame.f_code.co_name}(): {REMEDY}"
            )
        before = body
    earlier = frame.f_globals.get("In", [])[:-1] if "get_ipython" in frame.f_globals else []
    return _heading(path, kept) + code_for(given, [*statements(earlier), *before])


def _hypermodel(call: ast.Call) -> ast.expr | None:
    """Return the argument of a tuner that is its hypermodel."""
    named = [one.value for one in call.keywords if one.arg == NAME]
    return next(iter([*call.args[:1], *named]), None)


HEADING = """\
import os
import sys

__file__ = os.path.normpath(os.path.join(os.path.dirname(__file__), {script!r}))
sys.path.append(os.path.dirname(__file__))

"""
"""Makes a file know its script, and find the script's neighbours, also where both have moved together."""

LAST = HEADING.splitlines()[-2]


def _heading(path: str, kept: Path) -> str:
    """Begin a file as one of a script; a notebook's cell has no path."""
    if not Path(path).is_file():
        return ""
    script = Path(path).resolve()
    try:
        place = os.path.relpath(script, kept.resolve().parent)
    except ValueError:  # on another drive
        place = str(script)
    return HEADING.format(script=Path(place).as_posix())


def _without_heading(code: str) -> str:
    return code.partition(LAST)[2] or code


def keep_code(files: StudyFiles, code: str) -> dict[str, str]:
    """Write the file that builds a study's models, once, and name it as the study file does.

    A script may go on under another name, from another place.

    Raises:
        StudyMismatchError: The study was begun with another one.
    """
    path = files.code.resolve()
    known = path.read_text(encoding="utf-8") if path.exists() else None
    if known is not None and _without_heading(known) != _without_heading(code):
        raise StudyMismatchError(
            f"what builds the models of {files.name!r} has changed since the study was begun ({path}): make "
            "the tuner with another project_name, or start over with overwrite=True"
        )
    if known is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, code.encode())
    return {"file": str(path), "function": NAME}
