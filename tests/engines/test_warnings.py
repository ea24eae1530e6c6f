"""What is warned of in a worker's process is shown as a sentence."""

from __future__ import annotations

import multiprocessing
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch.engines.local import serve
from hpsearch.engines.process.failures import show_warnings
from hpsearch.engines.process.spawn import main_hidden


class Warns:
    """A message that warns where it is received, and closes the worker."""

    def __reduce__(self) -> Any:
        return warnings.warn, ("units was set to 8",)


def test_a_worker_shows_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,))
    with main_hidden():
        process.start()
    pipe.send(Warns())
    process.join(30)
    assert process.exitcode == 0
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("hpsearch: warning: units was set to 8 (in ")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setattr(warnings, "showwarning", None)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        show_warnings()

        def lines() -> list[str]:
            return capsys.readouterr().err.splitlines()

        yield lines


def warn(text: str, category: type[Warning], place: str) -> None:
    warnings.warn_explicit(text, category, place, 3)


def test_what_is_told_twice_is_shown_once(shown: Any) -> None:
    for text in ("slow", "slow", "slower\x1b[2J\nsecond"):
        warn(text, UserWarning, "/home/me/model.py")
    assert shown() == [
        "hpsearch: warning: slow (in model.py:3)",
        r"hpsearch: warning: slower\u001b[2J\u000asecond (in model.py:3)",
    ]


@pytest.mark.parametrize("category", [DeprecationWarning, PendingDeprecationWarning, FutureWarning])
def test_what_concerns_developers_is_not_shown(category: type[Warning], shown: Any) -> None:
    warn("goes in 4.0", category, "/home/me/model.py")
    assert shown() == []


def test_arithmetic_is_shown_of_a_users_own_code_only(shown: Any) -> None:
    np.nanmean(np.array([np.nan]))
    warn("overflow", RuntimeWarning, str(Path(np.__file__).parent / "core.py"))
    warn("overflow", RuntimeWarning, "/home/me/model.py")
    assert [line for line in shown() if "test_warnings" not in line] == [
        "hpsearch: warning: overflow (in model.py:3)"
    ]
