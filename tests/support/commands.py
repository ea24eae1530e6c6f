"""Run the command line as people do: in a process of its own, in a directory of its own."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from ruamel.yaml import YAML

from hpsearch.cli.app import main
from hpsearch.engines import ENGINES
from hpsearch.engines.in_process import InProcessEngine
from hpsearch.store.layout import StudyFiles
from hpsearch.store.resolved import read_resolved
from hpsearch.store.winner import model_stamp, read_inference_info, write_inference_info
from support.forks import Forks

LIMIT = 180
"""Seconds after which a command counts as stuck."""

Result = subprocess.CompletedProcess[str]

STUDY: dict[str, Any] = {
    "name": "a",
    "data": "sklearn:iris",
    "model": {"mlp": {"hidden": [4]}},
    "training": {"learning_rate": {"log_uniform": [1e-3, 1e-1]}, "epochs": 2, "batch_size": 50},
    "search": {"trials": 2},
}
"""A study that is over in a moment."""


def environment(**extra: str) -> dict[str, str]:
    """Give an environment without the caller's own settings, and with compiled programs kept between tests."""
    known = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HPSEARCH_", "KERAS_", "JAX_", "XLA_", "TF_"))
        and name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
    }
    cache = Path(tempfile.gettempdir()) / f"hpsearch-tests-{os.getpid()}"
    kept = {
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    }
    return {
        **known,
        **kept,
        "HPSEARCH_BASELINE": "off",
        "COLUMNS": "200",
        "PYTHONIOENCODING": "utf-8",
        **extra,
    }


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "hpsearch", *map(str, arguments)]


@cache
def forks() -> Forks:
    return Forks(environment())


def run(*arguments: str | Path, cwd: Path, **extra: str) -> Result:
    """Run hpsearch to its end, in a fork unless it is to find what libraries read when they are imported."""
    if all(name.startswith(("HPSEARCH_", "KERAS_")) for name in extra):
        try:
            return forks().run(list(map(str, arguments)), cwd, environment(**extra), LIMIT)
        except subprocess.TimeoutExpired:
            forks.cache_clear()
            raise
    return anew(*arguments, cwd=cwd, **extra)


def anew(*arguments: str | Path, cwd: Path, **extra: str) -> Result:
    """Run hpsearch to its end, started as a person starts it."""
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=environment(**extra),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=LIMIT,
        check=False,
    )


def succeed(*arguments: str | Path, cwd: Path, **extra: str) -> Result:
    """Run hpsearch and expect it to do what it was asked for."""
    result = run(*arguments, cwd=cwd, **extra)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def python(code: str, *arguments: str, cwd: Path, limit: int = LIMIT, **extra: str) -> Result:
    """Run a few lines of Python in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )


def in_process(*arguments: str | Path) -> int:
    """Run the command line in this process and give its exit code."""
    before = sys.argv
    sys.argv = ["hpsearch", *map(str, arguments)]
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        sys.argv = before
    return 0


def here(*arguments: str | Path, cwd: Path) -> Result:
    """Run hpsearch and train in this process: for what comes out the same there, and takes a fifth of the time."""
    out, err = io.StringIO(), io.StringIO()
    workers, columns = (
        mock.patch.dict(ENGINES, local=InProcessEngine),
        mock.patch.dict(os.environ, COLUMNS="200"),
    )
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err), workers, columns, warnings.catch_warnings():
        # They are told and not raised, as in a process of its own.
        warnings.simplefilter("default")
        code = in_process(*arguments)
    gc.unfreeze()
    return subprocess.CompletedProcess(command(*arguments), code, out.getvalue(), err.getvalue())


def succeed_here(*arguments: str | Path, cwd: Path) -> Result:
    """Run hpsearch in this process and expect it to do what it was asked for."""
    result = here(*arguments, cwd=cwd)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


@contextmanager
def started(*arguments: str | Path, cwd: Path, **extra: str) -> Iterator[subprocess.Popen[str]]:
    """Start hpsearch in a group of processes of its own, and leave nothing of it behind."""
    process = subprocess.Popen(
        command(*arguments),
        cwd=cwd,
        env=environment(**extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until something holds, as long as the process lives."""
    end = time.monotonic() + LIMIT
    while not holds():
        if process.poll() is not None:
            out, err = process.communicate()
            raise AssertionError(f"ended with {process.returncode} before that:\n{out}{err}")
        if time.monotonic() > end:
            raise AssertionError("it never came")
        time.sleep(0.01)


def write_study(path: Path, study: Mapping[str, Any]) -> Path:
    """Write a study file from plain data."""
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        yaml.dump(dict(study), stream)
    return path


def seal(directory: Path) -> None:
    """Write anew what belongs to the best model, as one who knows how would do for a model of his own."""
    files = StudyFiles(directory.parents[1], directory.name)
    resolved = read_resolved(files)
    assert resolved is not None
    applied = read_inference_info(files.best_preprocessing, resolved.identity)
    assert applied is not None
    stamp = resolved.identity.stamp(**model_stamp(applied.winner, files.best_model))
    write_inference_info(files.best_preprocessing, applied, stamp)


def events(directory: Path) -> list[dict[str, Any]]:
    """Read the tick log of a study's directory, as far as it is whole."""
    path = directory / "ticks.jsonl"
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [event for line in lines for event in json.loads(line)["events"]]


def ended(directory: Path) -> dict[int, dict[str, Any]]:
    """Give the end of each trial of a tick log; no trial may end twice."""
    ends = [event for event in events(directory) if event["kind"] == "end"]
    assert len({end["number"] for end in ends}) == len(ends), "a trial ended twice"
    return {end["number"]: end for end in ends}
