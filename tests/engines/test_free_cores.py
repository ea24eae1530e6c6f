"""Workers take cores that no other worker of this machine has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from hpsearch.engines.process import free_cores
from hpsearch.engines.process.free_cores import take_core
from support.commands import environment

HOLDER = """
import sys
from pathlib import Path
from hpsearch.engines.process.free_cores import take_core
print(take_core([int(core) for core in sys.argv[2:]], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""

WORKER = """
import os, sys
from hpsearch.data import load_dataset
from hpsearch.engines.policy.cores import use_cores
from hpsearch.spec import read_spec
from hpsearch.spec.study_file.source import Source
from pathlib import Path
study = {"name": "a", "data": "sklearn:iris", "model": {"mlp": {"hidden": [4]}}, "training": {"epochs": 1}}
spec = read_spec(Source("a", study, {}))
use_cores(spec, load_dataset(spec.data, Path(), None))
print(sorted(os.sched_getaffinity(0)), flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(code: str, *arguments: object, **extra: str) -> Iterator[str]:
    """Give what a process printed, while it lives."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(
        command, env=environment(**extra), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.mark.slow
def test_each_takes_the_core_with_the_fewest_workers(tmp_path):
    with ExitStack() as stack:
        taken = [stack.enter_context(holding(HOLDER, tmp_path, 3, 1, 2)) for _ in range(5)]
    assert taken == ["3", "1", "2", "3", "1"]


@pytest.mark.slow
def test_a_killed_worker_frees_its_core(tmp_path):
    with holding(HOLDER, tmp_path, 1, 0) as first, holding(HOLDER, tmp_path, 1, 0) as second:
        assert (first, second) == ("1", "0")
    with holding(HOLDER, tmp_path, 1, 0) as third:
        assert third == "1"


def test_only_cores_that_the_process_may_use_are_taken(tmp_path):
    with holding(HOLDER, tmp_path, 1, 0), holding(HOLDER, tmp_path, 1) as second:
        assert second == "1"


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_two_studies_at_once_train_on_different_cores(tmp_path):
    home = {"XDG_CACHE_HOME": str(tmp_path)}
    with holding(WORKER, **home) as first, holding(WORKER, **home) as second:
        known = sorted(os.sched_getaffinity(0))
        assert [first, second] == [f"[{known[-1]}]", f"[{known[-2]}]"]


def test_without_a_place_for_locks_it_is_the_first(tmp_path):
    (tmp_path / "file").write_text("")
    assert take_core([5, 4], tmp_path / "file" / "cores") == 5


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(free_cores.platform, "node", lambda: "here")
    (tmp_path / "here-1-0.lock").symlink_to(tmp_path / "elsewhere")
    assert take_core([1, 0], tmp_path) == 1
    assert not (tmp_path / "elsewhere").exists()
