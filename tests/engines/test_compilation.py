"""What was compiled before is native code: it is loaded only from where nobody else can put it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from unittest import mock

import pytest

from hpsearch.engines.process import compilation, turns
from hpsearch.engines.process.compilation import own_directory, seal, unsealed, use_compilation_cache
from support.commands import STUDY, python, succeed, write_study

SWAPPED = """
import sys
import jax, jax.numpy as jnp
from pathlib import Path
from hpsearch.engines.process import compilation
compilation.MIN_SECONDS = 0
assert compilation.use_compilation_cache() == (True, None)

@jax.jit
def added(x):
    return x + 1

@jax.jit
def doubled(x):
    return x * 2

print(float(added(5.0)), float(doubled(5.0)))
"""


def entries(directory: Path) -> list[Path]:
    return sorted(
        path
        for path in directory.iterdir()
        if path.name.startswith(("jit_added", "jit_doubled")) and path.name.endswith("-cache")
    )


@pytest.mark.slow
def test_an_entry_of_another_program_is_never_run(tmp_path):
    cache = tmp_path / "cache"
    first = python(SWAPPED, cwd=tmp_path, HPSEARCH_CACHE=str(cache))
    assert first.stdout == "6.0 10.0\n", first.stderr
    added, doubled = entries(cache)
    right = added.read_bytes(), doubled.read_bytes()
    added.write_bytes(right[1])
    doubled.write_bytes(right[0])
    second = python(SWAPPED, cwd=tmp_path, HPSEARCH_CACHE=str(cache))
    assert second.stdout == "6.0 10.0\n", second.stderr
    # They are compiled and kept anew.
    assert [
        unsealed(path.name.removesuffix("-cache"), path.read_bytes()) is None for path in entries(cache)
    ] == [False] * 2


@pytest.mark.slow
def test_the_known_computation_is_kept_however_quickly_it_compiled(tmp_path):
    code = """
from hpsearch.engines.process import canary, compilation
from hpsearch.engines.process.compiler import tell_compiler
tell_compiler()
compilation.MIN_SECONDS = 1000
compilation.use_compilation_cache()
canary.check_compiler()
"""
    cache = tmp_path / "cache"
    told = python(code, cwd=tmp_path, HPSEARCH_CACHE=str(cache))
    assert told.returncode == 0, told.stderr
    assert len([path for path in cache.iterdir() if path.name.endswith("-cache")]) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage", ["cut", *(pytest.param(one, marks=pytest.mark.long) for one in ("emptied", "flipped"))]
)
def test_a_damaged_entry_is_compiled_anew(damage, tmp_path):
    cache = tmp_path / "cache"
    python(SWAPPED, cwd=tmp_path, HPSEARCH_CACHE=str(cache))
    for path in entries(cache):
        whole = path.read_bytes()
        middle = len(whole) // 2
        path.write_bytes(
            {
                "cut": whole[:middle],
                "emptied": b"",
                "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            }[damage]
        )
    again = python(SWAPPED, cwd=tmp_path, HPSEARCH_CACHE=str(cache))
    assert (again.stdout, again.stderr) == ("6.0 10.0\n", "")


SIDE_BY_SIDE = """
import sys
import time
from pathlib import Path
import jax, jax.numpy as jnp
from hpsearch.engines.process import compilation
assert compilation.use_compilation_cache() == (True, None)
loaded = []
jax.monitoring.register_event_listener(lambda event, **_: loaded.append(event) if "cache_hits" in event else None)

def long(x):
    for _ in range(200):
        x = jnp.sin(x @ x) + jnp.sort(x, axis=0)
    return x

lowered = jax.jit(long).lower(jnp.zeros((64, 64)))
here, there = map(Path, sys.argv[1:])
here.touch()
while not there.exists():
    time.sleep(0.001)
del loaded[:]
lowered.compile()
print(len(loaded))
"""


@pytest.mark.slow
def test_of_two_workers_that_want_a_program_one_compiles_it(tmp_path):
    command = [sys.executable, "-c", SIDE_BY_SIDE]
    environment = os.environ | {"HPSEARCH_CACHE": str(tmp_path / "cache")}
    workers = [
        subprocess.Popen([*command, *names], cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE)
        for names in (("a", "b"), ("b", "a"))
    ]
    assert sorted(worker.communicate()[0] for worker in workers) == ["0\n", "1\n"]


class TestTurns:
    def test_a_turn_is_waited_for(self, tmp_path, monkeypatch):
        monkeypatch.setattr(turns, "MOST_SECONDS", 0.05)
        command = [sys.executable, "-c", HOLDER, str(tmp_path)]
        with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as holder:
            assert holder.stdout.readline() == "True\n"
            mine = turns.Turns(tmp_path)
            assert mine.take("another")
            assert not mine.take("program")  # it is no longer waited for
            monkeypatch.setattr(turns, "MOST_SECONDS", 60)
            threading.Timer(0.2, holder.kill).start()
            assert mine.take("program")

    def test_a_disk_without_locks_has_no_turns(self, tmp_path, monkeypatch):
        monkeypatch.setattr("fcntl.lockf", mock.Mock(side_effect=OSError(errno.ENOLCK, "no locks")))
        assert not turns.Turns(tmp_path).take("program")


HOLDER = """
import sys, time
from pathlib import Path
from hpsearch.engines.process.turns import Turns
print(Turns(Path(sys.argv[1])).take("program"), flush=True)
time.sleep(60)
"""


def test_a_seal_is_of_one_key_and_one_program():
    stored = seal("a", b"code") + b"code"
    assert unsealed("a", stored) == b"code"
    assert unsealed("b", stored) is None
    assert unsealed("a", stored + b"!") is None
    assert unsealed("a", b"") is None


def test_the_directory_is_made_for_its_user_alone(tmp_path):
    directory = tmp_path / "x" / "programs"
    assert own_directory(directory) is None
    assert directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777, 0o720])
def test_a_directory_that_others_can_write_to_is_not_used(mode, tmp_path):
    tmp_path.chmod(mode)
    assert "can be written by others" in str(own_directory(tmp_path))


def test_a_directory_of_another_user_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert "belongs to another user" in str(own_directory(tmp_path))


def test_a_link_is_judged_by_what_it_leads_to(tmp_path):
    (tmp_path / "there").mkdir(mode=0o777)
    (tmp_path / "there").chmod(0o777)
    (tmp_path / "link").symlink_to("there")
    assert "can be written by others" in str(own_directory(tmp_path / "link"))


@pytest.mark.parametrize(("mode", "used"), [(0o755, True), (0o777, False), (0o1777, True)])
def test_nor_one_that_others_can_replace(mode, used, tmp_path):
    outer = tmp_path / "outer"
    (outer / "inner" / "programs").mkdir(parents=True, mode=0o700)
    outer.chmod(mode)
    assert (own_directory(outer / "inner" / "programs") is None) == used


def test_a_directory_that_cannot_be_made_turns_the_cache_off_silently(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "file" / "programs"))
    assert use_compilation_cache()[0] is False


def test_a_cache_that_jax_does_not_know_is_none(tmp_path, monkeypatch):
    from jax._src import compilation_cache

    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "programs"))
    monkeypatch.delattr(compilation_cache, "_cache_initialized")
    assert compilation.use_compilation_cache() == (False, None)


@pytest.mark.long
def test_a_study_says_that_it_does_without(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    study = write_study(tmp_path / "a.yaml", STUDY)
    told = succeed("optimize", study, cwd=tmp_path, HPSEARCH_CACHE=str(shared))
    assert "without the compilation cache" in told.stdout + told.stderr
    assert not list(shared.iterdir())


ASKED_FOR = """
import sys
sys.modules["filelock"] = None
from jax._src.lru_cache import LRUCache
try:
    LRUCache(".", max_size=1)
except RuntimeError as failure:
    print("filelock" in str(failure))
"""


def test_what_jaxs_cache_asks_for_and_jax_does_not_require_is_a_dependency(tmp_path: Path) -> None:
    """Without it every study fails at its start; where JAX asks no more, it may go."""
    assert python(ASKED_FOR, cwd=tmp_path).stdout == "True\n"
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert any(needed.startswith("filelock") for needed in project["project"]["dependencies"])
