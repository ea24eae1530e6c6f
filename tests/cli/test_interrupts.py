"""Ctrl-C ends a command with one sentence, however early it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

STUDY = Path(__file__).parents[2] / "studies" / "wine.yaml"


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.6])
def test_before_the_study_has_begun(tmp_path: Path, seconds: float) -> None:
    command = [
        sys.executable,
        "-c",
        "from hpsearch.cli import main; print(flush=True); main()",
        "optimize",
        STUDY,
    ]
    with subprocess.Popen(
        [*command, "--out", tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "hpsearch: stopped at once; run the same command again to continue\n"


IMPORTED_INSTEAD = """
import importlib.abc
import sys
import time


class Instead(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "hpsearch.cli.app":
            drop()


def wait():
    print(flush=True)
    time.sleep(10)

{drop}

from hpsearch.cli import main

sys.meta_path.insert(0, Instead())
main()
"""

SUPPRESSED = """
from contextlib import suppress

def drop():
    with suppress(KeyboardInterrupt):
        wait()
"""

NOT_RAISABLE = """
class Waits:
    def __del__(self):
        wait()

def drop():
    Waits()
"""


@pytest.mark.slow
@pytest.mark.parametrize("drop", [SUPPRESSED, NOT_RAISABLE])
def test_while_a_library_drops_what_is_raised_in_it(tmp_path: Path, drop: str) -> None:
    script = IMPORTED_INSTEAD.format(drop=drop)
    with subprocess.Popen(
        [sys.executable, "-c", script, "optimize", STUDY, "--out", tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err == "hpsearch: stopped at once; run the same command again to continue\n"
