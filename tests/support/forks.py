"""Run hpsearch in forks of a process that has imported its libraries, which otherwise is most of what a command does.

A fork is a process like any other: it has its own directory, environment, streams and exit code, and spawns its
workers anew. Run as a program, this file is the process that forks, and hears orders on its standard input.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any


class Forks:
    """A process that forks, started with the first command and ended with this one."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._files = tempfile.TemporaryDirectory(prefix="hpsearch-forks-")
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._count = 0
        atexit.register(self.close)

    def run(
        self, arguments: list[str], cwd: Path, environment: dict[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """Run hpsearch to its end; raises TimeoutExpired."""
        self._count += 1
        streams = [Path(self._files.name, f"{self._count}.{name}") for name in ("out", "err")]
        order = {
            "arguments": arguments,
            "cwd": str(cwd.absolute()),
            "environment": environment,
            "streams": list(map(str, streams)),
        }
        code = self._answer(order, seconds)
        out, err = (path.read_text(encoding="utf-8") for path in streams)
        for path in streams:
            path.unlink()
        return subprocess.CompletedProcess(["hpsearch", *arguments], code, out, err)

    def _answer(self, order: dict[str, Any], seconds: float) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(order["arguments"], seconds)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        with suppress(OSError):
            self._process.communicate()
        self._files.cleanup()


AHEAD = (
    "alembic.config",
    "matplotlib.backends.backend_svg",
    "optuna.storages",
    "scipy.stats",
    "sklearn.ensemble",
    "sqlalchemy.orm",
    "hpsearch.analysis",
    "hpsearch.cli",
    "hpsearch.study.coordinator",
    "hpsearch.study.finish.first_weights",
    "hpsearch.report.html.reports",
    "hpsearch.scheduling.schedulers",
    "hpsearch.study.lifecycle",
    "hpsearch.store.optuna.projection",
    "hpsearch.cli.tables",
    "hpsearch.cli.progress",
)
"""What commands import before they begin; not Keras, whose backend is theirs to choose."""


def import_ahead() -> None:
    """Import what is slow to import."""
    for name in AHEAD:
        importlib.import_module(name)
    # Else every fork looks through all of it once more when it ends.
    gc.freeze()


def serve() -> None:
    """Carry out orders, each in a fork, and answer with the exit code."""
    while line := sys.stdin.buffer.readline():
        child = os.fork()
        if child == 0:
            become(**json.loads(line))
            return
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(1, b"%d\n" % code)


def become(arguments: list[str], cwd: str, environment: dict[str, str], streams: list[str]) -> None:
    """Be `python -m hpsearch`, started in a directory."""
    for number, path in enumerate((os.devnull, *streams)):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = str(Path.cwd())
    sys.argv = ["hpsearch", *arguments]
    runpy.run_module("hpsearch", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    import_ahead()
    serve()
