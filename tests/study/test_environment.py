"""`hpsearch doctor`: what is wrong with a machine, and what to do about it."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import pytest

from hpsearch.exceptions import WrongNumbersError
from hpsearch.study import environment
from hpsearch.study.environment import Finding, examine
from support.commands import here, python


def found(name: str) -> Finding:
    return next(one for one in examine() if one.name == name)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be taken away here")
def test_a_sound_machine_with_one_core_taken_away(tmp_path: Path) -> None:
    first = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, {{{first}}})\nfrom hpsearch.cli import main\nmain()"
    result = python(code, "doctor", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert f"ok jax: {version('jax')}" in lines
    assert "ok JAX: computes right numbers on cpu cpu" in lines
    count = os.cpu_count() or 1
    assert f"ok cores: 1 core{f' of {count}' if count > 1 else ''}" in lines


def test_a_package_that_is_too_old_and_one_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = environment._version
    told = {"optuna": "4.9.0", "keras": None}
    monkeypatch.setattr(environment, "_version", lambda name: told.get(name, installed(name)))
    assert found("optuna").advice.startswith("hpsearch was not tried with this version: pip install 'optuna")
    assert not found("optuna").stops
    assert found("keras").stops
    assert found("numpy").advice == ""


def test_a_compiler_that_computes_wrong_numbers_stops_everything(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def wrong() -> None:
        raise WrongNumbersError("jaxlib computes wrong numbers")

    monkeypatch.setattr(environment, "check_compiler", wrong)
    assert found("JAX") == Finding("JAX", "does not compute", "jaxlib computes wrong numbers", stops=True)
    result = here("doctor", cwd=tmp_path)
    assert result.returncode == 1
    assert "xx JAX: does not compute" in result.stdout
    assert "no study can run here" in result.stderr


def test_a_container_with_the_time_of_half_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "processor_quota", lambda: 0.5)
    assert found("cores").found.endswith("the container has the time of 0.5")
    assert found("cores").advice == "use at most --workers 1"
    monkeypatch.setattr(environment, "processor_quota", lambda: None)
    assert found("cores").advice == ""


def test_settings_that_may_not_be_meant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HPSEARCH_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HPSEARCH_CACHE", "")
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    assert found("HPSEARCH_DATA").advice == "make the directory, or unset the variable"
    assert found("compilation cache").found == "off, by HPSEARCH_CACHE"
    assert found("XLA_FLAGS").found == "--xla_cpu_enable_fast_math=true"


def test_a_cache_that_others_can_write_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cache = tmp_path / "programs"
    cache.mkdir()
    cache.chmod(0o777)
    monkeypatch.setenv("HPSEARCH_CACHE", str(cache))
    assert "can be written by others" in found("compilation cache").found
    assert "each run compiles anew" in found("compilation cache").advice
